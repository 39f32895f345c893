// Every element that the fused ops compute, the inner ones among them, is within its bound; a fault in one is named.
#include <bit>
#include <cmath>
#include <span>

#include "layers/blocks/conv_norm_fused.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/squeeze_excitation_fused.h"
#include "tests/everywhere.h"
#include "tests/layers/blocks/mbconv_cases.h"
#include "tests/layers/shadow_watch.h"

namespace vitrine::testing {
namespace {

// What an input's values are like: normal, far from zero, near the ends of float32.
struct Like {
  const char* name;
  double mean, deviation, gradient;
};
constexpr Like kUsual{"drawn", 0.1, 1, 1};
constexpr Like kOthers[] = {{"far from zero", 1000, 1, 1},    {"constant", 3, 0, 1},      {"large", 0, 1e12, 1e6},
                            {"small", 0, 1e-15, 1e-10},       {"subnormal", 0, 1e-40, 1}, {"tiny gradients", 0.1, 1, 1e-38},
                            {"no gradient at all", 0.1, 1, 0}};

void run_block(const MBConvSizes& z, const Like& like, ShadowWatch& watch) {
  MBConv block = block_of(z);
  Tape tape;
  tape.observe(&watch);
  const Variable x = tape.input(drawn({z.N, z.H, z.W, z.in}, like.mean, like.deviation, 1));
  const Variable y = block.forward(x, {.mode = Mode::train, .tape = &tape, .fused = true});
  tape.backward(y, drawn(y.shape(), 0, like.gradient, 2));
}

class FusedShadows : public ::testing::TestWithParam<MBConvSizes> {};

// Whole where it is small; else some thousand elements of each tensor.
std::int64_t most_of(const MBConvSizes& z) { return z.N * z.H * z.W > 5000 ? 3000 : ShadowWatch::kAll; }

TEST_P(FusedShadows, EveryElementIsWithinItsBoundEverywhere) {
  const MBConvSizes& z = GetParam();
  everywhere({1, 3}, [&](const std::string& where) {
    ShadowWatch watch(where);
    watch.most = most_of(z);
    run_block(z, kUsual, watch);
    EXPECT_TRUE(watch.names.contains("fused_mbconv"));
    EXPECT_TRUE(watch.rhos.contains("fused_mbconv z2"));
  });
}

TEST_P(FusedShadows, AreWithinTheirBoundsForInputsOfEveryKind) {
  const bool whole = most_of(GetParam()) == ShadowWatch::kAll;
  for (const Like& like : std::span(kOthers).first(whole ? std::size(kOthers) : 1)) {
    ShadowWatch watch(like.name);
    watch.most = most_of(GetParam());
    run_block(GetParam(), like, watch);
  }
}

// Of the elements that are looked at, with a bit in the middle of the mantissa flipped: how many stay within their bound, and of how many.
std::pair<int, int> missed_flips(const Shadow& shadow, std::int64_t most) {
  int missed = 0, flipped = 0;
  for (std::int64_t i = 0; i < shadow.elements; i += 1 + shadow.elements / std::min<std::int64_t>(most, 500)) {
    const double value =
        shadow.seen ? shadow.seen(i) : static_cast<double>(shadow.computed.host()[static_cast<std::size_t>(i)]);
    if (std::abs(value) < 1e-30) continue;
    const float wrong = std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) ^ (1u << 15));
    ++flipped;
    missed += rho_of(static_cast<double>(wrong), shadow.at(i)) > 1 ? 0 : 1;
  }
  return {missed, flipped};
}

TEST_P(FusedShadows, BoundsAreOfUse) {
  ShadowWatch watch("drawn");
  watch.most = most_of(GetParam());
  watch.also = [&](const std::string& op, const Shadow& shadow) {
    if (shadow.of.ends_with("checksum") || shadow.elements < 20) return;
    const auto [missed, flipped] = missed_flips(shadow, watch.most);
    // The low part of a mean, a quarter of the constants, is of the size of what a float64 sum over many rows may lose.
    const bool constants = shadow.of.starts_with("norm") || shadow.of == "constants";
    EXPECT_LE(missed, 2 + flipped / (constants ? 4 : 10)) << op << " " << shadow.of << ": of " << flipped << " flipped bits";
  };
  run_block(GetParam(), kUsual, watch);
  watch.print();
  for (const auto& [which, rhos] : watch.rhos) {
    const double worst = *std::ranges::max_element(rhos);
    if (rhos.size() < 100 || worst == 0) continue;  // exact: dskip, and g2 where slopes are 0 and 1
    // A checksum adds up random errors of either sign, its bound what they could be; so do sums of many products with an activation in doubt.
    const double least = which.ends_with("checksum") ? 1e-3 : 5e-3;
    EXPECT_GE(worst, least) << which << ": a bound that nothing comes near finds nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(Blocks, FusedShadows, ::testing::ValuesIn(mbconv_cases()));

TEST(FusedShadowsOfOps, OfANormWithResidualAndDroppedImages) {
  for (const Like& like : kOthers) {
    for (const double drop_rate : {0.0, 0.5}) {
      for (const std::optional<Activation> activation :
           {std::optional<Activation>(), std::optional(Activation::swish), std::optional(Activation::hard_swish),
            std::optional(Activation::relu6), std::optional(Activation::leaky_relu), std::optional(Activation::softplus)}) {
        BatchNorm norm = BatchNorm::identity(20, 1e-3, 0.1);
        norm.gamma.value = drawn({20}, 1, 0.2, 1);
        norm.beta.value = drawn({20}, 0, 0.5, 2);
        ShadowWatch watch(like.name);
        Tape tape;
        tape.observe(&watch);
        const Variable x = tape.input(drawn({6, 15, 13, 20}, like.mean, like.deviation, 3)),
                       skip = tape.input(drawn(x.shape(), 0, 1, 5));
        const Pass pass{.mode = Mode::train, .tape = &tape, .key = DropKey{3, 1, 7}};
        const Variable y = fused_norm(norm, x, activation, pass, Residual{skip, drop_rate, 9});
        tape.backward(y, drawn(y.shape(), 0, like.gradient, 4));
        EXPECT_TRUE(watch.rhos.contains("fused_norm backward dskip"));
      }
    }
  }
}

TEST(FusedShadowsOfOps, OfAGate) {
  for (const Like& like : kOthers) {
    const SqueezeExcitation se{
        {drawn({300, 13}, 0, 0.06, 1)}, {drawn({13}, 0, 0.2, 2)}, {drawn({13, 300}, 0, 0.5, 3)}, {drawn({300}, 0, 0.5, 4)}};
    ShadowWatch watch(like.name);
    Tape tape;
    tape.observe(&watch);
    const Variable s =
        fused_gate(se, tape.input(drawn({5, 300}, like.mean, like.deviation, 5)), {.mode = Mode::train, .tape = &tape});
    tape.backward(s, drawn(s.shape(), 0, like.gradient, 6));
    EXPECT_TRUE(watch.names.contains("fused_gate"));
  }
}

// One wrong value in what the op left: its own shadow finds it, and none of those that were computed from it.
TEST(FusedShadowsOfOps, AFaultInAnInnerValueIsNamed) {
  const MBConvSizes z = mbconv_cases().front();
  MBConv block = block_of(z);
  Tape tape;
  struct Keep final : TapeObserver {
    SeenTape tape;
    SeenOp op;
    void recorded(const TapeEntry& entry, const Tensor& output) override {
      tape.recorded(entry, output);
      if (entry.name() == "fused_mbconv") op = tape.seen(entry);
    }
  } keep;
  tape.observe(&keep);
  block.forward(tape.input(drawn({z.N, z.H, z.W, z.in}, 0.1, 1, 1)), {.mode = Mode::train, .tape = &tape, .fused = true});
  for (const std::string name : {"z1", "norm1", "z2", "norm2", "z", "hidden", "gate"}) {
    SeenOp faulty = keep.op;
    for (auto& [shown, tensor] : faulty.saved) {
      if (shown != name) continue;
      tensor = tensor.clone();
      float& value = tensor.mutable_host()[0];
      value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (1u << 18));
    }
    bool found = false;
    for (const Shadow& shadow : forward_shadows(faulty)) {
      if (shadow.of == name) found = rho_of(shadow, 0) > 1;
      if (shadow.of == name + " checksum") {
        EXPECT_GT(rho_of(shadow, 0), 1) << shadow.of;
      }
    }
    EXPECT_TRUE(found) << name;
  }
}

}  // namespace
}  // namespace vitrine::testing

// Every element of every case of every op is within its bound: on every instruction set, for 1 and 3 threads, for inputs of any size and kind.
#include "layers/shadow.h"

#include <bit>
#include <limits>
#include <sstream>

#include "autograd/reshape.h"
#include "base/error.h"
#include "layers/add.h"
#include "layers/bounded.h"
#include "layers/unary_bound.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"
#include "tests/layers/op_tests.h"
#include "tests/layers/shadow_watch.h"

namespace vitrine::testing {
namespace {

// Inputs that are not drawn as an op's own tests draw them.
enum class Kind { drawn, large, tiny, subnormal, cancelling, one_huge, zeros };
constexpr std::pair<Kind, const char*> kKinds[] = {{Kind::large, "large"},         {Kind::tiny, "tiny"},
                                                   {Kind::subnormal, "subnormal"}, {Kind::cancelling, "cancelling"},
                                                   {Kind::one_huge, "one huge"},   {Kind::zeros, "zeros"}};

Tensor values_of(const Shape& shape, std::uint32_t what, double scale, Kind kind) {
  const Draw source{.seed = 11, .op = what};
  Tensor t = Tensor::uninitialized(shape);
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double normal = source.normal(static_cast<std::uint32_t>(i));
    double v = scale * normal;
    if (kind == Kind::large) v *= 1e12;
    if (kind == Kind::tiny) v *= 1e-19;
    if (kind == Kind::subnormal) v *= 1e-40;
    if (kind == Kind::cancelling) v = (i % 2 == 0 ? 1 : -1) * scale * (1 + 1e-5 * normal);
    if (kind == Kind::one_huge && i == values.size() / 2) v *= 1e9;
    if (kind == Kind::zeros && i % 3 != 0) v = i % 3 == 1 ? 0.0 : -0.0;
    values[i] = static_cast<float>(v);
  }
  return t;
}

void run(const OpCase& c, Kind kind, ShadowWatch& watch) {
  Tape tape;
  tape.observe(&watch);
  std::vector<Variable> leaves;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    leaves.push_back(tape.input(values_of(c.inputs[i], static_cast<std::uint32_t>(i), c.input_scale, kind)));
  const Variable y = c.apply(leaves);
  tape.backward(y, values_of(y.shape(), 99, 1, kind));
}

}  // namespace

TEST_P(OpTest, EveryElementIsWithinItsBoundEverywhere) {
  const OpCase& c = GetParam();
  everywhere({1, 3}, [&](const std::string& where) {
    ShadowWatch watch(where);
    run(c, Kind::drawn, watch);
    EXPECT_FALSE(watch.rhos.empty()) << "nothing was held to a bound";
  });
}

TEST_P(OpTest, IsWithinItsBoundForInputsOfEveryKind) {
  for (const auto& [kind, name] : kKinds) {
    ShadowWatch watch(name);
    run(GetParam(), kind, watch);
  }
}

// A value moved by four bounds, and one with a flipped bit in the middle of its mantissa.
TEST_P(OpTest, AWrongValueIsOutsideItsBound) {
  ShadowWatch watch("drawn");
  watch.also = [](const std::string& op, const Shadow& shadow) {
    if (shadow.seen) return;
    std::int64_t flipped = 0, missed = 0;
    for (std::int64_t i = 0; i < shadow.elements; ++i) {
      const Bounded expected = shadow.at(i);
      const float computed = shadow.computed.host()[static_cast<std::size_t>(i)];
      Shadow wrong = shadow;
      const auto changed = [&](float value) {
        wrong.computed = Tensor::full({1}, value);
        const Shadow one{shadow.of, wrong.computed, 1, 1, [&](std::int64_t) { return expected; }};
        return rho_of(one, 0);
      };
      const float moved = std::nextafter(static_cast<float>(expected.value + 4 * expected.bound), INFINITY);
      ASSERT_GT(changed(moved), 1) << op << " " << shadow.of << "[" << i << "]";
      if (std::abs(computed) < 1e-36f) continue;  // whose last places are absolute
      ++flipped;
      missed += changed(std::bit_cast<float>(std::bit_cast<std::uint32_t>(computed) ^ (1u << 14))) > 1 ? 0 : 1;
    }
    // A sum that cancels is bounded by its terms and not by itself: its last bits are nobody's.
    EXPECT_LE(missed, 1 + flipped / 20) << op << " " << shadow.of << ": of " << flipped << " flipped bits";
  };
  run(GetParam(), Kind::drawn, watch);
}

namespace {

// The names of the lists of layers/CMakeLists.txt, and of what is no file of an op.
std::vector<std::string> names_of_nodes() {
  std::vector<std::string> names{"fused_gate", "fused_mbconv", "fused_norm", "reshape"};
  std::istringstream listed(VITRINE_OP_NAMES);
  for (std::string name; std::getline(listed, name, ',');) names.push_back(name);
  std::ranges::sort(names);
  return names;
}

TEST(Shadows, EveryOpOfTheListsHasThemAndNoOther) {
  std::vector<std::string> have;
  for (const std::string_view name : shadowed_ops()) have.emplace_back(name);
  EXPECT_EQ(have, names_of_nodes());
}

struct StrangerNode final : Node {
  std::string_view name() const override { return "stranger"; }
  std::vector<Tensor> backward(const Tensor& dy, const Wanted&) const override { return {dy}; }
};

TEST(Shadows, AnOpWithoutOnesIsRefusedByName) {
  ShadowWatch watch;
  Tape tape;
  tape.observe(&watch);
  const Variable inputs[] = {tape.input(Tensor::zeros({2}))};
  try {
    record<StrangerNode>(Tensor::zeros({2}), inputs);
    ADD_FAILURE() << "an op without a bound was taken";
  } catch (const InternalError& error) {
    EXPECT_NE(std::string(error.what()).find("stranger"), std::string::npos) << error.what();
  }
}

TEST(Shadows, RhoOfWhatIsNoNumber) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(rho_of(1, {1, 0}), 0);
  EXPECT_EQ(rho_of(1, {2, 0}), kInf);
  EXPECT_EQ(rho_of(1, {2, 4}), 0.25);
  EXPECT_EQ(rho_of(kNan, {kNan, 0}), 0);
  EXPECT_EQ(rho_of(1, {kNan, 0}), kInf);
  EXPECT_EQ(rho_of(kNan, {1, 1}), kInf);
  EXPECT_EQ(rho_of(kInf, {kInf, 0}), 0);
  EXPECT_EQ(rho_of(-kInf, {kInf, 0}), kInf);
  EXPECT_EQ(rho_of(kInf, {1e39, kInf}), 0);
  EXPECT_EQ(rho_of(kNan, {1e39, kInf}), 0);
  EXPECT_EQ(rho_of(1, {2, kNan}), kInf);
}

TEST(Shadows, ReshapeHasNone) {
  ShadowWatch watch;
  Tape tape;
  tape.observe(&watch);
  const Variable y = reshape(tape.input(Tensor::zeros({2, 3})), {6});
  tape.backward(y, Tensor::zeros({6}));
  EXPECT_TRUE(watch.rhos.empty());
  EXPECT_EQ(watch.names, std::set<std::string>{"reshape"});
}

TEST(Shadows, TheSumOfTwoGradientsIsRoundedOnce) {
  const Tensor a = Tensor::from({3}, std::vector<float>{1, 1e8f, -3}),
               b = Tensor::from({3}, std::vector<float>{0x1p-24f, 1, 3});
  const Shadow shadow = gradient_sum_shadow(a, b, Tensor::from({3}, std::vector<float>{1, 1e8f, 0}));
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_LE(rho_of(shadow, i), 1);
  EXPECT_GT(rho_of(gradient_sum_shadow(a, b, Tensor::from({3}, std::vector<float>{1.0000002f, 1e8f, 1e-9f})), 0), 1);
}

// Every 10,007th float, NaN and the infinities among them.
TEST(Shadows, FunctionsOfOneValueAreBoundedOverAllFloats) {
  std::vector<float> all{INFINITY, -INFINITY, NAN, 88.72f, -88.72f, -88.8f, -87.4f, 3, -3, 6, 0, -0.0f};
  for (std::uint64_t bits = 0; bits < 0x100000000u; bits += 10007) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (!std::isnan(x)) all.push_back(x);
  }
  for (int i = -200000; i < 200000; ++i) all.push_back(static_cast<float>(i) * 0.0001f);
  const Shape shape{static_cast<std::int64_t>(all.size())};
  ShadowWatch watch("all floats");
  for (const std::string_view name : shadowed_ops()) {
    for (int f = 0; f < 64; ++f) {
      std::string_view known;
      try {
        known = unary_name(static_cast<Unary>(f));
      } catch (const InternalError&) {
        break;
      }
      if (known != name) continue;
      Tape tape;
      tape.observe(&watch);
      const Variable y = unary(static_cast<Unary>(f), tape.input(Tensor::from(shape, all)));
      tape.backward(y, Tensor::full(shape, 1.7f));
    }
  }
  watch.print();
}

}  // namespace
}  // namespace vitrine::testing

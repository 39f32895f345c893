// Runs kernels once each between two marks, for scripts/check-neon --count, which counts the instructions between them under an emulator.
//
// Prints one line a case, tab-separated: name, multiply-adds or elements (0: the other), and the part of a function's name that alone is
// counted (empty: all). Maps are small, since every executed block of instructions becomes a line of the emulator's log.
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/planes.h"
#include "layers/conv2d.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

extern "C" {
[[gnu::noinline]] void begin_counting() { asm volatile("" ::: "memory"); }
[[gnu::noinline]] void end_counting() { asm volatile("" ::: "memory"); }
}

namespace vitrine {
namespace {

Tensor drawn(const Shape& shape) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = 3};
  std::uint32_t i = 0;
  for (float& v : t.mutable_host()) v = static_cast<float>(draw.uniform(i++, -1, 1));
  return t;
}

struct Work {
  double multiply_adds = 0, elements = 0;
};

void count(const std::string& name, Work work, const std::function<void()>& run, const std::string& function = {}) {
  run();  // takes its scratch memory
  begin_counting();
  run();
  end_counting();
  std::printf("%s\t%.0f\t%.0f\t%s\n", name.c_str(), work.multiply_adds, work.elements, function.c_str());
}

ConvShape map_of(std::int64_t side, std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t stride) {
  const std::int64_t outputs = (side + stride - 1) / stride, pad = window / 2;
  return {1, side, side, in, window, window, out, outputs, outputs, stride, {pad, pad, pad, pad}};
}

double multiply_adds(const ConvShape& s) { return static_cast<double>(s.N * s.P * s.Q * s.R * s.S * s.C * s.K); }

void count_products() {
  const auto& folded = kernels::folded_kernels();
  for (const auto& [side, in, out] : {std::array{14, 80, 480}, std::array{14, 480, 80}, std::array{16, 16, 96}}) {
    const ConvShape s = map_of(side, in, out, 1, 1);
    const PackedWeights packed(drawn({s.C, s.K}).host(), drawn({s.K}).host(), s.C, s.K);
    const Tensor x = drawn({s.H, s.W, s.C});
    Tensor y = drawn({s.H, s.W, s.K});
    count(text("product ", side, "x", side, " ", in, " to ", out), {.multiply_adds = multiply_adds(s)},
          [&] { folded.linear(s.H * s.W, packed.view(), x.data(), y.mutable_data()); });
  }
  const ConvShape s = map_of(32, 3, 32, 3, 2);
  const PackedWeights packed(drawn({27, s.K}).host(), drawn({s.K}).host(), 27, s.K);
  const Tensor x = drawn({s.H, s.W, s.C});
  Tensor y = drawn({s.P, s.Q, s.K});
  count("stem 32x32 3 to 32, with swish", {.multiply_adds = multiply_adds(s)},
        [&] { folded.convolution(s, packed.view(), Activation::swish, x.data(), y.mutable_data()); });
}

// Of a block with C = M = 48 but for its window, so that no vector is cut.
struct Block {
  kernels::MBConvShape shape;
  Tensor narrow, z1, z2, g1, g2, dz3, taps, wide, shifts, sums;
  NormTensor norm;

  explicit Block(const ConvShape& s) {
    shape = {.depthwise = s, .in = 16, .out = 16};
    const auto planes = [&](std::int64_t pixels) { return drawn({kernels::plane_floats(pixels, s.C)}); };
    z1 = planes(s.H * s.W), g1 = planes(s.H * s.W), z2 = planes(s.P * s.Q), g2 = planes(s.P * s.Q);
    narrow = drawn({s.H * s.W, 16}), dz3 = drawn({s.P * s.Q, 16}), wide = drawn({s.C, 16});
    taps = drawn({s.R, s.S, s.C}), shifts = drawn({3, s.C});
    sums = Tensor::uninitialized<double>({(s.R * s.S + 32) * s.C});
    norm = NormTensor(Tensor::from<double>({s.C}, std::vector<double>(static_cast<std::size_t>(s.C), 0.0)),
                      Tensor::from<double>({s.C}, std::vector<double>(static_cast<std::size_t>(s.C), 1.0)),
                      Tensor::full({s.C}, 1.0f), 1e-3);
  }
  kernels::NormOnLoad on_load() const { return {norm.view(), shifts.data()}; }
  kernels::NormMeans means() const { return {shifts.data(), shifts.data() + shape.depthwise.C}; }
  kernels::NormTarget target() { return {sums.mutable_data<double>(), false, 0, {}}; }
  kernels::NormGradientTarget gradient_target() { return {sums.mutable_data<double>(), false, 0, {}}; }
  kernels::WeightGradientTarget weights() { return {sums.mutable_data<double>() + 2 * shape.depthwise.C, nullptr}; }
};

void count_depthwise(std::int64_t window, std::int64_t stride) {
  const ConvShape s = map_of(14, 48, 48, window, stride);
  Block b(s);
  const auto& k = kernels::fused_depthwise_kernels();
  const std::string name = text("depthwise ", window, "x", window, " stride ", stride);
  const Work work{.multiply_adds = multiply_adds(s) / static_cast<double>(s.C)};
  const Tensor tile = drawn({(s.H + 2 * s.R) * (s.W + 2 * s.S) * 16}), taps = drawn({s.R * s.S * 16});
  Tensor y = drawn({s.P * s.Q * 16});
  const double inner = k.filter_tile(s, tile.data(), taps.data(), y.mutable_data());
  count(name + ", inner loop", {.multiply_adds = inner}, [&] { k.filter_tile(s, tile.data(), taps.data(), y.mutable_data()); });
  count(name + ", forward without norm", work,
        [&] { k.forward(b.shape, {}, b.z1.data(), b.taps.data(), b.z2.mutable_data(), b.target()); });
  const auto gradient = [&] {
    k.gradient(b.shape, b.on_load(), b.on_load(), b.means(), b.z1.data(), b.z2.data(), b.g2.data(), b.taps.data(),
               b.g1.mutable_data(), b.gradient_target(), b.weights());
  };
  count(name + ", weight gradient", work, gradient, "add_taps_of_rows");
  // By the input the convolution runs over the map with stride - 1 zeros between its pixels.
  const double by_input = static_cast<double>(s.H * s.W * s.R * s.S * s.C);
  count(name + ", both gradients with norm and swish", {.multiply_adds = work.multiply_adds + by_input}, gradient);
}

void count_slabs() {
  const ConvShape s = map_of(16, 96, 96, 3, 1);
  Block b(s);
  const auto& k = kernels::fused_pointwise_kernels();
  const double one = static_cast<double>(s.H * s.W * 16 * s.C);
  count("slab product 16 to 96 with sums", {.multiply_adds = one},
        [&] { k.expand(b.shape, b.narrow.data(), b.wide.data(), b.z1.mutable_data(), b.target()); });
  count("slab gradient 16 to 96 with norm", {.multiply_adds = one}, [&] {
    k.expand_gradient(b.shape, b.on_load(), b.means(), b.narrow.data(), b.z1.data(), b.wide.data(), nullptr,
                      b.g1.mutable_data(), nullptr, b.weights());
  });
  const ConvShape w = map_of(16, 32, 96, 1, 1);
  const Tensor x = drawn({256, 32}), dy = drawn({256, 96});
  Tensor dw = drawn({32, 96});
  count("weight gradient of a product 32 to 96", {.multiply_adds = multiply_adds(w)},
        [&] { kernels::conv2d_kernels().backward_weights(w, x.data(), dy.data(), nullptr, dw.mutable_data()); });
}

void count_elementwise() {
  const ConvShape s = map_of(14, 48, 48, 3, 1);
  Block b(s);
  const auto& k = kernels::fused_depthwise_kernels();
  const auto& unary = kernels::unary_kernels();
  const std::int64_t n = s.H * s.W * s.C;
  const Work work{.elements = static_cast<double>(n)};
  Tensor pooled = drawn({s.C});
  const Tensor x = drawn({n}), dy = drawn({n});
  Tensor y = drawn({n});
  count("swish", work, [&] { unary.forward(Unary::swish, x.data(), n, y.mutable_data()); });
  count("swish gradient", work, [&] { unary.backward(Unary::swish, x.data(), dy.data(), n, y.mutable_data()); });
  count("norm, swish and mean over pixels", work, [&] { k.pool(b.shape, b.on_load(), b.z2.data(), pooled.mutable_data()); });
  count("gradient of norm and swish", work, [&] {
    k.activation_gradient(b.shape, b.on_load(), b.z2.data(), nullptr, nullptr, b.g2.mutable_data(), b.gradient_target());
  });
}

void count_all() {
  set_thread_count(1);
  count_products();
  for (const std::int64_t window : {3, 5}) {
    for (const std::int64_t stride : {1, 2}) count_depthwise(window, stride);
  }
  count_slabs();
  count_elementwise();
}

}  // namespace
}  // namespace vitrine

int main() {
  vitrine::count_all();
  return 0;
}

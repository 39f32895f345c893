// Shadows of average pooling: layers/average_pool2d.h, Numerics.
#include "layers/bounded.h"
#include "layers/seen_window.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

ConvShape window_of(const SeenOp& op, const Shape& x) {
  return seen_window(op, x, op.output.shape(), static_cast<std::int64_t>(op.number("R")),
                     static_cast<std::int64_t>(op.number("S")));
}

// What the sum of window `at` is divided by.
double divisor(const ConvShape& z, bool counts_padding, const Pixel& at) {
  std::int64_t inside = 0;
  for_taps(z, at, [&](std::int64_t, std::int64_t) { ++inside; });
  return static_cast<double>(counts_padding ? z.R * z.S : inside);
}

std::vector<Shadow> forward(const SeenOp& op) {
  const ConvShape z = window_of(op, op.inputs[0].shape());
  const bool counts_padding = op.number("count_include_pad") != 0;
  return {shadow_of("y", op.output, z.R * z.S, [z, counts_padding, x = Values(op.inputs[0])](std::int64_t i) {
    const Pixel at(i / z.C, z.P, z.Q);
    Chain sum;
    for_taps(z, at, [&](std::int64_t, std::int64_t pixel) { sum.add(x.exact(pixel * z.C + i % z.C)); });
    return over(sum.result(), exactly(divisor(z, counts_padding, at)));
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const ConvShape z = window_of(op, gradients[0].shape());
  const bool counts_padding = op.number("count_include_pad") != 0;
  return {shadow_of("dx", gradients[0], z.R * z.S, [z, counts_padding, g = Values(dy)](std::int64_t i) {
    std::vector<Bounded> terms;
    for_outputs(z, Pixel(i / z.C, z.H, z.W), [&](std::int64_t, std::int64_t pixel) {
      terms.push_back(over(g.exact(pixel * z.C + i % z.C), exactly(divisor(z, counts_padding, Pixel(pixel, z.P, z.Q)))));
    });
    Chain sum;  // windows (p, q) ascending, which is their taps descending
    for (auto term = terms.rbegin(); term != terms.rend(); ++term) sum.add(*term);
    return sum.result();
  })};
}

}  // namespace

const OpShadows average_pool2d_shadows = {"average_pool2d", forward, backward};

}  // namespace vitrine

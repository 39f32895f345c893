// Shadows of max pooling: layers/max_pool2d.h, Numerics.
#include "layers/bounded.h"
#include "layers/seen_window.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

ConvShape window_of(const SeenOp& op, const Shape& x) {
  return seen_window(op, x, op.output.shape(), static_cast<std::int64_t>(op.number("R")),
                     static_cast<std::int64_t>(op.number("S")));
}

// The first maximum of a window, or its first NaN.
struct Maximum {
  double value = 0, tap = -1;
};

std::vector<Shadow> forward(const SeenOp& op) {
  const ConvShape z = window_of(op, op.inputs[0].shape());
  const auto maximum = [z, x = Values(op.inputs[0])](std::int64_t i) {
    Maximum m;
    for_taps(z, Pixel(i / z.C, z.P, z.Q), [&](std::int64_t tap, std::int64_t pixel) {
      const double value = x[pixel * z.C + i % z.C];
      if (m.tap < 0 || value > m.value || (std::isnan(value) && !std::isnan(m.value))) m = {value, static_cast<double>(tap)};
    });
    return m;
  };
  std::vector<Shadow> all;
  all.push_back(shadow_of("y", op.output, z.R * z.S, [maximum](std::int64_t i) { return exactly(maximum(i).value); }));
  all.push_back(shadow_of("taps", op.tensor("taps"), z.R * z.S, [maximum](std::int64_t i) { return exactly(maximum(i).tap); }));
  all.back().inner = true;
  return all;
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const ConvShape z = window_of(op, gradients[0].shape());
  const Values taps(op.tensor("taps")), g(dy);
  return {shadow_of("dx", gradients[0], z.R * z.S, [z, taps, g](std::int64_t i) {
    Chain sum;  // windows (p, q) ascending, which is their taps descending
    std::vector<Bounded> terms;
    for_outputs(z, Pixel(i / z.C, z.H, z.W), [&](std::int64_t tap, std::int64_t pixel) {
      const std::int64_t at = pixel * z.C + i % z.C;
      if (taps[at] == static_cast<double>(tap)) terms.push_back(g.exact(at));
    });
    for (auto term = terms.rbegin(); term != terms.rend(); ++term) sum.add(*term);
    return sum.result();
  })};
}

}  // namespace

const OpShadows max_pool2d_shadows = {"max_pool2d", forward, backward};

}  // namespace vitrine

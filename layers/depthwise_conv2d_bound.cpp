// Shadows of the depthwise convolution: layers/depthwise_conv2d.h, Numerics.
#include "layers/bounded.h"
#include "layers/seen_window.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

struct Depthwise {
  ConvShape z;
  Values x, w;

  explicit Depthwise(const SeenOp& op)
      : z(seen_window(op, op.tensor("x").shape(), op.output.shape(), op.tensor("w").shape()[0], op.tensor("w").shape()[1])),
        x(op.tensor("x")),
        w(op.tensor("w")) {}

  Bounded weight_gradient(std::int64_t i, const Values& dy) const {
    const std::int64_t c = i % z.C, r = i / z.C / z.S, s = i / z.C % z.S;
    LongSum sum;
    for (std::int64_t index = 0; index < z.N * z.P * z.Q; ++index) {
      const Pixel at(index, z.P, z.Q);
      const std::int64_t h = at.row * z.stride + r - z.padding.top, v = at.column * z.stride + s - z.padding.left;
      if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
      sum.add_product(index, x[((at.n * z.H + h) * z.W + v) * z.C + c], dy[index * z.C + c]);
    }
    return sum.result();
  }
};

std::vector<Shadow> forward(const SeenOp& op) {
  const Depthwise conv(op);
  return {shadow_of("y", op.output, conv.z.R * conv.z.S, [conv](std::int64_t i) {
    const std::int64_t c = i % conv.z.C;
    Chain sum;
    for_taps(conv.z, Pixel(i / conv.z.C, conv.z.P, conv.z.Q), [&](std::int64_t tap, std::int64_t pixel) {
      sum.add_product(conv.x[pixel * conv.z.C + c], conv.w[tap * conv.z.C + c]);
    });
    return sum.result();
  })};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const Depthwise conv(op);
  const ConvShape& z = conv.z;
  const Values g(dy);
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    all.push_back(shadow_of("dx", gradients[0], z.R * z.S, [conv, g](std::int64_t i) {
      const std::int64_t c = i % conv.z.C;
      Chain sum;
      for_outputs(conv.z, Pixel(i / conv.z.C, conv.z.H, conv.z.W), [&](std::int64_t tap, std::int64_t pixel) {
        sum.add_product(g[pixel * conv.z.C + c], conv.w[tap * conv.z.C + c]);
      });
      return sum.result();
    }));
  }
  if (gradients[1].defined()) {
    all.push_back(
        shadow_of("dw", gradients[1], z.N * z.P * z.Q, [conv, g](std::int64_t i) { return conv.weight_gradient(i, g); }));
  }
  return all;
}

}  // namespace

const OpShadows depthwise_conv2d_shadows = {"depthwise_conv2d", forward, backward};

}  // namespace vitrine

// Shadows of the convolution: layers/conv2d.h, Numerics.
#include "layers/product_bound.h"
#include "layers/seen_window.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

struct Convolution {
  ConvShape z;
  Values x, w;

  explicit Convolution(const SeenOp& op)
      : z(seen_window(op, op.tensor("x").shape(), op.output.shape(), op.tensor("w").shape()[0], op.tensor("w").shape()[1])),
        x(op.tensor("x")),
        w(op.tensor("w")) {}

  Bounded output(std::int64_t i) const {
    const std::int64_t k = i % z.K;
    Dot dot;
    for_taps(z, Pixel(i / z.K, z.P, z.Q), [&](std::int64_t tap, std::int64_t pixel) {
      for (std::int64_t c = 0; c < z.C; ++c) dot.add(tap * z.C + c, x[pixel * z.C + c], w[(tap * z.C + c) * z.K + k]);
    });
    return dot.result();
  }
  Bounded input_gradient(std::int64_t i, const Values& dy) const {
    const std::int64_t c = i % z.C;
    Dot dot;
    for_outputs(z, Pixel(i / z.C, z.H, z.W), [&](std::int64_t tap, std::int64_t pixel) {
      for (std::int64_t k = 0; k < z.K; ++k) dot.add(tap * z.K + k, dy[pixel * z.K + k], w[(tap * z.C + c) * z.K + k]);
    });
    return dot.result();
  }
  Bounded weight_gradient(std::int64_t i, const Values& dy) const {
    const std::int64_t k = i % z.K, c = i / z.K % z.C, r = i / z.K / z.C / z.S, s = i / z.K / z.C % z.S;
    LongSum sum;
    for (std::int64_t index = 0; index < z.N * z.P * z.Q; ++index) {
      const Pixel at(index, z.P, z.Q);
      const std::int64_t h = at.row * z.stride + r - z.padding.top, v = at.column * z.stride + s - z.padding.left;
      if (h < 0 || h >= z.H || v < 0 || v >= z.W) continue;
      sum.add_product(index, x[((at.n * z.H + h) * z.W + v) * z.C + c], dy[index * z.K + k]);
    }
    return sum.result();
  }
  Shadow checksum(const Tensor& y, const Values& bias) const {
    const std::int64_t width = z.R * z.S * z.C;
    const Lazy<SignedColumns> columns([w = w, width, K = z.K] { return signed_columns(w, width, K); });
    const auto term = [z = z, x = x](std::int64_t row, const auto& use) {
      for_taps(z, Pixel(row, z.P, z.Q), [&](std::int64_t tap, std::int64_t pixel) {
        for (std::int64_t c = 0; c < z.C; ++c) use(tap * z.C + c, x.exact(pixel * z.C + c));
      });
    };
    return checksum_of("y checksum", y, z.N * z.P * z.Q, z.K, width, columns, bias, term,
                       [values = Values(y), K = z.K](std::int64_t row, std::int64_t k) { return values[row * K + k]; });
  }
};

std::vector<Shadow> forward(const SeenOp& op) {
  const bool knows_bias = op.number("biased") == 0 || op.inputs[2].defined();
  if (!knows_bias) return {};
  const Convolution conv(op);
  const Values bias(op.inputs[2]);
  const auto output = [conv, bias](std::int64_t i) {
    return bias.defined() ? plus(conv.output(i), bias.exact(i % conv.z.K)) : conv.output(i);
  };
  return {shadow_of("y", op.output, conv.z.R * conv.z.S * conv.z.C, output), conv.checksum(op.output, bias)};
}

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const Convolution conv(op);
  const ConvShape& z = conv.z;
  const Values g(dy);
  std::vector<Shadow> all;
  if (gradients[0].defined()) {
    all.push_back(
        shadow_of("dx", gradients[0], z.R * z.S * z.K, [conv, g](std::int64_t i) { return conv.input_gradient(i, g); }));
  }
  if (gradients[1].defined()) {
    all.push_back(
        shadow_of("dw", gradients[1], z.N * z.P * z.Q, [conv, g](std::int64_t i) { return conv.weight_gradient(i, g); }));
  }
  if (gradients[2].defined()) all.push_back(bias_gradient_shadow("db", gradients[2], g, z.N * z.P * z.Q));
  return all;
}

}  // namespace

const OpShadows conv2d_shadows = {"conv2d", forward, backward};

}  // namespace vitrine

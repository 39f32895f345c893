// Shadows of scale channels: layers/scale_channels.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

Shadow scaled_channels(std::string of, const Tensor& computed, const Tensor& image, const Tensor& scale) {
  const std::int64_t C = image.shape()[3], size = image.size() / image.shape()[0];
  return shadow_of(std::move(of), computed, 1, [x = Values(image), s = Values(scale), C, size](std::int64_t i) {
    return times(x.exact(i), s.exact(i / size * C + i % C));
  });
}

std::vector<Shadow> forward(const SeenOp& op) { return {scaled_channels("y", op.output, op.tensor("x"), op.tensor("s"))}; }

std::vector<Shadow> backward(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const Tensor& x = op.tensor("x");
  std::vector<Shadow> all;
  if (gradients[0].defined()) all.push_back(scaled_channels("dx", gradients[0], dy, op.tensor("s")));
  if (gradients[1].defined()) {
    const std::int64_t C = x.shape()[3], pixels = x.shape()[1] * x.shape()[2];
    all.push_back(shadow_of("ds", gradients[1], pixels, [x = Values(x), g = Values(dy), C, pixels](std::int64_t i) {
      WideSum sum;
      for (std::int64_t p = 0; p < pixels; ++p) {
        const std::int64_t at = (i / C * pixels + p) * C + i % C;
        sum.add_product(g[at], x[at]);
      }
      return rounded(sum.result());
    }));
  }
  return all;
}

}  // namespace

const OpShadows scale_channels_shadows = {"scale_channels", forward, backward};

}  // namespace vitrine

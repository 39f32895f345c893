// Shadows of global average pooling: layers/global_average_pool.h, Numerics.
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

std::vector<Shadow> forward(const SeenOp& op) {
  const Tensor& image = op.inputs[0];
  const std::int64_t C = image.shape()[3], pixels = image.shape()[1] * image.shape()[2];
  return {shadow_of("y", op.output, pixels, [x = Values(image), C, pixels](std::int64_t i) {
    WideSum sum;
    for (std::int64_t p = 0; p < pixels; ++p) sum.add(x[(i / C * pixels + p) * C + i % C]);
    return rounded(sum.result(static_cast<double>(pixels)));
  })};
}

std::vector<Shadow> backward(const SeenOp&, const Tensor& dy, std::span<const Tensor> gradients) {
  if (!gradients[0].defined()) return {};
  const Shape& s = gradients[0].shape();
  const std::int64_t C = s[3], pixels = s[1] * s[2];
  return {shadow_of("dx", gradients[0], 1, [g = Values(dy), C, pixels](std::int64_t i) {
    return over(g.exact(i / C / pixels * C + i % C), exactly(static_cast<double>(pixels)));
  })};
}

}  // namespace

const OpShadows global_average_pool_shadows = {"global_average_pool", forward, backward};

}  // namespace vitrine

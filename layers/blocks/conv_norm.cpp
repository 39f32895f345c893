#include "layers/blocks/conv_norm.h"

#include "layers/blocks/conv_norm_fused.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"

namespace vitrine {

Padding convolution_padding(PaddingRule rule, std::int64_t static_size, std::int64_t height, std::int64_t width,
                            std::int64_t kernel, std::int64_t stride) {
  switch (rule) {
    case PaddingRule::same: return same_padding(height, width, kernel, stride);
    case PaddingRule::same_static: return same_padding(static_size, static_size, kernel, stride);
    case PaddingRule::symmetric: break;
  }
  return symmetric_padding(kernel);
}

Padding ConvNorm::padding_for(std::int64_t height, std::int64_t width) const {
  return convolution_padding(padding, static_size, height, width, weight.value.shape()[0], stride);
}

Variable ConvNorm::convolve(const Variable& x, const Pass& pass) const {
  const ConvOptions options{stride, padding_for(x.shape()[1], x.shape()[2])};
  const Variable w = pass.parameter(weight);
  return depthwise ? depthwise_conv2d(x, w, options) : conv2d(x, w, Variable(), options);
}

Variable ConvNorm::forward(const Variable& x, const Pass& pass) {
  const Variable z = convolve(x, pass);
  if (pass.fuses()) return fused_norm(norm, z, activation, pass);
  return activate(norm.forward(z, pass), activation);
}

Variable activate(const Variable& x, const std::optional<Activation>& activation) {
  return activation ? unary(*activation, x) : x;
}

}  // namespace vitrine

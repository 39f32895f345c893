#include "layers/blocks/mbconv.h"

#include "layers/add.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/drop_connect.h"
#include "layers/relu6.h"
#include "layers/swish.h"

namespace vitrine {
namespace {

Variable activate(const Variable& x, const std::optional<Activation>& activation) {
  if (!activation) return x;
  return *activation == Activation::swish ? swish(x) : relu6(x);
}

}  // namespace

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

Variable MBConv::projection(const Variable& x, const Pass& pass) {
  if (pass.fuses() && fits_fused_mbconv(*this, x.shape())) return fused_mbconv(*this, x, pass);
  const Variable e = expand ? expand->forward(x, pass) : x;
  const Variable d = depthwise.forward(e, pass);
  return project.convolve(se ? se->forward(d, pass) : d, pass);
}

Variable MBConv::forward(const Variable& x, const Pass& pass) {
  const Variable z = projection(x, pass);
  const double drop_rate = pass.mode == Mode::train ? drop_connect : 0;
  if (pass.fuses()) {
    return residual ? fused_norm(project.norm, z, project.activation, pass, Residual{x, drop_rate, index})
                    : fused_norm(project.norm, z, project.activation, pass);
  }
  const Variable p = activate(project.norm.forward(z, pass), project.activation);
  if (!residual) return p;
  return add(x, drop_rate > 0 ? vitrine::drop_connect(p, drop_rate, pass.key, index) : p);
}

}  // namespace vitrine

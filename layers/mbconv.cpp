#include "layers/mbconv.h"

#include "layers/add.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/drop_connect.h"
#include "layers/fused_mbconv.h"
#include "layers/fused_norm.h"
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

Variable ConvNorm::forward(const Variable& x, const Pass& pass) {
  const ConvOptions options{stride, padding_for(x.shape()[1], x.shape()[2])};
  const Variable w = pass.parameter(weight);
  const Variable z = depthwise ? depthwise_conv2d(x, w, options) : conv2d(x, w, Variable(), options);
  if (pass.fuses()) return fused_norm(norm, z, activation, pass);
  return activate(norm.forward(z, pass), activation);
}

Variable MBConv::branch(const Variable& x, const Pass& pass) {
  if (pass.fuses() && fits_fused_mbconv(*this, x.shape()))
    return fused_norm(project.norm, fused_mbconv(*this, x, pass), project.activation, pass);
  const Variable e = expand ? expand->forward(x, pass) : x;
  const Variable d = depthwise.forward(e, pass);
  const Variable q = se ? se->forward(d, pass) : d;
  return project.forward(q, pass);
}

Variable MBConv::forward(const Variable& x, const Pass& pass) {
  const Variable p = branch(x, pass);
  if (!residual) return p;
  const bool dropping = pass.mode == Mode::train && drop_connect > 0;
  return add(x, dropping ? vitrine::drop_connect(p, drop_connect, pass.key, index) : p);
}

}  // namespace vitrine

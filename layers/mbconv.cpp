#include "layers/mbconv.h"

#include "layers/add.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/drop_connect.h"
#include "layers/relu6.h"
#include "layers/swish.h"
#include "layers/window.h"

namespace vitrine {
namespace {

Variable activate(const Variable& x, const std::optional<Activation>& activation) {
  if (!activation) return x;
  return *activation == Activation::swish ? swish(x) : relu6(x);
}

Padding padding_of(const ConvNorm& unit, const Shape& image) {
  const std::int64_t kernel = unit.weight.value.shape()[0];
  switch (unit.padding) {
    case PaddingRule::same: return same_padding(image[1], image[2], kernel, unit.stride);
    case PaddingRule::same_static: return same_padding(unit.static_size, unit.static_size, kernel, unit.stride);
    case PaddingRule::symmetric: break;
  }
  return symmetric_padding(kernel);
}

}  // namespace

Variable ConvNorm::forward(const Variable& x, const Pass& pass) {
  const ConvOptions options{stride, padding_of(*this, x.shape())};
  const Variable w = pass.parameter(weight);
  const Variable z = depthwise ? depthwise_conv2d(x, w, options) : conv2d(x, w, Variable(), options);
  return activate(norm.forward(z, pass), activation);
}

Variable MBConv::forward(const Variable& x, const Pass& pass) {
  const Variable e = expand ? expand->forward(x, pass) : x;
  const Variable d = depthwise.forward(e, pass);
  const Variable q = se ? se->forward(d, pass) : d;
  const Variable p = project.forward(q, pass);
  if (!residual) return p;
  const bool dropping = pass.mode == Mode::train && drop_connect > 0;
  return add(x, dropping ? vitrine::drop_connect(p, drop_connect, pass.key, index) : p);
}

}  // namespace vitrine

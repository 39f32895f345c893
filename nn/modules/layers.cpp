#include "nn/modules/layers.h"

#include "base/error.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"

namespace vitrine {
namespace {

Padding padding_of(std::int64_t kernel, const ConvolutionOptions& o) {
  if (kernel < 1 || o.stride < 1 || o.padding < -1)
    throw UsageError(text("a convolution of kernel ", kernel, ", stride ", o.stride, ", padding ", o.padding,
                          "; kernel and stride are at least 1, padding at least 0"));
  return o.padding < 0 ? symmetric_padding(kernel) : Padding{o.padding, o.padding, o.padding, o.padding};
}

void expect_channels(const std::string& path, const Variable& x, int rank, std::int64_t channels) {
  const Shape& s = x.shape();
  if (s.rank() == rank && s.back() == channels) return;
  throw ShapeError(text(path, ": x is ", s.text(), ", expected ", rank == 4 ? "[N, H, W, " : "[N, ", channels, "]"));
}

}  // namespace

Linear::Linear(std::int64_t inputs, std::int64_t outputs)
    : weight{Tensor::zeros({inputs, outputs})}, bias{Tensor::zeros({outputs})} {}

Variable Linear::operator()(const Variable& x, const Pass& pass) const {
  expect_channels(path, x, 2, weight.value.shape()[0]);
  return linear(x, pass.parameter(weight), pass.parameter(bias));
}

Conv2d::Conv2d(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, const ConvolutionOptions& options)
    : weight{Tensor::zeros({kernel, kernel, inputs, outputs})}, window{options.stride, padding_of(kernel, options)} {
  if (options.bias) bias.value = Tensor::zeros({outputs});
}

Variable Conv2d::operator()(const Variable& x, const Pass& pass) const {
  expect_channels(path, x, 4, weight.value.shape()[2]);
  return conv2d(x, pass.parameter(weight), bias.value.defined() ? pass.parameter(bias) : Variable(), window);
}

void Conv2d::visit(const Visitor& v) {
  v("weight", weight);
  if (bias.value.defined()) v("bias", bias);
}

DepthwiseConv2d::DepthwiseConv2d(std::int64_t channels, std::int64_t kernel, const ConvolutionOptions& options)
    : weight{Tensor::zeros({kernel, kernel, channels})}, window{options.stride, padding_of(kernel, options)} {}

Variable DepthwiseConv2d::operator()(const Variable& x, const Pass& pass) const {
  expect_channels(path, x, 4, weight.value.shape()[2]);
  return depthwise_conv2d(x, pass.parameter(weight), window);
}

BatchNorm2d::BatchNorm2d(std::int64_t channels, double eps, double momentum)
    : norm(BatchNorm::identity(channels, eps, momentum)) {}

Variable BatchNorm2d::operator()(const Variable& x, const Pass& pass) {
  expect_channels(path, x, x.shape().rank() == 2 ? 2 : 4, norm.gamma.value.size());
  return norm.forward(x, pass);
}

void BatchNorm2d::visit(const Visitor& v) {
  v("weight", norm.gamma), v("bias", norm.beta), v("running_mean", norm.running_mean), v("running_var", norm.running_var);
}

SqueezeExcite::SqueezeExcite(std::int64_t channels, std::int64_t reduced)
    : block{{Tensor::zeros({channels, reduced})},
            {Tensor::zeros({reduced})},
            {Tensor::zeros({reduced, channels})},
            {Tensor::zeros({channels})}} {}

Variable SqueezeExcite::operator()(const Variable& x, const Pass& pass) const {
  expect_channels(path, x, 4, block.reduce_weight.value.shape()[0]);
  return block.forward(x, pass);
}

void SqueezeExcite::visit(const Visitor& v) {
  v("reduce.weight", block.reduce_weight), v("reduce.bias", block.reduce_bias);
  v("expand.weight", block.expand_weight), v("expand.bias", block.expand_bias);
}

Variable Dropout::operator()(const Variable& x, const Pass& pass) const {
  return pass.mode == Mode::train && rate > 0 ? dropout(x, rate, pass.key, place) : x;
}

}  // namespace vitrine

#include "nn/modules/layers.h"

#include <algorithm>
#include <cmath>

#include "autograd/reshape.h"
#include "base/error.h"
#include "layers/average_pool2d.h"
#include "layers/conv2d.h"
#include "layers/depthwise_conv2d.h"
#include "layers/dropout.h"
#include "layers/linear.h"
#include "layers/max_pool2d.h"

namespace vitrine {
namespace {

constexpr std::int64_t kLargestExpansion = 1024;

Padding padding_of(std::int64_t kernel, const ConvolutionOptions& o) {
  if (kernel < 1 || o.stride < 1 || o.padding < -1 || o.padding > kLargestPadding)
    throw UsageError(text("a convolution of kernel ", kernel, ", stride ", o.stride, ", padding ", o.padding,
                          "; kernel and stride are at least 1, padding 0 to ", kLargestPadding));
  return o.padding < 0 ? symmetric_padding(kernel) : Padding{o.padding, o.padding, o.padding, o.padding};
}

// A size that a constructor was given, before anything is made of it.
std::int64_t at_least_1(const char* what, std::int64_t size) {
  if (size < 1) throw UsageError(text(what, " of ", size, ", expected at least 1"));
  return size;
}

BatchNorm norm_of(std::int64_t channels, double eps, double momentum) {
  if (!(eps >= 0 && std::isfinite(eps)) || !(momentum >= 0 && momentum <= 1))
    throw UsageError(text("a batch norm of eps ", eps, ", momentum ", momentum, "; eps is at least 0, momentum 0 to 1"));
  return BatchNorm::identity(at_least_1("a batch norm", channels), eps, momentum);
}

// `weight`: one of the module's, to see where it lies.
void expect(const std::string& path, const Variable& x, int rank, std::int64_t channels, const Parameter& weight) {
  const Shape& s = x.shape();
  if (s.rank() != rank || s.back() != channels)
    throw ShapeError(text(path, ": x is ", s.text(), ", expected ", rank == 4 ? "[N, H, W, " : "[N, ", channels, "]"));
  const Device here = x.tensor().device(), there = weight.value.device();
  if (!(here == there))
    throw DeviceError(
        text(path, ": x lies on ", here.text(), ", the weights on ", there.text(), "; move one of them with to()"));
}

// What draws for a training step is told where: the same draws in every step would be no dropout.
void expect_key(const std::string& path, const Pass& pass) {
  if (!pass.keyed)
    throw UsageError(text(path, ": it drops at random by coordinates; say which, others in every step: ",
                          "Pass::train(tape, {.seed = 1, .epoch = epoch, .first_sample = first})"));
}

// A number for a path, never 0 (FNV-1a of 32 bits).
std::uint32_t place_of(const std::string& path) {
  std::uint32_t hash = 2166136261u;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash != 0 ? hash : 1;
}

// What `work` gives; an error in it ends with the module's path.
template <class Work>
Variable within(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (Error& error) {
    error.in(path);
    throw;
  }
}

void visit_norm(const Visitor& v, const std::string& prefix, BatchNorm& norm) {
  v(prefix + "weight", norm.gamma), v(prefix + "bias", norm.beta);
  v(prefix + "running_mean", norm.running_mean), v(prefix + "running_var", norm.running_var);
}

void visit_gate(const Visitor& v, const std::string& prefix, SqueezeExcitation& gate) {
  v(prefix + "reduce.weight", gate.reduce_weight), v(prefix + "reduce.bias", gate.reduce_bias);
  v(prefix + "expand.weight", gate.expand_weight), v(prefix + "expand.bias", gate.expand_bias);
}

void visit_unit(const Visitor& v, const std::string& prefix, ConvNorm& unit) {
  v(prefix + "weight", unit.weight);
  visit_norm(v, prefix + "norm.", unit.norm);
}

SqueezeExcitation gate_of(std::int64_t channels, std::int64_t reduced) {
  if (channels < 1 || reduced < 1)
    throw UsageError(text("squeeze-excitation of ", channels, " channels with ", reduced, " inside; both are at least 1"));
  return {{Tensor::zeros({channels, reduced})},
          {Tensor::zeros({reduced})},
          {Tensor::zeros({reduced, channels})},
          {Tensor::zeros({channels})}};
}

ConvNorm unit_of(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, const ConvNormOptions& o) {
  if (inputs < 1 || outputs < 1 || kernel < 1 || o.stride < 1 || (o.depthwise && inputs != outputs))
    throw UsageError(text("a ", o.depthwise ? "depthwise " : "", "convolution of ", inputs, " to ", outputs,
                          " channels, kernel ", kernel, ", stride ", o.stride, "; each is at least 1",
                          o.depthwise ? ", both channels are equal" : ""));
  ConvNorm unit;
  unit.weight.value = Tensor::zeros(o.depthwise ? Shape{kernel, kernel, inputs} : Shape{kernel, kernel, inputs, outputs});
  unit.norm = norm_of(outputs, o.eps, o.momentum);
  unit.stride = o.stride;
  unit.depthwise = o.depthwise;
  unit.activation = o.activation;
  return unit;
}

void check_pool(const char* module, const PoolOptions& o) {
  pool_shape(module, {1, kLargestWindow, kLargestWindow, 1}, o);  // large enough for any window
}

}  // namespace

Linear::Linear(std::int64_t inputs, std::int64_t outputs)
    : weight{Tensor::zeros({at_least_1("a linear layer: inputs", inputs), at_least_1("a linear layer: outputs", outputs)})},
      bias{Tensor::zeros({outputs})} {}

Variable Linear::operator()(const Variable& x, const Pass& pass) const {
  expect(path, x, 2, weight.value.shape()[0], weight);
  return linear(x, pass.parameter(weight), pass.parameter(bias));
}

Conv2d::Conv2d(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, const ConvolutionOptions& options)
    : window{options.stride, padding_of(kernel, options)} {
  at_least_1("a convolution: inputs", inputs), at_least_1("a convolution: outputs", outputs);
  weight.value = Tensor::zeros({kernel, kernel, inputs, outputs});
  if (options.bias) bias.value = Tensor::zeros({outputs});
}

Variable Conv2d::operator()(const Variable& x, const Pass& pass) const {
  expect(path, x, 4, weight.value.shape()[2], weight);
  return within(path, [&] {
    return conv2d(x, pass.parameter(weight), bias.value.defined() ? pass.parameter(bias) : Variable(), window);
  });
}

void Conv2d::visit(const Visitor& v) {
  v("weight", weight);
  if (bias.value.defined()) v("bias", bias);
}

DepthwiseConv2d::DepthwiseConv2d(std::int64_t channels, std::int64_t kernel, const DepthwiseOptions& options)
    : window{options.stride, padding_of(kernel, {.stride = options.stride, .padding = options.padding})} {
  weight.value = Tensor::zeros({kernel, kernel, at_least_1("a depthwise convolution: channels", channels)});
}

Variable DepthwiseConv2d::operator()(const Variable& x, const Pass& pass) const {
  expect(path, x, 4, weight.value.shape()[2], weight);
  return within(path, [&] { return depthwise_conv2d(x, pass.parameter(weight), window); });
}

BatchNorm2d::BatchNorm2d(std::int64_t channels, double eps, double momentum) : norm(norm_of(channels, eps, momentum)) {}

Variable BatchNorm2d::operator()(const Variable& x, const Pass& pass) {
  expect(path, x, x.shape().rank() == 2 ? 2 : 4, norm.gamma.value.size(), norm.gamma);
  return within(path, [&] { return norm.forward(x, pass); });
}

void BatchNorm2d::visit(const Visitor& v) { visit_norm(v, "", norm); }

SqueezeExcite::SqueezeExcite(std::int64_t channels, std::int64_t reduced) : block(gate_of(channels, reduced)) {}

Variable SqueezeExcite::operator()(const Variable& x, const Pass& pass) const {
  expect(path, x, 4, block.reduce_weight.value.shape()[0], block.reduce_weight);
  return within(path, [&] { return block.forward(x, pass); });
}

void SqueezeExcite::visit(const Visitor& v) { visit_gate(v, "", block); }

ConvNormActivation::ConvNormActivation(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel,
                                       const ConvNormOptions& options)
    : unit(unit_of(inputs, outputs, kernel, options)) {}

Variable ConvNormActivation::operator()(const Variable& x, const Pass& pass) {
  expect(path, x, 4, unit.weight.value.shape()[2], unit.weight);
  return within(path, [&] { return unit.forward(x, pass); });
}

void ConvNormActivation::visit(const Visitor& v) { visit_unit(v, "", unit); }

MBConvBlock::MBConvBlock(std::int64_t inputs, std::int64_t outputs, const MBConvOptions& o) {
  if (o.expansion < 1 || o.expansion > kLargestExpansion || !(o.squeeze_ratio >= 0 && o.squeeze_ratio <= 1) ||
      !(o.drop_connect >= 0 && o.drop_connect < 1))
    throw UsageError(text("an MBConv of expansion ", o.expansion, ", squeeze ratio ", o.squeeze_ratio, ", drop connect ",
                          o.drop_connect, "; expected 1 to ", kLargestExpansion, ", 0 to 1, 0 to below 1"));
  at_least_1("an MBConv: inputs", inputs);
  const std::int64_t inner = inputs * o.expansion;
  const auto unit = [&](std::int64_t in, std::int64_t out, std::int64_t kernel, ConvNormOptions options) {
    options.eps = o.eps;
    options.momentum = o.momentum;
    return unit_of(in, out, kernel, options);
  };
  if (o.expansion > 1) block.expand = unit(inputs, inner, 1, {.activation = o.activation});
  block.depthwise = unit(inner, inner, o.kernel, {.stride = o.stride, .depthwise = true, .activation = o.activation});
  if (o.squeeze_ratio > 0) {
    const auto reduced = static_cast<std::int64_t>(o.squeeze_ratio * static_cast<double>(inputs));
    block.se = gate_of(inner, std::max<std::int64_t>(1, reduced));
  }
  block.project = unit(inner, outputs, 1, {.activation = std::nullopt});
  block.residual = o.stride == 1 && inputs == outputs;
  block.drop_connect = o.drop_connect;
  block.index = o.place;
}

Variable MBConvBlock::operator()(const Variable& x, const Pass& pass) {
  const ConvNorm& first = block.expand ? *block.expand : block.depthwise;
  expect(path, x, 4, first.weight.value.shape()[2], first.weight);
  if (pass.mode == Mode::train && block.residual && block.drop_connect > 0) expect_key(path, pass);
  if (block.index == 0) block.index = place_of(path);
  return within(path, [&] { return block.forward(x, pass); });
}

void MBConvBlock::visit(const Visitor& v) {
  if (block.expand) visit_unit(v, "expand.", *block.expand);
  visit_unit(v, "depthwise.", block.depthwise);
  if (block.se) visit_gate(v, "squeeze_excitation.", *block.se);
  visit_unit(v, "project.", block.project);
}

MaxPool2d::MaxPool2d(const PoolOptions& options) : window(options) { check_pool("MaxPool2d", options); }

Variable MaxPool2d::operator()(const Variable& x, const Pass&) const {
  return within(path, [&] { return max_pool2d(x, window); });
}

AveragePool2d::AveragePool2d(const PoolOptions& options, bool count_include_padding)
    : window(options), count_include_pad(count_include_padding) {
  check_pool("AveragePool2d", options);
}

Variable AveragePool2d::operator()(const Variable& x, const Pass&) const {
  return within(path, [&] { return average_pool2d(x, window, count_include_pad); });
}

Variable Flatten::operator()(const Variable& x, const Pass&) const {
  return within(path, [&] { return flatten(x); });
}

Variable Dropout::operator()(const Variable& x, const Pass& pass) const {
  if (pass.mode != Mode::train) return x;
  if (rate > 0 && rate < 1) expect_key(path, pass);
  return within(path, [&] { return dropout(x, rate, pass.key, place != 0 ? place : place_of(path)); });
}

}  // namespace vitrine

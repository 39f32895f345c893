// The modules of everyday networks: each holds its parameters and calls the op of its name.
//
// Shapes     images [N, H, W, C], rows [N, C]; weights as the kernels read them (tensor/tensor.h)
// Errors     ShapeError naming the module's path, what it takes and what it was given; DeviceError for an input on another device than the
//            weights; an error of the op itself ends with the path
// Start      weights zero until `initialize` (nn/modules/module.h) or `load` (nn/modules/state.h)
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "layers/batch_norm.h"
#include "layers/blocks/mbconv.h"
#include "layers/blocks/squeeze_excitation.h"
#include "layers/kernels/pool_window.h"
#include "layers/kernels/window.h"
#include "layers/pass.h"
#include "nn/modules/module.h"

namespace vitrine {

// y = x w + b
struct Linear {
  Parameter weight, bias;  // [inputs, outputs], [outputs]
  std::string path = "linear";

  Linear(std::int64_t inputs, std::int64_t outputs);
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor& v) { v("weight", weight), v("bias", bias); }
};

struct ConvolutionOptions {
  std::int64_t stride = 1;
  std::int64_t padding = -1;  // on every side; -1: kernel / 2, so that an odd kernel at stride 1 keeps the size
  bool bias = true;
};

struct Conv2d {
  Parameter weight, bias;  // [kernel, kernel, inputs, outputs], [outputs] or undefined
  ConvOptions window;
  std::string path = "conv2d";

  Conv2d(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, const ConvolutionOptions& options = {});
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor& v);
};

struct DepthwiseOptions {
  std::int64_t stride = 1;
  std::int64_t padding = -1;  // as above
};

// A filter of its own for each channel, without bias.
struct DepthwiseConv2d {
  Parameter weight;  // [kernel, kernel, channels]
  ConvOptions window;
  std::string path = "depthwise_conv2d";

  DepthwiseConv2d(std::int64_t channels, std::int64_t kernel, const DepthwiseOptions& options = {});
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor& v) { v("weight", weight); }
};

// Over all axes but the last.
struct BatchNorm2d {
  BatchNorm norm;
  std::string path = "batch_norm";

  explicit BatchNorm2d(std::int64_t channels, double eps = 1e-5, double momentum = 0.1);
  Variable operator()(const Variable& x, const Pass& pass);
  void visit(const Visitor& v);
};

// Channels weighted by a gate that sees the whole image (layers/blocks/squeeze_excitation.h).
struct SqueezeExcite {
  SqueezeExcitation block;
  std::string path = "squeeze_excitation";

  SqueezeExcite(std::int64_t channels, std::int64_t reduced);
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor& v);
};

// A convolution without bias, a norm and perhaps an activation (layers/blocks/conv_norm.h): in training the last two are one op.
struct ConvNormOptions {
  std::int64_t stride = 1;
  bool depthwise = false;  // then inputs and outputs are equal
  std::optional<Activation> activation = Activation::swish;
  double eps = 1e-5, momentum = 0.1;
};
struct ConvNormActivation {
  ConvNorm unit;
  std::string path = "conv_norm";

  ConvNormActivation(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, const ConvNormOptions& options = {});
  Variable operator()(const Variable& x, const Pass& pass);
  void visit(const Visitor& v);
};

// The block that EfficientNet is made of (layers/blocks/mbconv.h), with symmetric padding. In training it runs as one op where that fits
// (layers/blocks/mbconv_fused.h) and Pass::fused says so. A residual is added where the stride is 1 and inputs equal outputs.
struct MBConvOptions {
  std::int64_t kernel = 3, stride = 1;
  std::int64_t expansion = 6;   // inner channels for each input channel; 1: no expansion
  double squeeze_ratio = 0.25;  // of the input channels, rounded down, at least one; 0: no squeeze-excitation
  Activation activation = Activation::swish;
  double drop_connect = 0;  // probability that the residual branch of a sample is dropped in training
  std::uint32_t place = 0;  // tells apart the draws of several of one network; 0: the module's path does
  double eps = 1e-5, momentum = 0.1;
};
struct MBConvBlock {
  MBConv block;
  std::string path = "mbconv";

  MBConvBlock(std::int64_t inputs, std::int64_t outputs, const MBConvOptions& options = {});
  Variable operator()(const Variable& x, const Pass& pass);
  void visit(const Visitor& v);
};

struct MaxPool2d {
  PoolOptions window;
  std::string path = "max_pool2d";

  explicit MaxPool2d(const PoolOptions& options = {});
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor&) {}
};

struct AveragePool2d {
  PoolOptions window;
  bool count_include_pad;
  std::string path = "average_pool2d";

  explicit AveragePool2d(const PoolOptions& options = {}, bool count_include_padding = true);
  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor&) {}
};

// [N, ...] to [N, rest]
struct Flatten {
  std::string path = "flatten";

  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor&) {}
};

// Drops elements in training, as Pass::train(tape, key) places them: UsageError without a key. `place` tells apart several of one network;
// 0: the module's path does.
struct Dropout {
  double rate;
  std::uint32_t place = 0;
  std::string path = "dropout";

  Variable operator()(const Variable& x, const Pass& pass) const;
  void visit(const Visitor&) {}
};

// An op as a module, for Sequential: Function{relu}.
struct Function {
  Variable (*op)(const Variable&);

  Variable operator()(const Variable& x, const Pass&) const { return op(x); }
  void visit(const Visitor&) {}
};

// One after the other; named "0", "1", ...
template <class... Modules>
struct Sequential {
  std::tuple<Modules...> modules;

  explicit Sequential(Modules... m) : modules(std::move(m)...) {}
  Variable operator()(const Variable& x, const Pass& pass) {
    Variable y = x;
    std::apply([&](auto&... module) { ((y = module(y, pass)), ...); }, modules);
    return y;
  }
  void visit(const Visitor& v) {
    int place = 0;
    std::apply([&](auto&... module) { (v(std::to_string(place++), module), ...); }, modules);
  }
};

}  // namespace vitrine

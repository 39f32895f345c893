// The modules of everyday networks: each holds its parameters and calls the op of its name.
//
// Shapes     images [N, H, W, C], rows [N, C]; weights as the kernels read them (tensor/tensor.h)
// Errors     ShapeError naming the module's path, what it takes and what it was given
// Start      weights zero until `initialize` (nn/modules/module.h) or `load` (nn/modules/state.h)
#pragma once

#include <string>
#include <tuple>
#include <utility>

#include "layers/batch_norm.h"
#include "layers/blocks/squeeze_excitation.h"
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

// A filter of its own for each channel.
struct DepthwiseConv2d {
  Parameter weight;  // [kernel, kernel, channels]
  ConvOptions window;
  std::string path = "depthwise_conv2d";

  DepthwiseConv2d(std::int64_t channels, std::int64_t kernel, const ConvolutionOptions& options = {});
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

// Drops elements in training; `place` tells apart several of one network.
struct Dropout {
  double rate;
  std::uint32_t place = 0;

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

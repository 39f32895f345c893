// Optimisers: one elementwise update of a parameter from its gradient.
//
// Adam       m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g;  w -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
//            b1 and b2 are those of this step, also where one-cycle changes b1, as in PyTorch and both versions of fast.ai. With
//            eps_after_correction off, (sqrt(v) + eps) / sqrt(1 - b2^t): Kingma and Ba's second form, TensorFlow's, PyTorch's before 1.3
// SGD        u = mu u + g (u = g at the first step);  w -= lr u
// RMSprop    v = a v + (1 - a) g g;  u = mu u + g / (sqrt(v) + eps);  w -= lr u
// Decay      decoupled: first w -= lr wd w, then the rule; Adam with it is AdamW
// Numerics   state and update in float32, elementwise, in the order written, fma where a product is added; held to PyTorch by
//            tests/nn/modules/optimizer_test.cpp; bounds in nn/modules/optimizer_bound.h
// Reference  Kingma, Ba 2014, arXiv:1412.6980 alg. 1; Loshchilov, Hutter 2017, arXiv:1711.05101 alg. 2; Hinton 2012 lecture 6e
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

namespace kernels {

// What one update takes, computed in float64 and rounded once.
struct AdamStep {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step;               // lr / (1 - beta1^t)
  float second_correction;  // 1 / sqrt(1 - beta2^t)
  float eps;
  float decay;  // 1 - lr weight_decay
};
struct UpdateConstants {
  AdamStep adam{};
  float lr = 0, momentum = 0, alpha = 0, one_minus_alpha = 0, eps = 0, decay = 1;  // SGD, RMSprop
  bool first = false;                                                              // of this parameter
};

}  // namespace kernels

enum class Rule { adam, adamw, sgd, rmsprop };

struct OptimizerOptions {
  Rule rule = Rule::adam;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double eps = 1e-5;
  bool eps_after_correction = true;
  double weight_decay = 0;
  bool decay_vectors = true;  // or matrices and filters alone: neither biases nor batch norm's scale and shift
  double momentum = 0.9;      // sgd, rmsprop
  double alpha = 0.9;         // rmsprop
};

class Optimizer {
 public:
  // Adam with a weight decay is AdamW: decay by the gradient would be another method, which is not here.
  explicit Optimizer(const OptimizerOptions& options) : options_(options) {
    if (options.rule == Rule::adam && options.weight_decay > 0) options_.rule = Rule::adamw;
  }

  // One update of `value` (sole owner of its storage) by `gradient`; `name` finds its state. `momentum` replaces beta1 (Adam)
  // or momentum (SGD, RMSprop) when not negative: one-cycle changes it every step. ShapeError when the shapes differ.
  void step(const std::string& name, Tensor& value, const Tensor& gradient, double lr, double momentum = -1);

  // The same of several parameters at once, each named once: on the CPU all threads share them, the small ones, too.
  struct Update {
    std::string name;
    Tensor* value;
    Tensor gradient;
    double lr;
  };
  void step(std::span<const Update> updates, double momentum = -1);

  // The two halves of `step`, for a recorded training step: `advance` counts one update of a parameter of so many dimensions and gives its
  // constants, `apply` makes updates whose constants lie in the memory of the values' device, one entry of `constants` for each group.
  kernels::UpdateConstants advance(const std::string& name, int rank, double lr, double momentum = -1);
  struct Target {
    std::string name;
    Tensor* value;
    Tensor gradient;
    int group;
  };
  void apply(const std::vector<Target>& targets, const kernels::UpdateConstants* constants);

  const OptimizerOptions& options() const { return options_; }

  // Everything that the next step depends on besides its arguments, as named tensors: moments and, per parameter, the step count (as three
  // floats that add up to it). `restore` takes what `state` gave; DataError when it does not belong to parameters of these names and shapes.
  std::vector<std::pair<std::string, Tensor>> state() const;
  std::vector<std::pair<std::string, Tensor>> state(const std::set<std::string>& names) const;  // of these parameters alone
  void restore(const std::vector<std::pair<std::string, Tensor>>& state, const std::map<std::string, Shape>& parameters);

 private:
  struct State {
    Tensor first;   // m, or u
    Tensor second;  // v
    std::int64_t steps = 0;
  };

  // An update on the CPU, its constants counted.
  struct Work {
    kernels::UpdateConstants constants;
    const float* gradient;
    float *value, *first, *second;
    std::int64_t size, lines;  // lines: of 16 elements
  };
  Work work_of(const Update& update, double momentum);
  void run(const Work& work, std::int64_t first, std::int64_t last) const;  // elements first .. last
  void step_on_cuda(const Update& update, double momentum);
  kernels::UpdateConstants advance(State& state, int rank, double lr, double momentum);
  struct Asked {
    std::int64_t steps = 0;
    double lr = 0, momentum = 0;
    bool decays = false;
    bool operator==(const Asked&) const = default;
  };
  kernels::UpdateConstants constants_of(const Asked& asked) const;
  State& state_of(const std::string& name, const Tensor& value, const Tensor& gradient);  // on the value's device
  void add_state(const std::string& name, const State& state, std::vector<std::pair<std::string, Tensor>>& to) const;

  OptimizerOptions options_;
  std::unordered_map<std::string, State> states_;
  Asked asked_;  // last, and what was answered: most parameters of a step ask the same
  kernels::UpdateConstants constants_;
};

namespace kernels {

struct OptimizerKernels {
  void (*adam)(const AdamStep& s, const float* g, std::int64_t n, float* m, float* v, float* w);
  void (*sgd)(const UpdateConstants& s, const float* g, std::int64_t n, float* u, float* w);
  void (*rmsprop)(const UpdateConstants& s, const float* g, std::int64_t n, float* v, float* u, float* w);
};
const OptimizerKernels& optimizer_kernels();

}  // namespace kernels

namespace cuda {

// One parameter's update on a CUDA device; u and v as in the rules above, v null for SGD.
struct UpdateTarget {
  float *w, *first, *second;
  const float* gradient;
  std::int64_t n;
  int group;
};
inline constexpr int kTargetsOfLaunch = 64;
struct UpdateTargets {
  UpdateTarget at[kTargetsOfLaunch];
  int count = 0;
  std::int64_t most = 0;  // elements of the largest
};
// constants[group], in the current device's memory.
void update(Rule rule, const UpdateTargets& targets, const kernels::UpdateConstants* constants);

}  // namespace cuda
}  // namespace vitrine

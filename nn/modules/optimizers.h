// Optimisers over a module: one update of all its parameters from the gradients of a step (nn/modules/optimizer.h has the rules).
//
//   Adam optimizer(net, {.lr = 3e-3});
//   optimizer.step(tape.backward(loss));
//
// Parameters that the loss does not depend on stay as they are.
#pragma once

#include <filesystem>

#include "nn/modules/module.h"
#include "nn/modules/optimizer.h"

namespace vitrine {

// UsageError naming the first option that no optimiser can use.
const OptimizerOptions& checked(const OptimizerOptions& options);

class ModuleOptimizer {
 public:
  ModuleOptimizer(std::vector<ModuleTensor> tensors, const OptimizerOptions& options, double learning_rate)
      : lr(learning_rate), tensors_(std::move(tensors)), optimizer_(checked(options)) {}

  // UsageError for a learning rate that is negative or not finite. InternalError naming the parameter when a Variable or another tensor still holds it, and what to do about that; nothing is updated then.
  // UsageError when none of the parameters has a gradient. Nothing is changed by a step that is refused.
  void step(const Gradients& gradients);

  // Moments and counts, so that training goes on as if it had not stopped: safetensors, atomic. `load`: WeightsError when it is of other
  // parameters.
  void save(const std::filesystem::path& path) const;
  void load(const std::filesystem::path& path);

  double lr;  // of the next step

 private:
  std::vector<ModuleTensor> tensors_;
  Optimizer optimizer_;
};

// A weight decay above 0 makes it AdamW.
struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
};
struct Adam : ModuleOptimizer {
  template <class Module>
  explicit Adam(Module& module, const AdamOptions& o = {})
      : ModuleOptimizer(tensors_of(module),
                        {.rule = Rule::adam, .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .weight_decay = o.weight_decay},
                        o.lr) {}
};

struct SgdOptions {
  double lr = 1e-2, momentum = 0.9;
};
struct Sgd : ModuleOptimizer {
  template <class Module>
  explicit Sgd(Module& module, const SgdOptions& o = {})
      : ModuleOptimizer(tensors_of(module), {.rule = Rule::sgd, .momentum = o.momentum}, o.lr) {}
};

struct RmspropOptions {
  double lr = 1e-3, alpha = 0.9, momentum = 0.9, eps = 1e-8;
};
struct Rmsprop : ModuleOptimizer {
  template <class Module>
  explicit Rmsprop(Module& module, const RmspropOptions& o = {})
      : ModuleOptimizer(tensors_of(module), {.rule = Rule::rmsprop, .eps = o.eps, .momentum = o.momentum, .alpha = o.alpha},
                        o.lr) {}
};

}  // namespace vitrine

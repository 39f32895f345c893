// UpdateRules: what a step should leave in parameters, moments and running statistics (nn/modules/optimizer.h, layers/batch_norm.h).
//
// Parameters  the optimiser's rule in float64 from the state before, at the rate of the schedule and the part (nn/modules/optimizer_bound.h); those that
//             are not updated keep their bits
// Statistics  (1 - momentum) before + momentum batch, from the constants that the norm saved: the mean exactly, the variance within the rounding of
//             1 / sqrt(v + eps); n / (n - 1) makes it unbiased. Those of a norm that saw no batch keep their bits
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "audit/rule_shadow.h"
#include "audit/step_rules.h"
#include "nn/modules/optimizer_bound.h"
#include "train/step_watch.h"
#include "train/trainer.h"

namespace vitrine::audit {

class UpdateRules {
 public:
  // Both outlive it. `one_in`: of the parameters and statistics one in so many is looked at, others each step.
  UpdateRules(const TrainOptions& options, const Dataset& data, int epochs, std::uint32_t one_in);

  void begin(const StepFacts& step, EfficientNet& net);
  // Keeps copies of what is about to change. The shadow of the rates that the update will take.
  NamedShadow before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                            const UpdateFacts& update);
  using Use = std::function<void(const NamedShadow&)>;
  // The shadows of one tensor after the other, in network order; none is kept.
  void after_update(EfficientNet& net, const Optimizer& optimizer, const std::vector<SeenStatistics>& statistics,
                    const Use& use);

 private:
  struct Before {
    Tensor value, gradient, first, second;
    double steps = 0;
  };

  bool has_turn(std::uint32_t number) const { return number % one_in_ == step_ % one_in_; }
  void show_parameter(const std::string& name, const Tensor& value, const std::map<std::string, Tensor>& state,
                      std::uint32_t number, const Use& use) const;
  void show_statistic(const std::string& name, const Tensor& value, const std::vector<SeenStatistics>& statistics,
                      double momentum, std::uint32_t number, const Use& use) const;

  const TrainOptions& options_;
  const Dataset& data_;
  int epochs_;
  std::uint32_t one_in_;
  int steps_of_epoch_ = 0;
  std::uint64_t step_ = 0;
  double momentum_ = -1;
  std::map<std::string, double> rates_;       // that the rule says
  std::map<std::string, Before> before_;      // parameters
  std::map<std::string, Tensor> statistics_;  // before
};

}  // namespace vitrine::audit

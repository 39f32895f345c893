// StepSummary: the line of a step in the chain (audit/chain.h), gathered while the step is made.
#pragma once

#include "audit/chain.h"
#include "train/step_watch.h"

namespace vitrine::audit {

class StepSummary {
 public:
  // Of the gradients and moments every `sampled`-th is hashed, another set each step.
  explicit StepSummary(std::uint32_t sampled) { line_.sampled = sampled; }

  void begin(const StepFacts& step, const Batch& batch);
  void computed(double loss, const Tensor& logits);
  void before_update(EfficientNet& net, const Gradients& gradients);
  void after_update(EfficientNet& net, const Optimizer& optimizer);
  const StepLine& line() const { return line_; }  // without lineage and trace

 private:
  bool has_turn(std::uint32_t parameter) const { return parameter % line_.sampled == line_.step % line_.sampled; }

  StepLine line_;
};

}  // namespace vitrine::audit

#include "audit/step_summary.h"

#include <set>
#include <string>
#include <vector>

#include "audit/identity.h"

namespace vitrine::audit {

void StepSummary::begin(const StepFacts& step, const Batch& batch) {
  line_.step = static_cast<std::uint64_t>(step.number);
  line_.epoch = step.epoch;
  line_.in_epoch = static_cast<std::uint32_t>(step.step);
  line_.first = step.first;
  line_.lr = step.lr;
  line_.momentum = step.momentum;
  line_.images = hash_of(batch.images);
  line_.targets = hash_of(batch.targets);
}

void StepSummary::computed(double loss, const Tensor& logits) {
  line_.loss = loss;
  line_.logits = hash_of(logits);
}

void StepSummary::before_update(EfficientNet& net, const Gradients& gradients) {
  std::uint32_t parameter = 0;
  std::vector<Tensor> seen;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr && has_turn(parameter++)) seen.push_back(gradients.of(*t.parameter));
  });
  line_.gradients = hash_in_order(seen);
}

void StepSummary::after_update(EfficientNet& net, const Optimizer& optimizer) {
  std::vector<Tensor> weights, buffers, moments;
  std::set<std::string> chosen;
  std::uint32_t parameter = 0;
  net.visit([&](const NamedTensor& t) {
    (t.parameter != nullptr ? weights : buffers).push_back(*t.value);
    if (t.parameter != nullptr && has_turn(parameter++)) chosen.insert(t.name);
  });
  for (auto& [key, tensor] : optimizer.state(chosen)) moments.push_back(std::move(tensor));
  line_.weights = hash_in_order(weights);
  line_.buffers = hash_in_order(buffers);
  line_.moments = hash_in_order(moments);
}

}  // namespace vitrine::audit

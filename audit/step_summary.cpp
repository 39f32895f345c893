#include "audit/step_summary.h"

#include <set>
#include <string>

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
  line_.gradients = {};
  net.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr || !has_turn(parameter++)) return;
    line_.gradients = combined(line_.gradients, hash_of(gradients.of(*t.parameter)));
  });
}

void StepSummary::after_update(EfficientNet& net, const Optimizer& optimizer) {
  line_.weights = hash_of_weights(net);
  line_.buffers = hash_of_buffers(net);
  std::set<std::string> chosen;
  std::uint32_t parameter = 0;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr && has_turn(parameter++)) chosen.insert(t.name);
  });
  line_.moments = {};
  for (const auto& [key, tensor] : optimizer.state()) {
    if (chosen.contains(key.substr(0, key.rfind(':')))) line_.moments = combined(line_.moments, hash_of(tensor));
  }
}

}  // namespace vitrine::audit

#include "train/step.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "layers/cross_entropy.h"

namespace vitrine {
namespace {

// Runs the step's forward pass again op by op with every output checked, to name the first that went wrong.
[[noreturn]] void name_first_non_finite(EfficientNet& net, const Batch& batch, const StepOptions& options) {
  Tape tape;
  tape.refuse_non_finite();
  const Variable logits = net.forward(batch.images.to(net.device()), {Mode::train, &tape, options.key, false});
  cross_entropy(logits, batch.targets, options.label_smoothing);
  throw NumericalError("the loss is not finite although every op's output is; lower --lr");
}

// update(tensor, gradient, lr) for every parameter that the step changes, in network order.
template <class Update>
void for_each_update(EfficientNet& net, const Gradients& gradients, const StepOptions& options, Update update) {
  net.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr || is_held(t.name, options.held_parts)) return;
    const Tensor& gradient = gradients.of(*t.parameter);
    if (!gradient.defined()) return;
    const auto scale = options.lr_scale.find(part_of_tensor(t.name));
    update(t, gradient, options.lr * (scale == options.lr_scale.end() ? 1.0 : scale->second));
  });
}

void tell_update(EfficientNet& net, const Optimizer& optimizer, const Gradients& gradients, const StepOptions& options) {
  UpdateFacts facts{options.momentum, {}};
  for_each_update(net, gradients, options,
                  [&](const NamedTensor& t, const Tensor&, double lr) { facts.rates.emplace_back(t.name, lr); });
  options.watch->before_update(net, gradients, optimizer, facts);
}

}  // namespace

bool is_held(const std::string& tensor, int held_parts) {
  if (held_parts == 0 || is_norm_tensor(tensor)) return false;
  const std::vector<std::string>& parts = network_parts();
  return std::ranges::find(parts, part_of_tensor(tensor)) - parts.begin() < held_parts;
}

StepResult train_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& options) {
  StepResult result;
  Gradients gradients;
  {
    Tape tape;
    if (options.watch != nullptr) tape.observe(options.watch->begin(options.facts, batch, net));
    const Variable logits = net.forward(batch.images.to(net.device()), {Mode::train, &tape, options.key});
    const Variable loss = cross_entropy(logits, batch.targets, options.label_smoothing);
    result.loss = static_cast<double>(loss.tensor().to(Device::cpu()).host()[0]);
    result.logits = logits.tensor();
    if (!std::isfinite(result.loss)) name_first_non_finite(net, batch, options);
    if (options.watch != nullptr) options.watch->computed(result.loss, result.logits);
    gradients = tape.backward(loss);
  }
  if (options.watch != nullptr) tell_update(net, optimizer, gradients, options);
  for_each_update(net, gradients, options, [&](const NamedTensor& t, const Tensor& gradient, double lr) {
    optimizer.step(t.name, *t.value, gradient, lr, options.momentum);
  });
  if (options.watch != nullptr) options.watch->after_update(net, optimizer);
  return result;
}

}  // namespace vitrine

#include "train/step.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

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

struct Update {
  std::string name;
  const Parameter* parameter;
  Tensor* value;
  double lr;
};

// Of every parameter that the step may change, in network order.
std::vector<Update> updates_of(EfficientNet& net, const StepOptions& options) {
  std::vector<Update> updates;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr || is_held(t.name, options.held_parts)) return;
    const auto scale = options.lr_scale.find(part_of_tensor(t.name));
    updates.push_back({t.name, t.parameter, t.value, options.lr * (scale == options.lr_scale.end() ? 1.0 : scale->second)});
  });
  return updates;
}

// Who watches sees all gradients before the first update.
void update_watched(EfficientNet& net, Optimizer& optimizer, const Gradients& gradients, std::vector<Update> updates,
                    const StepOptions& options) {
  std::erase_if(updates, [&](const Update& u) { return !gradients.of(*u.parameter).defined(); });
  UpdateFacts facts{options.momentum, {}};
  for (const Update& u : updates) facts.rates.emplace_back(u.name, u.lr);
  options.watch->before_update(net, gradients, optimizer, facts);
  for (const Update& u : updates) optimizer.step(u.name, *u.value, gradients.of(*u.parameter), u.lr, options.momentum);
  options.watch->after_update(net, optimizer);
}

// Parameters soon after their gradients are whole: both are in the cache then. The same bits, since an update knows of no other.
void update_in_backward(Tape& tape, const Variable& loss, Optimizer& optimizer, const std::vector<Update>& updates,
                        const StepOptions& options) {
  std::unordered_map<const Parameter*, const Update*> update_of;
  for (const Update& u : updates) update_of.emplace(u.parameter, &u);
  constexpr std::int64_t kTogether = 1 << 16;  // elements, which a core's cache holds with what belongs to them
  std::vector<Optimizer::Update> waiting;
  std::int64_t elements = 0;
  const auto update = [&] {
    optimizer.step(waiting, options.momentum);
    waiting.clear();
    elements = 0;
  };
  tape.backward(loss, [&](const Parameter& parameter, const Tensor& gradient) {
    const auto found = update_of.find(&parameter);
    if (found == update_of.end()) return;
    const Update& u = *found->second;
    waiting.push_back({u.name, u.value, gradient, u.lr});
    elements += gradient.size();
    if (elements >= kTogether) update();
  });
  update();
}

}  // namespace

bool is_held(const std::string& tensor, int held_parts) {
  if (held_parts == 0 || is_norm_tensor(tensor)) return false;
  const std::vector<std::string>& parts = network_parts();
  return std::ranges::find(parts, part_of_tensor(tensor)) - parts.begin() < held_parts;
}

StepResult train_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& options) {
  StepResult result;
  const std::vector<Update> updates = updates_of(net, options);
  Gradients gradients;
  {
    Tape tape;
    if (options.watch != nullptr) tape.observe(options.watch->begin(options.facts, batch, net));
    const Variable logits = net.forward(batch.images.to(net.device()), {Mode::train, &tape, options.key});
    const Variable loss = cross_entropy(logits, batch.targets, options.label_smoothing);
    result.logits = logits.tensor();
    result.loss = static_cast<double>(loss.tensor().to(Device::cpu()).host()[0]);
    if (!std::isfinite(result.loss)) name_first_non_finite(net, batch, options);
    if (options.watch == nullptr) {
      update_in_backward(tape, loss, optimizer, updates, options);
      return result;
    }
    options.watch->computed(result.loss, result.logits);
    gradients = tape.backward(loss);
  }
  update_watched(net, optimizer, gradients, updates, options);
  return result;
}

}  // namespace vitrine

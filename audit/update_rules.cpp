#include "audit/update_rules.h"

#include <cmath>

#include "layers/bounded.h"
#include "layers/shadow_list.h"
#include "train/epoch_plan.h"
#include "train/schedule.h"

namespace vitrine::audit {
namespace {

std::map<std::string, Tensor> state_of(const Optimizer& optimizer) {
  std::map<std::string, Tensor> all;
  for (auto& [key, tensor] : optimizer.state()) all.emplace(key, tensor);
  return all;
}

double count_of(const std::map<std::string, Tensor>& state, const std::string& name) {
  const auto found = state.find(name + ":counters");
  if (found == state.end()) return 0;
  double count = 0;
  for (const float part : found->second.host()) count += static_cast<double>(part);
  return count;
}

Tensor moment(const std::map<std::string, Tensor>& state, const std::string& key, const Tensor& like) {
  const auto found = state.find(key);
  return found == state.end() ? Tensor::zeros(like.shape()) : found->second;
}

// The batch's unbiased variance, from 1 / sqrt(v + eps) in float32; both had eps added to v.
Bounded variance_of(const SeenStatistics& seen, const Values& constants, std::int64_t c, std::int64_t C) {
  const double inverse = constants[2 * C + c], with_eps = 1 / (inverse * inverse);
  const double value = std::max(0.0, with_eps - seen.eps);
  const auto n = static_cast<double>(seen.rows);
  return product_of(rounded({value, 2.1 * kUnitRoundoff * with_eps}), exactly(n / (n - 1)));
}

}  // namespace

UpdateRules::UpdateRules(const TrainOptions& options, const Dataset& data, int epochs, std::uint32_t one_in)
    : options_(options), data_(data), epochs_(epochs), one_in_(one_in) {}

void UpdateRules::begin(const StepFacts& step, EfficientNet& net) {
  if (steps_of_epoch_ == 0) steps_of_epoch_ = steps_of_epoch(data_, options_);
  step_ = static_cast<std::uint64_t>(step.number);
  const Schedule schedule{schedule_from_name(options_.schedule), options_.lr, steps_of_epoch_ * epochs_};
  momentum_ = schedule.momentum(static_cast<int>(step.number));
  const Frozen frozen = frozen_in(options_, static_cast<int>(step.epoch));
  const std::map<std::string, double> scales = lr_scales(options_.lr_scale);
  const std::vector<std::string>& parts = network_parts();
  rates_.clear();
  before_.clear();
  statistics_.clear();
  std::uint32_t number = 0;
  net.visit([&](const NamedTensor& t) {
    const std::uint32_t mine = number++;
    if (t.parameter == nullptr) {
      if (has_turn(mine)) statistics_.emplace(t.name, t.value->to(Device::cpu()).clone());
      return;
    }
    const std::string& part = part_of_tensor(t.name);
    const auto place = std::ranges::find(parts, part) - parts.begin();
    if (place < frozen.parts || (place < frozen.held && !is_norm_tensor(t.name))) return;
    const auto scale = scales.find(part);
    rates_.emplace(t.name, schedule.lr(static_cast<int>(step.number)) * (scale == scales.end() ? 1.0 : scale->second));
  });
}

NamedShadow UpdateRules::before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                                       const UpdateFacts& update) {
  const std::map<std::string, Tensor> state = state_of(optimizer);
  std::map<std::string, double> given(update.rates.begin(), update.rates.end());
  std::vector<double> seen{update.momentum}, expected{momentum_};
  std::uint32_t number = 0;
  constexpr double kNone = -1;
  net.visit([&](const NamedTensor& t) {
    const std::uint32_t mine = number++;
    if (t.parameter == nullptr) return;
    const auto rate = given.find(t.name), rule = rates_.find(t.name);
    seen.push_back(rate == given.end() ? kNone : rate->second);
    expected.push_back(rule == rates_.end() ? kNone : rule->second);
    if (!has_turn(mine)) return;
    const Tensor& gradient = gradients.of(*t.parameter);
    Before b{t.value->to(Device::cpu()).clone(), gradient.defined() ? gradient.to(Device::cpu()).clone() : Tensor(), {}, {}, 0};
    b.first = moment(state, t.name + ":first", b.value).clone();
    b.second = moment(state, t.name + ":second", b.value).clone();
    b.steps = count_of(state, t.name);
    before_.emplace(t.name, std::move(b));
  });
  return {"optimiser", 0, fixed_numbers("momentum and rates", seen, expected)};
}

void UpdateRules::show_parameter(const std::string& name, const Tensor& value, const std::map<std::string, Tensor>& state,
                                 std::uint32_t number, const Use& use) const {
  const auto found = before_.find(name);
  if (found == before_.end()) return;
  const Before& before = found->second;
  const auto rate = rates_.find(name);
  const Tensor now = value.to(Device::cpu());
  if (rate == rates_.end() || !before.gradient.defined()) {
    use({name, number, same_values("value that is not updated", now, before.value)});
    return;
  }
  SeenUpdate seen{.options = optimizer_options(options_), .lr = rate->second, .momentum = momentum_};
  seen.steps = static_cast<std::int64_t>(before.steps) + 1;
  seen.value = before.value, seen.gradient = before.gradient, seen.first = before.first, seen.second = before.second;
  seen.new_value = now;
  seen.new_first = moment(state, name + ":first", now);
  seen.new_second = moment(state, name + ":second", now);
  use({name, number, fixed_numbers("updates", {count_of(state, name)}, {before.steps + 1})});
  for (Shadow& shadow : update_shadows(seen)) use({name, number, std::move(shadow)});
}

void UpdateRules::show_statistic(const std::string& name, const Tensor& value, const std::vector<SeenStatistics>& statistics,
                                 double momentum, std::uint32_t number, const Use& use) const {
  const auto before = statistics_.find(name);
  if (before == statistics_.end()) return;
  const Tensor now = value.to(Device::cpu());
  const std::string norm = name.substr(0, name.rfind('.'));
  const auto seen = std::ranges::find(statistics, norm, &SeenStatistics::norm);
  if (seen == statistics.end()) {
    use({name, number, same_values("statistic of no batch", now, before->second)});
    return;
  }
  const bool is_mean = name.ends_with(".running_mean");
  const std::int64_t C = seen->constants.shape()[1];
  use({name, number,
       shadow_of("statistic", now, 1,
                 [seen = *seen, is_mean, C, momentum, old = Values(before->second),
                  constants = Values(seen->constants)](std::int64_t c) {
                   const Bounded batch = is_mean ? constants.exact(c) : variance_of(seen, constants, c, C);
                   const Bounded kept = exactly((1 - momentum) * old[c]);
                   return rounded(sum_of(kept, product_of(exactly(momentum), batch)));
                 })});
}

void UpdateRules::after_update(EfficientNet& net, const Optimizer& optimizer, const std::vector<SeenStatistics>& statistics,
                               const Use& use) {
  constexpr double kHeadMomentum = 0.1;  // of the norms of the concat head (nn/efficientnet/concat_head.h)
  const std::map<std::string, Tensor> state = state_of(optimizer);
  const double momentum = options_.bn_momentum > 0 ? options_.bn_momentum : net.semantics.bn_momentum;
  std::uint32_t number = 0;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr) {
      show_parameter(t.name, *t.value, state, number++, use);
    } else {
      show_statistic(t.name, *t.value, statistics, t.name.starts_with("classifier.") ? kHeadMomentum : momentum, number++, use);
    }
  });
  before_.clear();
  statistics_.clear();
}

}  // namespace vitrine::audit

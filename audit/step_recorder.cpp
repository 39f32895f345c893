#include "audit/step_recorder.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/cuda/settings.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::audit {
namespace {

// "blocks.1.0" of "blocks.1.0.conv_pw.weight": what the names of an op's parameters begin with, by whole parts.
std::string common_place(const std::string& a, const std::string& b) {
  std::size_t same = 0;
  for (std::size_t i = 0; i <= a.size() && i <= b.size(); ++i) {
    const bool end_a = i == a.size() || a[i] == '.', end_b = i == b.size() || b[i] == '.';
    if (end_a && end_b) same = i;
    if (i == a.size() || i == b.size() || a[i] != b[i]) break;
  }
  return a.substr(0, same);
}

std::string without_last(const std::string& name) { return name.substr(0, name.rfind('.')); }

// The numbers that an op was given: its settings.
class Numbers final : public SavedVisitor {
 public:
  std::vector<double> all;

 private:
  void see(std::string_view, const Tensor&) override {}
  void see(std::string_view, double number) override { all.push_back(number); }
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double seen_value(const Shadow& shadow, std::int64_t element) {
  if (shadow.seen) return shadow.seen(element);
  const auto i = static_cast<std::size_t>(element);
  return shadow.computed.dtype() == DType::f64 ? shadow.computed.host<double>()[i]
                                               : static_cast<double>(shadow.computed.host()[i]);
}

void set_shape(OpRecord& r, const Shape& shape) {
  r.rank = static_cast<std::uint8_t>(shape.rank());
  for (int axis = 0; axis < shape.rank(); ++axis) {
    std::uint32_t& dim = r.dims[static_cast<std::size_t>(std::min(axis, 3))];
    dim = static_cast<std::uint32_t>(shape[axis]) * (axis > 3 ? dim : 1);
  }
}

}  // namespace

bool is_asked(const std::string& node, const std::string& asked) { return node.starts_with(asked) || kind_of(node) == asked; }

bool has_bounds(Device device) { return !device.is_cuda() || cuda::settings().tier == cuda::Tier::portable; }

Recording recording_of(const std::string& level, Device device) {
  Recording recording;
  recording.shadows = has_bounds(device);
  if (level == "summary") return recording;
  recording.every_op = true;
  constexpr std::int64_t kAll = std::int64_t{1} << 40;
  if (level == "full") {
    recording.budget = 10'000;
    recording.checksum_budget = 25'000;
    recording.most_samples = 96;
    recording.blocks_in_turn = 64;
    recording.norms_in_turn = 4;
  } else if (level == "forensic") {
    recording.budget = recording.checksum_budget = recording.most_terms = recording.most_samples = kAll;
    recording.blocks_in_turn = recording.norms_in_turn = 1;
  } else {
    throw InternalError(text("no audit records at level '", printable(level, 40), "'"));
  }
  return recording;
}

StepRecorder::StepRecorder(const Recording& recording, const TrainingFacts& training, NumberOfName names)
    : recording_(recording), seed_(training.options.seed), names_(std::move(names)), flow_(recording.every_op) {
  data_.emplace(training.options, training.part);
  rules_.emplace(training.options);
  update_.emplace(training.options, training.part, training.epochs, recording.every_op ? UpdateRules::kAtFull : kOneIn);
}

StepRecorder::StepRecorder(const Recording& recording, NumberOfName names)
    : recording_(recording), seed_(0), names_(std::move(names)), flow_(recording.every_op) {}

void StepRecorder::begin(const StepFacts& step, const Batch& batch, EfficientNet& net) {
  begin(step, net);
  rules_now_ = recording_.shadows && (recording_.every_op || step.number % kRulesOneIn == 0);
  if (!rules_now_) return;
  rules_->begin(step, batch, net);
  update_->begin(step, net);
  for (const NamedShadow& shadow : data_->of_batch(step, batch, net.semantics, recording_.every_op))
    add_rule(Phase::data, shadow);
}

void StepRecorder::begin(const StepFacts& step, EfficientNet& net) {
  step_ = step;
  candidates_ = 0;
  place_.clear();
  parameter_of_leaf_.clear();
  node_names_.clear();
  times_.clear();
  tape_.forget();
  records_.clear();
  updated_.clear();
  flow_.begin();
  if (parameters_.empty()) {
    net.visit([&](const NamedTensor& t) {
      if (t.parameter != nullptr) parameters_.emplace(t.parameter, t.name);
    });
  }
}

// A record of a shadow that belongs to no op, where its name is asked for.
void StepRecorder::add_rule(Phase phase, const NamedShadow& rule) {
  if (!is_asked(rule.node, recording_.only)) return;
  const Tensor& computed = rule.shadow.computed;
  const bool is_number =
      computed.dtype() ==
      DType::f64;  // whole tensors have their facts in the records of ops, or are too many to be read once more
  OpRecord r = begun(phase, rule.number, rule.node, rule.shadow.of, is_number ? computed : Tensor());
  if (!is_number) {
    set_shape(r, computed.shape());
    r.facts.elements = computed.size();
  }
  compare(rule.shadow, r);
  records_.push_back(r);
}

bool StepRecorder::is_chosen(const std::string& node) {
  if (!is_asked(node, recording_.only)) return false;
  return recording_.every_op || candidates_++ % kOneIn == static_cast<std::uint32_t>(step_.number % kOneIn);
}

bool StepRecorder::has_turn(const TapeEntry& op) const {
  if (is_first()) return true;
  if (op.name() != "fused_mbconv" && op.name() != "fused_norm") return true;
  const std::uint32_t turns = op.name() == "fused_norm" ? recording_.norms_in_turn : recording_.blocks_in_turn;
  return turns > 0 && (static_cast<std::uint64_t>(op.id) + static_cast<std::uint64_t>(step_.number)) % turns == 0;
}

std::string StepRecorder::node_name(const TapeEntry& op) {
  std::string place;
  for (const int id : op.inputs) {
    const auto leaf = parameter_of_leaf_.find(id);
    if (leaf == parameter_of_leaf_.end()) continue;
    const std::string of = without_last(leaf->second);
    place = place.empty() ? of : common_place(place, of);
  }
  if (!place.empty()) place_ = place;
  std::string name = place_.empty() ? std::string(op.name()) : text(place_, "/", op.name());
  const int times = ++times_[name];
  return times == 1 ? name : text(name, "#", times);
}

OpRecord StepRecorder::begun(Phase phase, std::uint32_t op, const std::string& node, const std::string& tensor,
                             const Tensor& value) const {
  OpRecord r;
  r.step = static_cast<std::uint64_t>(step_.number);
  r.epoch = step_.epoch;
  r.phase = phase;
  r.op = op;
  r.node = names_(node);
  r.tensor = names_(tensor);
  if (!value.defined()) return r;
  set_shape(r, value.shape());
  if (value.dtype() == DType::f32 || value.dtype() == DType::bf16) {
    r.facts = facts_of(value);
  } else {
    r.facts.hash = hash_of(value);
    r.facts.elements = value.size();
  }
  return r;
}

void StepRecorder::compare(const Shadow& shadow, OpRecord& record) const {
  if (shadow.elements == 0 || shadow.terms > recording_.most_terms) return;
  const bool is_checksum = shadow.of.ends_with("checksum");
  const std::int64_t more = is_first() ? kFirstStep : 1;
  const std::int64_t budget = more * (is_checksum ? recording_.checksum_budget : recording_.budget);
  const std::int64_t paid = std::max<std::int64_t>(1, budget / std::max<std::int64_t>(1, shadow.terms));
  const std::int64_t most = is_checksum ? shadow.elements : more * recording_.most_samples;
  const std::int64_t count = std::min({shadow.elements, paid, most});
  const Draw draw{seed_, Purpose::audit, step_.epoch, static_cast<std::uint32_t>(step_.step), record.op};
  const auto element = [&](std::int64_t i) {
    if (count == shadow.elements) return i;
    return static_cast<std::int64_t>(draw.below(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(shadow.elements)));
  };
  std::vector<double> rho(static_cast<std::size_t>(count));
  const auto one = [&](std::int64_t i) { rho[static_cast<std::size_t>(i)] = rho_of(shadow, element(i)); };
  one(0);  // what all elements share is computed by the first
  parallel_for(count - 1, 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first + 1; i <= last; ++i) one(i);
  });
  const auto worst = std::max_element(rho.begin(), rho.end());
  const std::int64_t place = element(worst - rho.begin());
  record.flags |= is_checksum ? kShadowed | kChecksum : kShadowed;
  record.samples = static_cast<std::uint32_t>(count);
  record.above = static_cast<std::uint32_t>(std::ranges::count_if(rho, [](double r) { return !(r <= 1); }));
  record.worst_rho = *worst;
  record.median_rho = median(rho);
  record.worst_error = std::fabs(seen_value(shadow, place) - shadow.at(place).value);
  record.worst_element = static_cast<std::uint64_t>(place);
}

Hash128 StepRecorder::hash_of_inputs(const TapeEntry& op) const {
  Hash128 all;
  for (const int id : op.inputs) all = combined(all, id >= 0 ? hash_of(tape_.output(id)) : Hash128{});
  Numbers numbers;
  op.node->visit(numbers);
  return combined(all, hash_of_bytes(numbers.all.data(), numbers.all.size() * sizeof(double)));
}

// One record for every shadow; the one of the output itself goes into `like`'s place.
void StepRecorder::add_shadows(const std::vector<Shadow>& shadows, const OpRecord& like, const Tensor& whole, bool compares) {
  for (const Shadow& shadow : shadows) {
    const bool is_output = whole.defined() && !shadow.inner && !shadow.seen && shadow.of == "y";
    if (is_output) {
      compare(shadow, records_.back());
      continue;
    }
    OpRecord r = like;
    const OpRecord filled = begun(like.phase, like.op, "", shadow.of, shadow.seen ? Tensor() : shadow.computed);
    r.tensor = filled.tensor, r.rank = filled.rank, r.dims = filled.dims, r.facts = filled.facts;
    if (shadow.inner) r.flags |= kInner;
    if (compares) compare(shadow, r);
    records_.push_back(r);
  }
}

void StepRecorder::recorded(const TapeEntry& entry, const Tensor& output) {
  tape_.recorded(entry, output);
  if (entry.node == nullptr) {
    const auto found = parameters_.find(entry.parameter);
    if (found == parameters_.end()) return;
    parameter_of_leaf_.emplace(entry.id, found->second);
    if (recording_.shadows && recording_.every_op) check_parameter(entry, found->second, output);
    return;
  }
  const std::string name = node_names_.emplace(entry.id, node_name(entry)).first->second;
  const bool chosen = is_chosen(name);
  const SeenOp seen = recording_.shadows && (chosen || rules_now_) ? tape_.seen(entry) : SeenOp{};
  if (rules_now_)
    rules_->keep_statistics(seen, parameters_of(entry));  // of all: which of them the update looks at has another turn
  if (!chosen) return;
  OpRecord r = begun(Phase::forward, static_cast<std::uint32_t>(entry.id), name, "y", output);
  r.inputs = hash_of_inputs(entry);
  records_.push_back(r);
  if (!recording_.shadows) return;
  const OpRecord like = [&] {
    OpRecord same = r;
    same.facts = {};
    return same;
  }();
  // The record of the output stands last while the shadows of it are looked for.
  std::vector<Shadow> shadows = forward_shadows(seen);
  std::stable_partition(shadows.begin(), shadows.end(), [](const Shadow& s) { return !s.inner && !s.seen && s.of == "y"; });
  add_shadows(shadows, like, output, true);
  if (rules_now_) add_shadows(rules_->of_op(name, seen), like, Tensor(), true);
}

std::vector<std::string> StepRecorder::parameters_of(const TapeEntry& op) const {
  std::vector<std::string> names;
  for (const int id : op.inputs) {
    const auto found = parameter_of_leaf_.find(id);
    names.push_back(found == parameter_of_leaf_.end() ? std::string() : found->second);
  }
  return names;
}

void StepRecorder::check_parameter(const TapeEntry& leaf, const std::string& name, const Tensor& value) {
  const Hash128 now = hash_of(value.to(Device::cpu()));
  const auto before = kept_.find(name);
  const bool differs = before != kept_.end() && before->second != now;
  add_rule(Phase::forward,
           {name, static_cast<std::uint32_t>(leaf.id), fixed_numbers("w written over", {differs ? 1.0 : 0.0}, {0})});
}

// Of the gradient that the tape is about to use.
void StepRecorder::add_gradient(Phase phase, std::uint32_t op, const std::string& node, int id, const Tensor& gradient) {
  for (const Shadow& shadow : flow_.whole(id, gradient)) add_rule(phase, {node, op, shadow});
}

void StepRecorder::after_backward(const TapeEntry& op, const Tensor& dy, std::span<const Tensor> on_device) {
  const std::string& name = node_names_.at(op.id);
  if (!is_chosen(name)) {
    if (rules_now_) flow_.returned(op.inputs, on_device);
    return;
  }
  OpRecord r = begun(Phase::backward, static_cast<std::uint32_t>(op.id), name, "dy", dy);
  r.inputs = combined(hash_of_inputs(op), r.facts.hash);
  records_.push_back(r);
  std::vector<Tensor> gradients;  // on the host, where shadows look at them
  for (const Tensor& g : on_device) gradients.push_back(g.defined() ? g.to(Device::cpu()) : g);
  if (rules_now_) {
    add_gradient(Phase::backward, r.op, name, op.id, dy);
    add_rule(Phase::backward, {name, r.op, flow_.returned(op.inputs, gradients)});
  }
  OpRecord like = r;
  like.facts = {};
  std::vector<bool> shown(gradients.size());
  if (recording_.shadows) {
    std::vector<Shadow> shadows = backward_shadows(tape_.seen(op), dy.to(Device::cpu()), gradients);
    if (!has_turn(op)) std::erase_if(shadows, [](const Shadow& s) { return s.inner || s.seen; });
    add_shadows(shadows, like, Tensor(), has_turn(op));
    for (const Shadow& s : shadows) {
      for (std::size_t i = 0; i < gradients.size(); ++i)
        shown[i] = shown[i] || (!s.seen && gradients[i].defined() && s.computed.dtype() == DType::f32 &&
                                s.computed.host().data() == gradients[i].host().data());
    }
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (shown[i] || !gradients[i].defined()) continue;
    OpRecord one = begun(Phase::backward, r.op, name, text("gradient ", i), gradients[i]);
    one.inputs = r.inputs;
    records_.push_back(one);
  }
}

void StepRecorder::leaf_gradient(const TapeEntry& leaf, const Tensor& gradient) {
  const auto found = parameter_of_leaf_.find(leaf.id);
  if (found == parameter_of_leaf_.end() || !is_chosen(found->second)) return;
  const auto id = static_cast<std::uint32_t>(leaf.id);
  records_.push_back(begun(Phase::gradient, id, found->second, "dw", gradient));
  if (rules_now_) add_gradient(Phase::gradient, id, found->second, leaf.id, gradient);
}

void StepRecorder::before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer,
                                 const UpdateFacts& update) {
  for (const auto& [name, rate] : update.rates) updated_.push_back(name);
  tape_.forget();
  flow_.begin();
  rules_->forget();
  if (rules_now_) add_rule(Phase::update, update_->before_update(net, gradients, optimizer, update));
}

void StepRecorder::after_update(EfficientNet& net, const Optimizer& optimizer) {
  std::size_t next = 0;
  net.visit([&](const NamedTensor& t) {
    if (next >= updated_.size() || t.name != updated_[next]) return;
    ++next;
    if (is_chosen(t.name)) records_.push_back(begun(Phase::update, 0, t.name, "w", *t.value));
  });
  if (!rules_now_) return;
  update_->after_update(net, optimizer, rules_->take_statistics(),
                        [&](const NamedShadow& shadow) { add_rule(Phase::update, shadow); });
  if (!recording_.every_op) return;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr) kept_.insert_or_assign(t.name, hash_of(t.value->to(Device::cpu())));
  });
}

std::vector<OpRecord> StepRecorder::take() { return std::exchange(records_, {}); }

}  // namespace vitrine::audit

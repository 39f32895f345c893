#include "audit/step_rules.h"

#include <algorithm>
#include <array>
#include <utility>

#include "audit/rule_shadow.h"
#include "tensor/philox.h"

namespace vitrine::audit {
namespace {

// Which input of an op a saved tensor is.
struct Held {
  std::string_view op, tensor;
  std::size_t input;
};
constexpr Held kHeld[] = {{"conv2d", "x", 0},
                          {"conv2d", "w", 1},
                          {"depthwise_conv2d", "x", 0},
                          {"depthwise_conv2d", "w", 1},
                          {"linear", "x", 0},
                          {"linear", "w", 1},
                          {"cross_entropy", "logits", 0},
                          {"batch_norm", "x", 0},
                          {"fused_norm", "x", 0},
                          {"fused_norm", "beta", 2},
                          {"fused_mbconv", "x", 0},
                          {"fused_mbconv", "w_expand", 1},
                          {"fused_mbconv", "beta1", 3},
                          {"fused_mbconv", "w_depthwise", 4},
                          {"fused_mbconv", "beta2", 6},
                          {"fused_mbconv", "w_project", 7},
                          {"fused_mbconv", "reduce_weight", 8},
                          {"fused_mbconv", "reduce_bias", 9},
                          {"fused_mbconv", "expand_weight", 10},
                          {"fused_mbconv", "expand_bias", 11}};

// What an op saved for its backward pass is what it was given.
void add_held(std::vector<Shadow>& all, const SeenOp& op) {
  for (const Held& held : kHeld) {
    if (held.op != op.name || held.input >= op.inputs.size() || !op.inputs[held.input].defined() || !op.has(held.tensor))
      continue;
    const Tensor &saved = op.tensor(held.tensor), &given = op.inputs[held.input];
    if (saved.host().data() == given.host().data()) continue;  // the same memory
    all.push_back(same_values("saved " + std::string(held.tensor), saved, given));
  }
}

// Rows above and below of a map of so many rows; TensorFlow's SAME puts the smaller half first.
std::array<std::int64_t, 2> padding_of(PaddingRule rule, std::int64_t size, std::int64_t static_size, std::int64_t kernel,
                                       std::int64_t stride) {
  if (rule == PaddingRule::symmetric) return {(kernel - 1) / 2, (kernel - 1) / 2};
  const std::int64_t n = rule == PaddingRule::same ? size : static_size;
  const std::int64_t outputs = n / stride + (n % stride == 0 ? 0 : 1);
  const std::int64_t reach = (outputs - 1) * stride + kernel;  // rows that the windows cover
  const std::int64_t missing = reach > n ? reach - n : 0;
  return {missing / 2, missing - missing / 2};
}

float kept_factor(double rate) { return static_cast<float>(1.0 / (1.0 - rate)); }

}  // namespace

void StepRules::begin(const StepFacts& step, const Batch& batch, const EfficientNet& net) {
  epoch_ = step.epoch;
  first_ = step.first;
  if (arch_.blocks.empty()) arch_ = architecture(options_.arch);
  semantics_ = net.semantics;
  images_ = batch.images;
  targets_ = batch.targets;
  block_input_ = Tensor();
  statistics_.clear();
}

void StepRules::forget() { images_ = targets_ = block_input_ = Tensor(); }

int StepRules::block_of(const std::string& node) const {
  for (std::size_t i = 0; i < arch_.blocks.size(); ++i) {
    const std::string name = "blocks." + std::to_string(arch_.blocks[i].stage) + "." + std::to_string(arch_.blocks[i].repeat);
    if (node.starts_with(name) && node.size() > name.size() && (node[name.size()] == '/' || node[name.size()] == '.'))
      return static_cast<int>(i);
  }
  return -1;
}

// Of the op's one convolution that is not 1x1, if it has one. The sizes are those that maps have where the input is static_size.
StepRules::Window StepRules::window_of(const std::string& node) const {
  const auto halved = [](std::int64_t size, std::int64_t stride) { return (size + stride - 1) / stride; };
  std::int64_t size = semantics_.static_size;
  if (node.starts_with("conv_stem")) return {3, 2, size};
  size = halved(size, 2);
  const int block = block_of(node);
  for (int i = 0; i < std::ssize(arch_.blocks); ++i) {
    const BlockSpec& spec = arch_.blocks[static_cast<std::size_t>(i)];
    if (i == block) {
      const bool filters = node.find("conv_pw") == std::string::npos;
      return {filters ? spec.kernel : 1, filters ? spec.stride : 1, size};
    }
    size = halved(size, spec.stride);
  }
  return {1, 1, size};
}

Shadow StepRules::window(const std::string& node, const SeenOp& op) const {
  const Window w = window_of(node);
  const Tensor& x = op.tensor("x");
  const auto rows = padding_of(semantics_.padding, x.shape()[1], w.static_size, w.kernel, w.stride);
  const auto columns = padding_of(semantics_.padding, x.shape()[2], w.static_size, w.kernel, w.stride);
  const Shape& taps = op.tensor(op.has("w_depthwise") ? "w_depthwise" : "w").shape();
  const auto whole = [](std::int64_t n) { return static_cast<double>(n); };
  return fixed_numbers("window",
                       {whole(taps[0]), whole(taps[1]), op.number("stride"), op.number("top"), op.number("bottom"),
                        op.number("left"), op.number("right")},
                       {whole(w.kernel), whole(w.kernel), whole(w.stride), whole(rows[0]), whole(rows[1]), whole(columns[0]),
                        whole(columns[1])});
}

Tensor StepRules::drop_factors(int block, std::int64_t images) const {
  const double rate = options_.drop_connect * block / static_cast<double>(arch_.blocks.size());
  if (rate == 0) return {};
  Tensor factors = Tensor::uninitialized({images});
  for (std::int64_t n = 0; n < images; ++n) {
    const Draw draw{options_.seed, Purpose::drop_connect, epoch_, first_ + static_cast<std::uint32_t>(n),
                    static_cast<std::uint32_t>(block)};
    factors.mutable_host()[static_cast<std::size_t>(n)] =
        static_cast<double>(draw.uniform_float(0)) < rate ? 0.0f : kept_factor(rate);
  }
  return factors;
}

bool StepRules::is_projection(const std::string& node, int block) const {
  const bool expands = arch_.blocks[static_cast<std::size_t>(block)].expands();
  return node.find(expands ? ".bn3/" : ".bn2/") != std::string::npos;
}

// The norm that ends a block, with what it is added to.
void StepRules::add_branch(std::vector<Shadow>& all, int block, const SeenOp& op) const {
  const BlockSpec& spec = arch_.blocks[static_cast<std::size_t>(block)];
  const Tensor expected = spec.residual() ? drop_factors(block, op.tensor("x").shape()[0]) : Tensor();
  const bool drops = op.has("factors");
  all.push_back(fixed_numbers("branch", {op.number("has_skip"), drops ? 1.0 : 0.0, op.number("activation")},
                              {spec.residual() ? 1.0 : 0.0, expected.defined() ? 1.0 : 0.0, -1.0}));
  if (drops && expected.defined()) all.push_back(exact_values("factors", op.tensor("factors"), expected));
  if (op.number("has_skip") != 0 && op.inputs[3].defined() && block_input_.defined() && input_of_ == block &&
      op.inputs[3].host().data() != block_input_.host().data())
    all.push_back(same_values("skip", op.inputs[3], block_input_));
}

Shadow StepRules::dropout_factors(const SeenOp& op) const {
  constexpr std::uint32_t kOp = 1000;
  const Tensor& factors = op.tensor("factors");
  const std::int64_t images = factors.shape()[0], features = factors.size() / images;
  Tensor expected = Tensor::uninitialized(factors.shape());
  const auto values = expected.mutable_host();
  for (std::int64_t i = 0; i < factors.size(); ++i) {
    const Draw draw{options_.seed, Purpose::dropout, epoch_, first_ + static_cast<std::uint32_t>(i / features), kOp};
    values[static_cast<std::size_t>(i)] =
        static_cast<double>(draw.uniform_float(static_cast<std::uint32_t>(i % features))) < options_.dropout
            ? 0.0f
            : kept_factor(options_.dropout);
  }
  return exact_values("factors", factors, expected);
}

void StepRules::add_loss(std::vector<Shadow>& all, const SeenOp& op) const {
  all.push_back(fixed_numbers("smoothing", {op.number("smoothing")}, {options_.label_smoothing}));
  all.push_back(same_values("targets", op.tensor("targets"), targets_));
}

void StepRules::keep_statistics(const SeenOp& op, std::span<const std::string> parameters) {
  const auto keep = [&](std::string_view constants, std::size_t gamma, std::string_view eps, std::int64_t rows) {
    if (!op.has(constants) || gamma >= parameters.size() || parameters[gamma].empty()) return;
    const std::string& name = parameters[gamma];
    statistics_.push_back({name.substr(0, name.rfind('.')), op.tensor(constants), op.number(eps), rows});
  };
  if (op.name == "fused_mbconv") {
    const Shape &x = op.tensor("x").shape(), &y = op.output.shape();
    keep("norm1", 2, "eps1", x[0] * x[1] * x[2]);
    keep("norm2", 5, "eps2", y[0] * y[1] * y[2]);
  } else if (op.name == "fused_norm" || (op.name == "batch_norm" && op.number("train") != 0)) {
    keep("constants", 1, "eps", op.output.size() / op.output.shape().back());
  }
}

std::vector<Shadow> StepRules::of_op(const std::string& node, const SeenOp& op) {
  std::vector<Shadow> all;
  const int block = block_of(node);
  const bool is_head = node.starts_with("classifier");
  if (op.name == "conv2d" || op.name == "depthwise_conv2d" || op.name == "fused_mbconv") all.push_back(window(node, op));
  if (op.name == "fused_mbconv") {
    block_input_ = op.tensor("x");
    input_of_ = block;
    if (op.has("norm1")) all.push_back(fixed_numbers("eps1", {op.number("eps1")}, {semantics_.bn_eps}));
    all.push_back(fixed_numbers("eps2", {op.number("eps2")}, {semantics_.bn_eps}));
    const BlockSpec& spec = arch_.blocks[static_cast<std::size_t>(std::max(block, 0))];
    all.push_back(fixed_numbers("parts", {op.has("z1") ? 1.0 : 0.0, op.has("gate") ? 1.0 : 0.0},
                                {spec.expands() ? 1.0 : 0.0, spec.squeeze > 0 ? 1.0 : 0.0}));
  }
  if (!is_head && (op.name == "fused_norm" || op.name == "batch_norm"))
    all.push_back(fixed_numbers("eps", {op.number("eps")}, {semantics_.bn_eps}));
  if (op.name == "fused_norm" && block >= 0 && is_projection(node, block)) add_branch(all, block, op);
  if (op.name == "drop_connect" && block >= 0) {
    const Tensor expected = drop_factors(block, op.tensor("factors").size());
    if (expected.defined()) all.push_back(exact_values("factors", op.tensor("factors"), expected));
  }
  if (op.name == "dropout" && !arch_.concat_pool && options_.head == "linear") all.push_back(dropout_factors(op));
  if (op.name == "cross_entropy") add_loss(all, op);
  if (node == "conv_stem/conv2d") all.push_back(same_values("x", op.tensor("x"), images_));
  add_held(all, op);
  return all;
}

}  // namespace vitrine::audit

#include "layers/shadow.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "layers/bounded.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

constexpr const OpShadows* kOps[] = {&add_shadows,
                                     &average_pool2d_shadows,
                                     &batch_norm_shadows,
                                     &conv2d_shadows,
                                     &cross_entropy_shadows,
                                     &depthwise_conv2d_shadows,
                                     &drop_connect_shadows,
                                     &dropout_shadows,
                                     &fused_gate_shadows,
                                     &fused_mbconv_shadows,
                                     &fused_norm_shadows,
                                     &global_average_pool_shadows,
                                     &global_max_pool_shadows,
                                     &linear_shadows,
                                     &log_softmax_shadows,
                                     &max_pool2d_shadows,
                                     &mean_squared_error_shadows,
                                     &multiply_shadows,
                                     &reshape_shadows,
                                     &scale_channels_shadows,
                                     &sigmoid_shadows,
                                     &softmax_shadows};

std::vector<const OpShadows*> all_ops() {
  std::vector<const OpShadows*> ops(std::begin(kOps), std::end(kOps));
  for (const OpShadows& op : unary_shadows()) ops.push_back(&op);
  std::ranges::sort(ops, {}, &OpShadows::name);
  return ops;
}

const OpShadows& shadows_of(const SeenOp& op) {
  static const std::vector<const OpShadows*> ops = all_ops();
  const auto found = std::ranges::lower_bound(ops, std::string_view(op.name), {}, &OpShadows::name);
  if (found == ops.end() || (*found)->name != op.name)
    throw InternalError(text("the op ", op.name, " has no shadow; write one and name it in layers/shadow_list.h"));
  return **found;
}

}  // namespace

const Tensor& SeenOp::tensor(std::string_view wanted) const {
  for (const auto& [shown, value] : saved) {
    if (shown == wanted) return value;
  }
  throw InternalError(text(name, " shows no tensor '", wanted, "', which its bound needs; show it in Node::visit"));
}

bool SeenOp::has(std::string_view wanted) const {
  return std::ranges::any_of(saved, [&](const auto& shown) { return shown.first == wanted; });
}

double SeenOp::number(std::string_view wanted) const {
  for (const auto& [shown, value] : numbers) {
    if (shown == wanted) return value;
  }
  throw InternalError(text(name, " shows no number '", wanted, "', which its bound needs; show it in Node::visit"));
}

std::vector<Shadow> forward_shadows(const SeenOp& op) { return shadows_of(op).forward(op); }

std::vector<Shadow> backward_shadows(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  return shadows_of(op).backward(op, dy, gradients);
}

std::vector<std::string_view> shadowed_ops() {
  std::vector<std::string_view> names;
  for (const OpShadows* op : all_ops()) names.push_back(op->name);
  return names;
}

Shadow shadow_of(std::string of, const Tensor& computed, std::int64_t terms, std::function<Bounded(std::int64_t)> at) {
  Shadow shadow;
  shadow.of = std::move(of);
  shadow.computed = computed;
  shadow.elements = computed.size();
  shadow.terms = terms;
  shadow.at = [at = std::move(at)](std::int64_t i) { return finished(at(i)); };
  return shadow;
}

Shadow gradient_sum_shadow(const Tensor& before, const Tensor& added, const Tensor& total) {
  return shadow_of("sum of gradients", total, 2,
                   [a = Values(before), b = Values(added)](std::int64_t i) { return plus(a.exact(i), b.exact(i)); });
}

double rho_of(double computed, const Bounded& shadow) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto [value, bound] = shadow;
  if (computed == value || (std::isnan(computed) && std::isnan(value)) || bound == kInfinity) return 0;
  if (!std::isfinite(value) || !std::isfinite(computed) || !(bound > 0)) return kInfinity;
  return std::abs(computed - value) / bound;
}

double rho_of(const Shadow& shadow, std::int64_t element) {
  double computed = 0;
  if (shadow.seen) {
    computed = shadow.seen(element);
  } else if (shadow.computed.dtype() == DType::f64) {
    computed = shadow.computed.host<double>()[static_cast<std::size_t>(element)];
  } else {
    computed = static_cast<double>(shadow.computed.host()[static_cast<std::size_t>(element)]);
  }
  return rho_of(computed, shadow.at(element));
}

}  // namespace vitrine

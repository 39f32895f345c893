#include "audit/op_pages/example.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "audit/op_pages/families.h"
#include "base/error.h"
#include "tensor/philox.h"

namespace vitrine::op_pages {
namespace {

class ShownValues final : public SavedVisitor {
 public:
  explicit ShownValues(SeenOp& seen) : seen_(seen) {}

 private:
  void see(std::string_view name, const Tensor& tensor) override { seen_.saved.emplace_back(name, tensor); }
  void see(std::string_view name, double number) override { seen_.numbers.emplace_back(name, number); }

  SeenOp& seen_;
};

// Keeps the last op of a tape, with all that a shadow asks for, and the gradients that its backward returns.
class LastOp final : public TapeObserver {
 public:
  explicit LastOp(Computed& to) : to_(to) {}

  void recorded(const TapeEntry& entry, const Tensor& output) override {
    outputs_.push_back(output);
    if (entry.node == nullptr) return;
    to_.seen = {std::string(entry.name()), {}, output, {}, {}};
    for (const int id : entry.inputs) to_.seen.inputs.push_back(id < 0 ? Tensor() : outputs_[static_cast<std::size_t>(id)]);
    ShownValues show(to_.seen);
    entry.node->visit(show);
  }
  void after_backward(const TapeEntry&, const Tensor&, std::span<const Tensor> gradients) override {
    to_.gradients.assign(gradients.begin(), gradients.end());
  }

 private:
  Computed& to_;
  std::vector<Tensor> outputs_;
};

std::string digits_of(double value, int digits) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits).ptr;
  return {buffer, end};
}

using Maker = Example (*)(Scale);
const std::vector<std::pair<std::string, Maker>>& makers() {
  static const std::vector<std::pair<std::string, Maker>> all = {{"add", add_example},
                                                                 {"average_pool2d", average_pool2d_example},
                                                                 {"batch_norm", batch_norm_example},
                                                                 {"conv2d", conv2d_example},
                                                                 {"cross_entropy", cross_entropy_example},
                                                                 {"depthwise_conv2d", depthwise_conv2d_example},
                                                                 {"drop_connect", drop_connect_example},
                                                                 {"dropout", dropout_example},
                                                                 {"fused_gate", fused_gate_example},
                                                                 {"fused_mbconv", fused_mbconv_example},
                                                                 {"fused_norm", fused_norm_example},
                                                                 {"global_average_pool", global_average_pool_example},
                                                                 {"global_max_pool", global_max_pool_example},
                                                                 {"linear", linear_example},
                                                                 {"log_softmax", log_softmax_example},
                                                                 {"max_pool2d", max_pool2d_example},
                                                                 {"mean_squared_error", mean_squared_error_example},
                                                                 {"multiply", multiply_example},
                                                                 {"reshape", reshape_example},
                                                                 {"scale_channels", scale_channels_example},
                                                                 {"softmax", softmax_example}};
  return all;
}

}  // namespace

Computed computed(const Example& example, Device device) {
  Computed result;
  LastOp last(result);
  Tape tape;
  tape.observe(&last);
  std::vector<Tensor> values;
  for (const ExampleInput& input : example.inputs) values.push_back(input.value.defined() ? input.value.to(device) : Tensor());
  const Variable y = example.op(tape, values);
  tape.backward(y, example.dy.to(device));
  result.y = y.tensor().to(Device::cpu());
  result.gradients.resize(example.inputs.size());
  for (std::size_t i = 0; i < result.gradients.size(); ++i) {
    Tensor& gradient = result.gradients[i];
    gradient = gradient.defined() && example.inputs[i].wanted ? gradient.to(Device::cpu()) : Tensor();
  }
  return result;
}

std::vector<Doubles> difference_quotients(const Example& example) {
  const std::vector<Doubles> values = values_of(example);
  const Doubles dy = doubles_of(example.dy);
  const auto loss = [&](const std::vector<Doubles>& at) {
    const Doubles y = example.forward(at);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += dy[i] * y[i];
    return sum;
  };
  std::vector<Doubles> quotients(values.size());
  for (std::size_t input = 0; input < values.size(); ++input) {
    if (!example.inputs[input].wanted) continue;
    for (std::size_t i = 0; i < values[input].size(); ++i) {
      const double h = 0x1p-20 * std::max(1.0, std::abs(values[input][i]));
      std::vector<Doubles> above = values, below = values;
      above[input][i] += h, below[input][i] -= h;
      quotients[input].push_back((loss(above) - loss(below)) / (above[input][i] - below[input][i]));
    }
  }
  return quotients;
}

Doubles doubles_of(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  if (tensor.dtype() == DType::f64) return {tensor.host<double>().begin(), tensor.host<double>().end()};
  return {tensor.host().begin(), tensor.host().end()};
}

std::vector<Doubles> values_of(const Example& example) {
  std::vector<Doubles> values;
  for (const ExampleInput& input : example.inputs) values.push_back(doubles_of(input.value));
  return values;
}

Example example_of(std::string_view op, Scale scale) {
  for (const auto& [name, make] : makers()) {
    if (name == op) return make(scale);
  }
  return function_example(op, scale);
}

std::vector<std::string> examples() {
  std::vector<std::string> names = function_examples();
  for (const auto& [name, make] : makers()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Tensor tensor(const Shape& shape, std::initializer_list<float> values) {
  return Tensor::from(shape, std::span<const float>(values.begin(), values.size()));
}

Tensor drawn(const Shape& shape, std::uint32_t which, double deviation) {
  Tensor result = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::audit, .op = which};
  const auto values = result.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(deviation * draw.normal(static_cast<std::uint32_t>(i)));
  return result;
}

std::string number(double value) { return digits_of(value, 6); }
std::string number9(double value) { return digits_of(value, 9); }

std::string element_name(const Shape& shape, std::int64_t index) {
  if (shape.rank() == 0) return "";
  std::string name;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    name = text(index % shape[axis], name.empty() ? "" : ",", name);
    index /= shape[axis];
  }
  return "[" + name + "]";
}

}  // namespace vitrine::op_pages

#include "audit/cuda_self_test.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>

#include "layers/add.h"
#include "layers/blocks/mbconv.h"
#include "layers/cross_entropy.h"
#include "layers/depthwise_conv2d.h"
#include "layers/drop_connect.h"
#include "layers/dropout.h"
#include "layers/global_average_pool.h"
#include "layers/global_max_pool.h"
#include "layers/linear.h"
#include "layers/relu.h"
#include "layers/relu6.h"
#include "layers/scale_channels.h"
#include "layers/sigmoid.h"
#include "layers/swish.h"
#include "tensor/cuda/settings.h"
#include "tensor/philox.h"
#include "train/device/device_training.h"
#include "train/device/host_training.h"

namespace vitrine {
namespace {

constexpr double kLargestDifference =
    1e-4;  // of a tensor's largest element: float32 sums in another order, batch norm behind them

constexpr double kLargestInBf16 = 0.1;  // 8 bits of precision, six roundings and three norms behind each other

Tensor drawn(const Shape& shape, double mean, double deviation, std::uint32_t op) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 9, .purpose = Purpose::audit, .op = op};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(mean + deviation * draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

// As a step on `device` keeps it: in bfloat16 with --precision bf16.
Tensor as_kept(const Tensor& t, Device device) {
  const Tensor there = t.to(device);
  return device.is_cuda() && cuda::keeps_bfloat16() ? there.in_bfloat16() : there;
}
Tensor on_host(const Tensor& t) {
  const Tensor here = t.to(Device::cpu());
  return here.dtype() == DType::bf16 ? here.in_float32() : here;
}
Tensor upstream(const Variable& y, std::uint32_t op, Device device) {
  const Tensor dy = drawn(y.shape(), 0, 1, op).to(device);
  return y.tensor().dtype() == DType::bf16 ? dy.in_bfloat16() : dy;
}

// Output, gradients, statistics of one run, on the host.
using Results = std::vector<Tensor>;

struct Case {
  std::string op;
  std::function<Results(Device)> run;
  std::size_t compared = std::numeric_limits<std::size_t>::max();  // leading results that the run-to-run tier is compared by
};

// An op of drawn inputs: forward, and backward from a drawn gradient. has_bfloat16: of a first input in bfloat16, too.
Case op_case(const std::string& name, std::vector<Shape> inputs, std::function<Variable(std::span<const Variable>)> apply,
             bool has_bfloat16 = false) {
  return {name, [inputs = std::move(inputs), apply = std::move(apply), has_bfloat16](Device device) {
            Tape tape;
            std::vector<Variable> leaves;
            for (std::size_t i = 0; i < inputs.size(); ++i) {
              const Tensor value = drawn(inputs[i], 0, 1, static_cast<std::uint32_t>(i));
              leaves.push_back(tape.input(has_bfloat16 && i == 0 ? as_kept(value, device) : value.to(device)));
            }
            const Variable y = apply(leaves);
            Results results{on_host(y.tensor())};
            const Gradients g = tape.backward(y, upstream(y, 99, device));
            for (const Variable& leaf : leaves) results.push_back(on_host(g.of(leaf)));
            return results;
          }};
}

ConvNorm unit(const Shape& weight, std::int64_t stride, bool activated, std::uint32_t op, Device device) {
  ConvNorm u;
  const double taps = static_cast<double>(weight.elements() / weight.back());
  u.weight.value = drawn(weight, 0, 1 / std::sqrt(taps), op).to(device);
  u.norm = BatchNorm::identity(weight.back(), 1e-3, 0.1);
  u.norm.gamma.value = drawn({weight.back()}, 1, 0.2, op + 1).to(device);
  u.norm.beta.value = drawn({weight.back()}, 0, 0.3, op + 2).to(device);
  u.norm.running_mean = u.norm.running_mean.to(device);
  u.norm.running_var = u.norm.running_var.to(device);
  u.stride = stride;
  u.depthwise = weight.rank() == 3;
  if (activated) u.activation = Activation::swish;
  return u;
}

// A whole MBConv in training, fused or of its ops.
Results run_block(std::int64_t kernel, std::int64_t stride, bool expands, bool fused, Device device) {
  const std::int64_t C = 16, M = expands ? 96 : 16;
  MBConv block;
  if (expands) block.expand = unit({1, 1, C, M}, 1, true, 10, device);
  block.depthwise = unit({kernel, kernel, M}, stride, true, 20, device);
  block.se = SqueezeExcitation{{drawn({M, 4}, 0, 0.1, 30).to(device)},
                               {drawn({4}, 0, 0.1, 31).to(device)},
                               {drawn({4, M}, 0, 0.5, 32).to(device)},
                               {drawn({M}, 0, 0.5, 33).to(device)}};
  block.project = unit({1, 1, M, 24}, 1, false, 40, device);
  Tape tape;
  const Tensor values = drawn({3, 11, 9, C}, 0.1, 1, 1);
  const Variable x = tape.input(fused ? as_kept(values, device) : values.to(device));
  const Variable y = block.forward(x, {.mode = Mode::train, .tape = &tape, .fused = fused});
  Results results{on_host(y.tensor())};
  const Gradients g = tape.backward(y, upstream(y, 2, device));
  results.push_back(on_host(g.of(x)));
  std::vector<ConvNorm*> units{&block.depthwise, &block.project};
  if (expands) units.push_back(&*block.expand);
  for (ConvNorm* u : units) {
    for (const Tensor& t :
         {g.of(u->weight), g.of(u->norm.gamma), g.of(u->norm.beta), u->norm.running_mean, u->norm.running_var})
      results.push_back(t.to(Device::cpu()));
  }
  for (const Parameter* p :
       {&block.se->reduce_weight, &block.se->reduce_bias, &block.se->expand_weight, &block.se->expand_bias})
    results.push_back(g.of(*p).to(Device::cpu()));
  return results;
}

void add_elementwise(std::vector<Case>& cases) {
  using In = std::span<const Variable>;
  const Shape image{2, 5, 7, 19};
  cases.push_back(op_case("add", {image, image}, [](In in) { return add(in[0], in[1]); }));
  cases.push_back(op_case("relu", {image}, [](In in) { return relu(in[0]); }));
  cases.push_back(op_case("relu6", {image}, [](In in) { return relu6(in[0]); }));
  cases.push_back(op_case("sigmoid", {image}, [](In in) { return sigmoid(in[0]); }));
  cases.push_back(op_case("swish", {image}, [](In in) { return swish(in[0]); }));
  cases.push_back(op_case("dropout", {{6, 50}}, [](In in) { return dropout(in[0], 0.3, DropKey{1, 2, 3}, 4); }));
  cases.push_back(op_case("drop_connect", {image}, [](In in) { return drop_connect(in[0], 0.3, DropKey{1, 2, 3}, 4); }));
  cases.push_back(op_case("scale_channels", {image, {2, 19}}, [](In in) { return scale_channels(in[0], in[1]); }));
  cases.push_back(op_case(
      "global_average_pool", {image}, [](In in) { return global_average_pool(in[0]); }, true));
  cases.push_back(op_case("global_max_pool", {image}, [](In in) { return global_max_pool(in[0]); }));
  cases.push_back(op_case("cross_entropy", {{5, 3}}, [](In in) {
    return cross_entropy(in[0], Tensor::full({5, 3}, 1.0f / 3), 0.1);
  }));
}

void add_products(std::vector<Case>& cases) {
  using In = std::span<const Variable>;
  cases.push_back(op_case("linear", {{7, 150}, {150, 33}, {33}}, [](In in) { return linear(in[0], in[1], in[2]); }));
  cases.push_back(op_case(
      "conv2d 1x1", {{2, 24, 25, 40}, {1, 1, 40, 70}},
      [](In in) {
        return conv2d(in[0], in[1], Variable(), {1, {}});
      },
      true));
  cases.push_back(op_case(
      "conv2d 3x3 stride 2", {{2, 33, 31, 3}, {3, 3, 3, 32}},
      [](In in) {
        return conv2d(in[0], in[1], Variable(), {2, symmetric_padding(3)});
      },
      true));
  for (const std::int64_t kernel : {3, 5}) {
    for (const std::int64_t stride : {1, 2}) {
      cases.push_back(op_case(
          "depthwise_conv2d " + std::to_string(kernel) + "x" + std::to_string(kernel) + " stride " + std::to_string(stride),
          {{3, 19, 22, 40}, {kernel, kernel, 40}}, [kernel, stride](In in) {
            return depthwise_conv2d(in[0], in[1], {stride, same_padding(19, 22, kernel, stride)});
          }));
    }
  }
  cases.push_back(op_case("batch_norm", {{3, 30, 20, 35}, {35}, {35}},
                          [](In in) { return batch_norm_train(in[0], in[1], in[2], 1e-3, nullptr); }));
  for (const bool fused : {false, true}) {
    const std::string name = fused ? "fused MBConv" : "MBConv of its ops";
    cases.push_back({name + ", 3x3", [fused](Device d) { return run_block(3, 1, true, fused, d); }});
    cases.push_back({name + ", 5x5 stride 2", [fused](Device d) { return run_block(5, 2, true, fused, d); }});
    cases.push_back({name + ", not expanded", [fused](Device d) { return run_block(3, 1, false, fused, d); }});
  }
}

// Three steps of b0 with everything that belongs to them: augmentation, mixup, drops, Adam. On a device the third is recorded and replayed.
// Their losses, then every tensor.
Results run_training(Device device) {
  const Architecture arch = architecture("b0");
  EfficientNet net(arch, published_semantics(Family::timm, arch), 2);
  net.initialize(2);
  net.set_drop_rates(0.2, 0.2);
  net.to(device);
  TrainOptions options;
  options.batch_size = 2;
  Dataset data;
  data.classes = {"a", "b"};
  data.labels = {0, 1};
  // At 64 pixels: with 32 the last norms would see two values, and a norm of two turns rounding into anything.
  for (std::uint32_t i = 0; i < 2; ++i) data.images.push_back(drawn({64, 64, 3}, 0.5, 0.1, 300 + i));
  Optimizer optimizer(options.optimizer);
  const std::vector<int> order{1, 0};
  HostTraining host(net, optimizer, data, options);
  std::optional<DeviceTraining> training;
  if (device.is_cuda()) training.emplace(net, optimizer, data, options);
  Results results;
  for (std::uint32_t epoch = 1; epoch <= 3; ++epoch) {
    const std::vector<StepRates> rates{{1e-3, 0.9}};
    const double loss =
        (training ? training->run_epoch(order, epoch, rates) : host.run_epoch(order, epoch, rates, {"the self-test"})).front();
    results.push_back(Tensor::full({1}, static_cast<float>(loss)));
  }
  net.visit([&](const NamedTensor& t) { results.push_back(t.value->to(Device::cpu())); });
  return results;
}

bool same_bits(const Results& a, const Results& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i].shape() == b[i].shape()) ||
        std::memcmp(a[i].data(), b[i].data(), static_cast<std::size_t>(a[i].size()) * 4) != 0)
      return false;
  }
  return true;
}

double largest_difference(const Results& got, const Results& want, std::size_t compared) {
  double worst = 0;
  for (std::size_t t = 0; t < std::min(compared, want.size()); ++t) {
    double largest = 1e-30, difference = 0;
    for (std::int64_t i = 0; i < want[t].size(); ++i) {
      const double a = static_cast<double>(got[t].data()[i]), b = static_cast<double>(want[t].data()[i]);
      largest = std::max(largest, std::abs(b));
      difference = std::isfinite(a) ? std::max(difference, std::abs(a - b)) : HUGE_VAL;
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

}  // namespace

std::vector<SelfTestLine> cuda_self_test(Device device) {
  const cuda::Settings before = cuda::settings();
  std::vector<Case> cases;
  add_elementwise(cases);
  add_products(cases);
  // By the first loss: Adam's first step has the size of lr whatever the gradient's, and where that is nearly zero its sign is a matter of rounding.
  cases.push_back({"three training steps", run_training, 1});
  std::vector<SelfTestLine> lines;
  for (const Case& c : cases) {
    SelfTestLine line;
    line.op = c.op;
    const Results want = c.run(Device::cpu());
    cuda::settings() = {cuda::Tier::portable, cuda::Precision::fp32, cuda::Kernels::fastest};
    line.same_bits = same_bits(c.run(device), want);
    cuda::settings() = {cuda::Tier::run_to_run, cuda::Precision::fp32, cuda::Kernels::fastest};
    line.difference = largest_difference(c.run(device), want, c.compared);
    cuda::settings().precision = cuda::Precision::bf16;
    line.in_bf16 = largest_difference(c.run(device), want, c.compared);
    line.passed = line.same_bits && line.difference <= kLargestDifference && line.in_bf16 <= kLargestInBf16;
    lines.push_back(line);
  }
  cuda::settings() = before;
  return lines;
}

}  // namespace vitrine

#include "nn/efficientnet/inference.h"

#include <algorithm>

#include "base/error.h"
#include "layers/blocks/planes.h"
#include "nn/efficientnet/bn_folding.h"
#include "nn/efficientnet/bn_folding_cuda.h"
#include "tensor/cuda/graph.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

constexpr std::int64_t kGroupPixels =
    8 * 64 * 64;  // of a group's images: their wide tensors then fit into the cache of one core

constexpr std::size_t kPlansOnDevice = 4;  // a batch, the smaller last one, and those of another set

// Room for `shape` on a device, kept where it is: recorded passes read it.
float* room_for(Tensor& t, const Shape& shape, Device device) {
  if (!t.defined()) t = Tensor::uninitialized(shape, device);
  if (!(t.shape() == shape))
    throw ShapeError(text("inference: a weight of the network is ", shape.text(), ", it was ", t.shape().text()));
  return t.mutable_data();
}

float* room_for(PackedWeights& packed, const Tensor& weight) {
  const std::int64_t N = weight.shape().back(), K = weight.size() / N;
  packed.K = K;
  packed.N = N;
  return room_for(packed.values, {K + 1, cpu::Packed{nullptr, K, N}.padded()}, weight.device());
}

void take(PackedWeights& packed, const Parameter& weight, const Parameter& bias) {
  const Tensor &w = weight.value, &b = bias.value;
  const std::int64_t N = w.shape().back(), K = w.size() / N;
  if (!w.device().is_cuda()) {
    packed = {w.host(), b.host(), K, N};
    return;
  }
  cuda::make_current(w.device());
  float* const to = room_for(packed, w);
  cuda::fold_packed(w.data(), {nullptr, b.data(), nullptr, nullptr, 0}, K, N, to);
}

}  // namespace

void Inference::Unit::take(const ConvNorm& source) {
  const Tensor& w = source.weight.value;
  const BatchNorm& norm = source.norm;
  const std::int64_t N = w.shape().back(), rows = w.size() / N;
  kernel = w.shape()[0];
  stride = source.stride;
  padding = source.padding;
  static_size = source.static_size;
  if (!w.device().is_cuda()) {
    const Fold fold = fold_of(norm);
    const Tensor weight = folded_weight(w, fold);
    if (source.depthwise) {
      taps = weight;
      bias = fold.bias;
    } else {
      packed = {weight.host(), fold.bias.host(), rows, N};
    }
    return;
  }
  cuda::make_current(w.device());
  const cuda::NormToFold from{norm.gamma.value.data(), norm.beta.value.data(), norm.running_mean.data(),
                              norm.running_var.data(), norm.eps};
  if (source.depthwise) {
    float *const to = room_for(taps, w.shape(), w.device()), *const shift = room_for(bias, {N}, w.device());
    cuda::fold_taps(w.data(), from, rows, N, to, shift);
  } else {
    float* const to = room_for(packed, w);
    cuda::fold_packed(w.data(), from, rows, N, to);
  }
}

ConvShape Inference::Unit::shape(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C, std::int64_t K) const {
  const Padding p = convolution_padding(padding, static_size, H, W, kernel, stride);
  return {N,
          H,
          W,
          C,
          kernel,
          kernel,
          K,
          output_size(H, p.top, p.bottom, kernel, stride),
          output_size(W, p.left, p.right, kernel, stride),
          stride,
          p};
}

Inference::Inference(const EfficientNet& net)
    : channels_(net.semantics.channels),
      activation_(net.stem.activation.value_or(Activation::swish)),
      blocks_(net.blocks.size()),
      device_(net.device()) {
  refold(net);
}
Inference::Inference(Inference&&) noexcept = default;
Inference::~Inference() = default;

Inference Inference::sharing_weights() const {
  Inference another;
  another.channels_ = channels_;
  another.activation_ = activation_;
  another.stem_ = stem_;
  another.head_ = head_;
  another.blocks_ = blocks_;
  another.classifier_ = classifier_;
  another.device_ = device_;
  return another;
}

void Inference::refold(const EfficientNet& net) {
  if (net.blocks.size() != blocks_.size() || !(net.device() == device_))
    throw ShapeError(text("inference: the network has ", net.blocks.size(), " blocks on ", net.device().text(), ", it had ",
                          blocks_.size(), " on ", device_.text()));
  stem_.take(net.stem);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const MBConv& source = net.blocks[i];
    Block& block = blocks_[i];
    block.expands = source.expand.has_value();
    block.residual = source.residual;
    block.gated = source.se.has_value();
    if (block.expands) block.expand.take(*source.expand);
    block.depthwise.take(source.depthwise);
    block.project.take(source.project);
    if (!block.gated) continue;
    take(block.reduce, source.se->reduce_weight, source.se->reduce_bias);
    take(block.excite, source.se->expand_weight, source.se->expand_bias);
  }
  head_.take(net.head);
  take(classifier_, net.classifier_weight, net.classifier_bias);
}

std::int64_t Inference::workspace_bytes() const {
  if (plans_.empty()) return 0;
  return plans_.back().size * static_cast<std::int64_t>(sizeof(float)) * plans_.back().spread;
}

std::size_t Inference::nodes() const {
  return plans_.empty() || plans_.back().recorded == nullptr ? 0 : plans_.back().recorded->nodes();
}

// The plan of a shape, which becomes the last. On the CPU there is one, on a device a few are kept: each holds a recorded pass.
Inference::Plan& Inference::plan_for(std::int64_t N, std::int64_t H, std::int64_t W) {
  const std::int64_t threads = thread_count();
  const std::int64_t spread = !device_.is_cuda() && N >= threads ? threads : 1;
  const std::int64_t group =
      device_.is_cuda() ? N : std::clamp(kGroupPixels / (H * W), std::int64_t{1}, (N + spread - 1) / spread);
  const auto found = std::ranges::find_if(
      plans_, [&](const Plan& p) { return p.N == N && p.H == H && p.W == W && p.group == group && p.spread == spread; });
  if (found != plans_.end()) {
    std::rotate(found, found + 1, plans_.end());
    return plans_.back();
  }
  if (plans_.size() >= (device_.is_cuda() ? kPlansOnDevice : 1)) plans_.erase(plans_.begin());
  plans_.push_back(planned(N, H, W, group, spread));
  return plans_.back();
}

Inference::Plan Inference::planned(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t group,
                                   std::int64_t spread) const {
  Plan p;
  p.N = N;
  p.H = H;
  p.W = W;
  p.group = group;
  p.spread = spread;
  const auto rounded = [](std::int64_t floats) { return (floats + 15) / 16 * 16; };
  p.stem = stem_.shape(1, H, W, channels_, stem_.packed.N);
  std::int64_t height = p.stem.P, width = p.stem.Q, channels = p.stem.K;
  std::int64_t narrow = height * width * channels, wide = 0, mean = head_.packed.N, hidden = 1;
  for (const Block& b : blocks_) {
    const std::int64_t M = b.depthwise.bias.size();
    cpu::FoldedShape s{b.depthwise.shape(1, height, width, M, M), channels, activation_};
    if (s.depthwise.P < 1 || s.depthwise.Q < 1)
      throw ShapeError(
          text("EfficientNet: images of ", H, " x ", W, " pixels leave no pixel for the last blocks; use larger ones"));
    height = s.depthwise.P;
    width = s.depthwise.Q;
    channels = b.project.packed.N;
    narrow = std::max(narrow, height * width * channels);
    wide = std::max(wide, cpu::plane_floats(height * width * group, M));
    mean = std::max(mean, M);
    hidden = std::max(hidden, b.reduce.N);
    p.blocks.push_back(s);
  }
  const auto reserve = [&](std::int64_t floats) {
    const std::int64_t at = p.size;
    p.size += rounded(floats * group);
    return at;
  };
  p.narrow[0] = reserve(narrow);
  p.narrow[1] = reserve(narrow);
  p.wide = p.size;
  p.size += rounded(wide);
  p.mean = reserve(mean);
  p.hidden = reserve(hidden);
  p.gate = reserve(mean);
  for (std::int64_t i = 0; i < spread; ++i) p.workspaces.push_back(Tensor::uninitialized({p.size}, device_));
  if (device_.is_cuda()) {
    p.input = Tensor::uninitialized({N, H, W, channels_}, device_);
    p.logits = Tensor::uninitialized({N, classes()}, device_);
  }
  return p;
}

void Inference::run_group(const Plan& plan, const float* images, std::int64_t count, float* workspace, float* logits) const {
  const cpu::FoldedKernels& kernels = cpu::folded_kernels(device_);
  float* x = workspace + plan.narrow[0];
  float* y = workspace + plan.narrow[1];
  float *const wide = workspace + plan.wide, *const mean = workspace + plan.mean, *const gate = workspace + plan.gate;
  ConvShape stem = plan.stem;
  stem.N = count;
  kernels.convolution(stem, stem_.packed.view(), activation_, images, x);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    cpu::FoldedShape s = plan.blocks[i];
    s.depthwise.N = count;
    kernels.expand_depthwise(
        s, {b.expands ? b.expand.packed.view() : cpu::Packed{}, b.depthwise.taps.data(), b.depthwise.bias.data()}, x, wide,
        mean);
    if (b.gated) kernels.gate(count, b.reduce.view(), b.excite.view(), mean, workspace + plan.hidden, gate);
    kernels.project(count, s.depthwise.P * s.depthwise.Q, b.project.packed.view(), wide, b.gated ? gate : nullptr,
                    b.residual ? x : nullptr, y);
    std::swap(x, y);
  }
  const ConvShape& last = plan.blocks.back().depthwise;
  kernels.head(count, last.P * last.Q, head_.packed.view(), activation_, x, mean);
  kernels.linear(count, classifier_.view(), mean, logits);
}

// The pass is replayed as one graph from the second run on.
void Inference::run_on_device(Plan& plan, const Tensor& images, std::span<float> logits) {
  const std::size_t bytes = static_cast<std::size_t>(images.size()) * sizeof(float);
  if (device_.is_gpu() && images.device() == device_) {
    cuda::copy_on_device(device_.index, plan.input.mutable_data(), images.data(), bytes);
  } else {
    plan.input.write_bytes(images.to(Device::cpu()).data(), bytes);
  }
  float *const workspace = plan.workspaces.front().mutable_data(), *const out = plan.logits.mutable_data();
  const auto pass = [&, this] { run_group(plan, plan.input.data(), plan.N, workspace, out); };
  if (++plan.runs == 2) plan.recorded = std::make_unique<cuda::Graph>(device_, pass);
  plan.recorded != nullptr ? plan.recorded->launch() : pass();
  plan.logits.read_bytes(logits.data(), logits.size_bytes());
}

void Inference::run(const Tensor& images, std::span<float> logits) {
  const Shape& shape = images.shape();
  check_images(shape, channels_);
  const std::int64_t N = shape[0], image = shape[1] * shape[2] * shape[3];
  if (static_cast<std::int64_t>(logits.size()) != N * classes())
    throw ShapeError(text("inference: room for ", logits.size(), " logits, ", N * classes(), " are made"));
  Plan& plan = plan_for(N, shape[1], shape[2]);
  if (device_.is_cuda()) return run_on_device(plan, images, logits);
  const float* const in = images.host().data();
  const std::int64_t groups = (N + plan.group - 1) / plan.group, spread = plan.spread;
  const auto run_groups = [&](std::int64_t worker, std::int64_t first, std::int64_t last) {
    float* const workspace = plan.workspaces[static_cast<std::size_t>(worker)].mutable_host().data();
    for (std::int64_t g = first; g < last; ++g) {
      const std::int64_t n = g * plan.group;
      run_group(plan, in + n * image, std::min(plan.group, N - n), workspace, logits.data() + n * classes());
    }
  };
  if (spread == 1) {
    run_groups(0, 0, groups);
  } else {
    parallel_for(spread, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t w = first; w < last; ++w) run_groups(w, groups * w / spread, groups * (w + 1) / spread);
    });
  }
}

Tensor Inference::run(const Tensor& images) {
  check_images(images.shape(), channels_);
  Tensor logits = Tensor::uninitialized({images.shape()[0], classes()});
  run(images, logits.mutable_host());
  return logits;
}

}  // namespace vitrine

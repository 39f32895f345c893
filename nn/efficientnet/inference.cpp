#include "nn/efficientnet/inference.h"

#include <algorithm>

#include "base/error.h"
#include "layers/planes.h"
#include "nn/efficientnet/fold.h"
#include "tensor/cuda/runtime.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

constexpr std::int64_t kGroupPixels =
    8 * 64 * 64;  // of a group's images: their wide tensors then fit into the cache of one core

PackedWeights packed(const Tensor& weight, const Tensor& bias) {
  const std::int64_t N = weight.shape().back();
  return {weight.host(), bias.host(), weight.size() / N, N};
}

}  // namespace

Inference::Unit Inference::unit_of(const ConvNorm& source) {
  const Fold fold = fold_of(source.norm);
  Unit unit;
  unit.kernel = source.weight.value.shape()[0];
  unit.stride = source.stride;
  unit.padding = source.padding;
  unit.static_size = source.static_size;
  const Tensor weight = folded_weight(source.weight.value, fold);
  if (source.depthwise) {
    unit.taps = weight;
    unit.bias = fold.bias;
  } else {
    unit.packed = packed(weight, fold.bias);
  }
  return unit;
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

Inference::~Inference() = default;

void Inference::to(Device device) {
  device_ = device;
  const auto move = [&](Tensor& t) {
    if (t.defined()) t = t.to(device);
  };
  const auto move_unit = [&](Unit& u) {
    move(u.packed.values);
    move(u.taps);
    move(u.bias);
  };
  move_unit(stem_);
  move_unit(head_);
  for (Block& b : blocks_) {
    move_unit(b.expand);
    move_unit(b.depthwise);
    move_unit(b.project);
    move(b.reduce.values);
    move(b.excite.values);
  }
  move(classifier_.values);
}

// Weights are folded and packed on the host.
Inference::Inference(const EfficientNet& source) {
  EfficientNet net = source;
  net.to(Device::cpu());
  prepare(net);
  to(source.device());
}

void Inference::prepare(const EfficientNet& net) {
  channels_ = net.semantics.channels;
  activation_ = net.stem.activation.value_or(Activation::swish);
  stem_ = unit_of(net.stem);
  head_ = unit_of(net.head);
  classifier_ = packed(net.classifier_weight.value, net.classifier_bias.value);
  for (const MBConv& source : net.blocks) {
    Block block;
    block.expands = source.expand.has_value();
    block.residual = source.residual;
    block.gated = source.se.has_value();
    if (block.expands) block.expand = unit_of(*source.expand);
    block.depthwise = unit_of(source.depthwise);
    block.project = unit_of(source.project);
    if (block.gated) {
      block.reduce = packed(source.se->reduce_weight.value, source.se->reduce_bias.value);
      block.excite = packed(source.se->expand_weight.value, source.se->expand_bias.value);
    }
    blocks_.push_back(std::move(block));
  }
}

std::int64_t Inference::workspace_bytes() const {
  return plan_.size * static_cast<std::int64_t>(sizeof(float)) * static_cast<std::int64_t>(workspaces_.size());
}

std::size_t Inference::nodes() const { return recorded_ != nullptr ? recorded_->nodes() : 0; }

void Inference::plan(std::int64_t N, std::int64_t H, std::int64_t W) {
  const std::int64_t threads = device_.is_cuda() ? 1 : thread_count();
  const std::int64_t spread = N >= threads ? threads : 1;  // groups that are under way at a time
  const std::int64_t group =
      device_.is_cuda() ? N : std::clamp(kGroupPixels / (H * W), std::int64_t{1}, (N + spread - 1) / spread);
  if (plan_.N == N && plan_.H == H && plan_.W == W && plan_.group == group &&
      static_cast<std::int64_t>(workspaces_.size()) == spread)
    return;
  Plan p;
  p.N = N;
  p.H = H;
  p.W = W;
  p.group = group;
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
  const auto take = [&](std::int64_t floats) {
    const std::int64_t at = p.size;
    p.size += rounded(floats * group);
    return at;
  };
  p.narrow[0] = take(narrow);
  p.narrow[1] = take(narrow);
  p.wide = p.size;
  p.size += rounded(wide);
  p.mean = take(mean);
  p.hidden = take(hidden);
  p.gate = take(mean);
  workspaces_.clear();
  for (std::int64_t i = 0; i < spread; ++i) workspaces_.push_back(Tensor::uninitialized({p.size}, device_));
  if (device_.is_cuda()) {
    input_ = Tensor::uninitialized({N, H, W, channels_}, device_);
    logits_ = Tensor::uninitialized({N, classes()}, device_);
    recorded_.reset();
    runs_of_plan_ = 0;
  }
  plan_ = std::move(p);
}

void Inference::run_group(const float* images, std::int64_t count, float* workspace, float* logits) const {
  const cpu::FoldedKernels& kernels = cpu::folded_kernels(device_);
  float* x = workspace + plan_.narrow[0];
  float* y = workspace + plan_.narrow[1];
  float *const wide = workspace + plan_.wide, *const mean = workspace + plan_.mean, *const gate = workspace + plan_.gate;
  ConvShape stem = plan_.stem;
  stem.N = count;
  kernels.convolution(stem, stem_.packed.view(), activation_, images, x);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& b = blocks_[i];
    cpu::FoldedShape s = plan_.blocks[i];
    s.depthwise.N = count;
    kernels.expand_depthwise(
        s, {b.expands ? b.expand.packed.view() : cpu::Packed{}, b.depthwise.taps.data(), b.depthwise.bias.data()}, x, wide,
        mean);
    if (b.gated) kernels.gate(count, b.reduce.view(), b.excite.view(), mean, workspace + plan_.hidden, gate);
    kernels.project(count, s.depthwise.P * s.depthwise.Q, b.project.packed.view(), wide, b.gated ? gate : nullptr,
                    b.residual ? x : nullptr, y);
    std::swap(x, y);
  }
  const ConvShape& last = plan_.blocks.back().depthwise;
  kernels.head(count, last.P * last.Q, head_.packed.view(), activation_, x, mean);
  kernels.linear(count, classifier_.view(), mean, logits);
}

// A GPU replays the pass as one graph from the second run on.
void Inference::run_on_device(const Tensor& images, std::span<float> logits) {
  const std::size_t bytes = static_cast<std::size_t>(images.size()) * sizeof(float);
  if (device_.is_gpu() && images.device() == device_) {
    cuda::copy_on_device(device_.index, input_.mutable_data(), images.data(), bytes);
  } else {
    input_.write_bytes(images.to(Device::cpu()).data(), bytes);
  }
  const auto pass = [this] { run_group(input_.data(), plan_.N, workspaces_.front().mutable_data(), logits_.mutable_data()); };
  if (device_.is_gpu() && ++runs_of_plan_ == 2) recorded_ = std::make_unique<cuda::Graph>(device_, pass);
  recorded_ != nullptr ? recorded_->launch() : pass();
  logits_.read_bytes(logits.data(), logits.size_bytes());
}

void Inference::run(const Tensor& images, std::span<float> logits) {
  const Shape& shape = images.shape();
  check_images(shape, channels_);
  const std::int64_t N = shape[0], image = shape[1] * shape[2] * shape[3];
  if (static_cast<std::int64_t>(logits.size()) != N * classes())
    throw ShapeError(text("inference: room for ", logits.size(), " logits, ", N * classes(), " are made"));
  plan(N, shape[1], shape[2]);
  if (device_.is_cuda()) return run_on_device(images, logits);
  const float* const in = images.host().data();
  const std::int64_t groups = (N + plan_.group - 1) / plan_.group, spread = static_cast<std::int64_t>(workspaces_.size());
  const auto run_groups = [&](std::int64_t worker, std::int64_t first, std::int64_t last) {
    float* const workspace = workspaces_[static_cast<std::size_t>(worker)].mutable_host().data();
    for (std::int64_t g = first; g < last; ++g) {
      const std::int64_t n = g * plan_.group;
      run_group(in + n * image, std::min(plan_.group, N - n), workspace, logits.data() + n * classes());
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

#include "nn/efficientnet/inference.h"

#include <algorithm>

#include "base/error.h"
#include "layers/blocks/mbconv_folded_cuda.h"
#include "layers/blocks/planes.h"
#include "nn/efficientnet/bn_folding.h"
#include "nn/efficientnet/bn_folding_cuda.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/runtime.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

// Of a group's images after a depthwise convolution: what stays in one core's cache. Beyond it as many as the block has weights: the group reads
// those once.
constexpr std::int64_t kCachedValues = 5 << 15;

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
  return room_for(packed.values, {K + 1, kernels::Packed{nullptr, K, N}.padded()}, weight.device());
}

// On a CUDA device: for our kernels, and for a library's where one may be chosen.
void fold(PackedWeights& packed, const Tensor& w, const cuda::NormToFold& norm) {
  float* const to = room_for(packed, w);
  cuda::fold_packed(w.data(), norm, packed.K, packed.N, to);
  if (!cuda::folded_libraries_may_run()) return;
  float* const by_output = room_for(packed.by_output, {packed.N, packed.K}, w.device());
  cuda::fold_by_output(w.data(), norm, packed.K, packed.N, by_output);
}

void take(PackedWeights& packed, const Parameter& weight, const Parameter& bias) {
  const Tensor &w = weight.value, &b = bias.value;
  const std::int64_t N = w.shape().back(), K = w.size() / N;
  if (!w.device().is_cuda()) {
    packed = {w.host(), b.host(), K, N};
    return;
  }
  cuda::make_current(w.device());
  fold(packed, w, {nullptr, b.data(), nullptr, nullptr, 0});
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
    const BnFolding fold = bn_folding_of(norm);
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
    if (cuda::folded_libraries_may_run())
      cuda::fold_by_output(w.data(), from, rows, N, room_for(taps_by_output, {N, rows}, w.device()));
  } else {
    fold(packed, w, from);
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

InferenceGroups inference_groups(std::int64_t batch, std::span<const BlockSize> blocks, int threads) {
  InferenceGroups groups{std::vector<std::int64_t>(blocks.size()), batch >= threads ? threads : 1};
  // From the last block back: a group in as many even parts as are needed.
  std::int64_t images = (batch + groups.concurrent - 1) / groups.concurrent;
  for (std::size_t i = blocks.size(); i-- > 0;) {
    const std::int64_t values = kCachedValues + blocks[i].weights;
    const std::int64_t fit = std::clamp(values / blocks[i].values, std::int64_t{1}, images), parts = (images + fit - 1) / fit;
    images = (images + parts - 1) / parts;
    groups.images[i] = images;
  }
  return groups;
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
  another.plain_ = plain_ ? std::make_shared<EfficientNet>(*plain_) : nullptr;
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
  if (net.concat_head) {
    plain_ = std::make_shared<EfficientNet>(net);
    // Values of its own: an update of the network's tensors needs them to itself.
    plain_->visit([](const NamedTensor& t) { *t.value = t.value->to(Device::cpu()).clone().to(t.value->device()); });
    return;
  }
  plain_.reset();
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
  if (layouts_.empty()) return 0;
  return layouts_.back().size * static_cast<std::int64_t>(sizeof(float)) * layouts_.back().concurrent;
}

std::size_t Inference::nodes() const {
  return layouts_.empty() || layouts_.back().recorded == nullptr ? 0 : layouts_.back().recorded->nodes();
}

// The layout of a shape, which becomes the last. On the CPU there is one, on a device a few are kept: each holds a recorded pass.
Inference::WorkspaceLayout& Inference::layout_for(std::int64_t N, std::int64_t H, std::int64_t W) {
  const int threads = device_.is_cuda() ? 1 : thread_count();
  const auto found = std::ranges::find_if(
      layouts_, [&](const WorkspaceLayout& p) { return p.N == N && p.H == H && p.W == W && p.threads == threads; });
  if (found != layouts_.end()) {
    std::rotate(found, found + 1, layouts_.end());
    return layouts_.back();
  }
  if (layouts_.size() >= (device_.is_cuda() ? kPlansOnDevice : 1)) layouts_.erase(layouts_.begin());
  layouts_.push_back(laid_out(N, H, W, threads));
  return layouts_.back();
}

// The blocks of one image, then what a group of them takes.
Inference::WorkspaceLayout Inference::laid_out(std::int64_t N, std::int64_t H, std::int64_t W, int threads) const {
  WorkspaceLayout p;
  p.N = N;
  p.H = H;
  p.W = W;
  p.threads = threads;
  p.stem = stem_.shape(1, H, W, channels_, stem_.packed.N);
  std::int64_t height = p.stem.P, width = p.stem.Q, channels = p.stem.K;
  std::vector<BlockSize> sizes;
  for (const Block& b : blocks_) {
    const std::int64_t M = b.depthwise.bias.size();
    kernels::FoldedShape s{b.depthwise.shape(1, height, width, M, M), channels, activation_};
    if (s.depthwise.P < 1 || s.depthwise.Q < 1)
      throw ShapeError(
          text("EfficientNet: images of ", H, " x ", W, " pixels leave no pixel for the last blocks; use larger ones"));
    height = s.depthwise.P;
    width = s.depthwise.Q;
    channels = b.project.packed.N;
    std::int64_t weights = 0;
    for (const PackedWeights* w : {&b.expand.packed, &b.reduce, &b.excite, &b.project.packed}) weights += w->K * w->N;
    sizes.push_back({height * width * M, weights});
    p.blocks.push_back(s);
  }
  const InferenceGroups groups = device_.is_cuda() ? InferenceGroups{std::vector<std::int64_t>(blocks_.size(), N), 1}
                                                   : inference_groups(N, sizes, threads);
  p.concurrent = groups.concurrent;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const ConvShape& d = p.blocks[i].depthwise;
    if (i == 0 || groups.images[i] != p.levels.back().group)
      p.levels.push_back({i, i, groups.images[i], d.H * d.W * p.blocks[i].in, {}});
    p.levels.back().last = i + 1;
  }
  lay_out_levels(p);
  for (std::int64_t i = 0; i < p.concurrent; ++i) p.workspaces.push_back(Tensor::uninitialized({p.size}, device_));
  if (device_.is_cuda()) {
    p.input = Tensor::uninitialized({N, H, W, channels_}, device_);
    p.logits = Tensor::uninitialized({N, classes()}, device_);
  }
  return p;
}

void Inference::lay_out_levels(WorkspaceLayout& p) const {
  const auto reserve = [&](std::int64_t floats) {
    const std::int64_t at = p.size;
    p.size += (floats + 15) / 16 * 16;
    return at;
  };
  std::int64_t expanded = 0, mean = 0, hidden = 0;
  for (Level& level : p.levels) {
    std::int64_t narrow = level.input;
    for (std::size_t i = level.first; i < level.last; ++i) {
      const ConvShape& d = p.blocks[i].depthwise;
      narrow = std::max(narrow, d.P * d.Q * blocks_[i].project.packed.N);
      expanded = std::max(expanded, kernels::plane_floats(d.P * d.Q * level.group, d.C));
      mean = std::max(mean, level.group * d.C);
      hidden = std::max(hidden, level.group * std::max<std::int64_t>(blocks_[i].reduce.N, 1));
    }
    for (std::int64_t& at : level.narrow) at = reserve(narrow * level.group);
  }
  const Level& last = p.levels.back();
  const ConvShape& d = p.blocks.back().depthwise;
  p.features = reserve(d.P * d.Q * blocks_.back().project.packed.N * last.group);
  p.expanded = reserve(expanded);
  p.mean = reserve(std::max(mean, head_.packed.N * last.group));
  p.hidden = reserve(hidden);
  p.gate = reserve(mean);
}

// A level's blocks, and all before them, for `count` images. features: what the last of them gives.
void Inference::run_level(const WorkspaceLayout& layout, std::size_t at, const float* images, std::int64_t count,
                          float* workspace, float* features) const {
  const kernels::FoldedKernels& kernels = kernels::folded_kernels(device_);
  const Level& level = layout.levels[at];
  float *x = workspace + level.narrow[0], *y = workspace + level.narrow[1];
  float *const expanded = workspace + layout.expanded, *const mean = workspace + layout.mean,
               *const gate = workspace + layout.gate;
  if (at == 0) {
    ConvShape stem = layout.stem;
    stem.N = count;
    kernels.convolution(stem, stem_.packed.view(), activation_, images, x);
  } else {
    const std::int64_t group = layout.levels[at - 1].group, image = layout.H * layout.W * channels_;
    for (std::int64_t n = 0; n < count; n += group)
      run_level(layout, at - 1, images + n * image, std::min(group, count - n), workspace, x + n * level.input);
  }
  for (std::size_t i = level.first; i < level.last; ++i) {
    const Block& b = blocks_[i];
    kernels::FoldedShape s = layout.blocks[i];
    s.depthwise.N = count;
    kernels.expand_depthwise(
        s,
        {b.expands ? b.expand.packed.view() : kernels::Packed{}, b.depthwise.taps.data(), b.depthwise.bias.data(),
         b.depthwise.taps_by_output.defined() ? b.depthwise.taps_by_output.data() : nullptr},
        x, expanded, b.gated ? mean : nullptr);
    if (b.gated) kernels.gate(count, b.reduce.view(), b.excite.view(), mean, workspace + layout.hidden, gate);
    kernels.project(count, s.depthwise.P * s.depthwise.Q, b.project.packed.view(), expanded, b.gated ? gate : nullptr,
                    b.residual ? x : nullptr, i + 1 == level.last ? features : y);
    std::swap(x, y);
  }
}

void Inference::run_group(const WorkspaceLayout& layout, const float* images, std::int64_t count, float* workspace,
                          float* logits) const {
  const kernels::FoldedKernels& kernels = kernels::folded_kernels(device_);
  float *const features = workspace + layout.features, *const mean = workspace + layout.mean;
  run_level(layout, layout.levels.size() - 1, images, count, workspace, features);
  const ConvShape& last = layout.blocks.back().depthwise;
  kernels.head(count, last.P * last.Q, head_.packed.view(), activation_, features, mean);
  kernels.linear(count, classifier_.view(), mean, logits);
}

// The pass is replayed as one graph from the second run on.
void Inference::run_on_device(WorkspaceLayout& layout, const Tensor& images, std::span<float> logits) {
  const std::size_t bytes = static_cast<std::size_t>(images.size()) * sizeof(float);
  if (device_.is_gpu() && images.device() == device_) {
    cuda::copy_on_device(device_.index, layout.input.mutable_data(), images.data(), bytes);
  } else {
    layout.input.write_bytes(images.to(Device::cpu()).data(), bytes);
  }
  float *const workspace = layout.workspaces.front().mutable_data(), *const out = layout.logits.mutable_data();
  const auto pass = [&, this] { run_group(layout, layout.input.data(), layout.N, workspace, out); };
  if (++layout.runs == 2) layout.recorded = std::make_unique<cuda::Graph>(device_, pass);
  layout.recorded != nullptr ? layout.recorded->launch() : pass();
  layout.logits.read_bytes(logits.data(), logits.size_bytes());
}

void Inference::run(const Tensor& images, std::span<float> logits) {
  const Shape& shape = images.shape();
  check_images(shape, channels_);
  const std::int64_t N = shape[0], image = shape[1] * shape[2] * shape[3];
  if (static_cast<std::int64_t>(logits.size()) != N * classes())
    throw ShapeError(text("inference: room for ", logits.size(), " logits, ", N * classes(), " are made"));
  if (plain_) {
    const Tensor made = plain_->forward(images.to(device_), {}).tensor().to(Device::cpu());
    std::ranges::copy(made.host(), logits.begin());
    return;
  }
  WorkspaceLayout& layout = layout_for(N, shape[1], shape[2]);
  if (device_.is_cuda()) return run_on_device(layout, images, logits);
  const float* const in = images.host().data();
  const std::int64_t group = layout.levels.back().group, groups = (N + group - 1) / group, concurrent = layout.concurrent;
  const auto run_groups = [&](std::int64_t worker, std::int64_t first, std::int64_t last) {
    float* const workspace = layout.workspaces[static_cast<std::size_t>(worker)].mutable_host().data();
    for (std::int64_t g = first; g < last; ++g) {
      const std::int64_t n = g * group;
      run_group(layout, in + n * image, std::min(group, N - n), workspace, logits.data() + n * classes());
    }
  };
  if (concurrent == 1) {
    run_groups(0, 0, groups);
  } else {
    parallel_for(concurrent, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t w = first; w < last; ++w) run_groups(w, groups * w / concurrent, groups * (w + 1) / concurrent);
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

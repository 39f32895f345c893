#include "train/device/device_training.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "layers/cross_entropy.h"
#include "tensor/cuda/communicator.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/storage.h"
#include "train/device/gradient_buckets.h"
#include "train/step.h"

namespace vitrine {
namespace {

// Bytes for `count` values of type T.
template <class T>
Tensor room_for(std::size_t count, Device device) {
  return Tensor::uninitialized<std::uint8_t>({static_cast<std::int64_t>(count * sizeof(T))}, device);
}

Tensor resident(const Dataset& data, Device device) {
  const Shape& one = data.images.front().shape();
  const auto count = static_cast<std::int64_t>(data.images.size()), size = one.elements();
  Tensor all = Tensor::uninitialized({count, one[0], one[1], one[2]});
  float* const out = all.mutable_data();
  for (std::int64_t i = 0; i < count; ++i) {
    const Tensor& image = data.images[static_cast<std::size_t>(i)];
    if (!(image.shape() == one)) throw ShapeError(text("training: images are ", one.text(), " and ", image.shape().text()));
    std::copy_n(image.data(), size, out + i * size);
  }
  return all.to(device);
}

int part_place(const std::string& tensor) {
  const std::vector<std::string>& parts = network_parts();
  return static_cast<int>(std::ranges::find(parts, part_of_tensor(tensor)) - parts.begin());
}

// Weights, norms and biases of a part: within each, parameters are updated together and have the same constants.
int group_of(const NamedTensor& t) {
  const int kind = is_norm_tensor(t.name) ? 1 : t.value->shape().rank() == 1 ? 2 : 0;
  return part_place(t.name) * 3 + kind;
}

}  // namespace

DeviceTraining::DeviceTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options,
                               DeviceShare share)
    : net_(net),
      optimizer_(optimizer),
      data_(data),
      options_(options),
      share_(share),
      device_(net.device()),
      images_(resident(data, device_)),
      now_(room_for<cuda::StepDraws>(1, device_)),
      position_(room_for<std::int32_t>(1, device_)),
      scales_(lr_scales(options.lr_scale)) {
  const std::int64_t held = images_.shape()[3], channels = net.semantics.channels;
  if (held != channels && !(held == 3 && channels == 1))
    throw ShapeError(text("training: images have ", held, " channels, the network takes ", channels));
}

// Counts one update of every trained parameter and gives its constants by part of the network: within a part they are equal.
cuda::StepDraws DeviceTraining::step_plan(const StepRates& rates, const DropKey& key) {
  cuda::StepDraws step_draws;
  step_draws.key = key;
  net_.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr || part_place(t.name) < net_.frozen_parts || is_held(t.name, frozen_.held)) return;
    const auto scale = scales_.find(part_of_tensor(t.name));
    const double lr = rates.lr * (scale == scales_.end() ? 1.0 : scale->second);
    step_draws.groups[static_cast<std::size_t>(group_of(t))] =
        optimizer_.advance(t.name, t.value->shape().rank(), lr, rates.momentum);
  });
  return step_draws;
}

void DeviceTraining::upload_plans(const std::vector<int>& order, std::uint32_t epoch, const std::vector<StepRates>& rates,
                                  std::size_t first_step) {
  std::vector<cuda::SamplePlan> samples(order.size());
  std::vector<cuda::StepDraws> steps;
  const Shape& one = data_.images.front().shape();
  const AugmentOptions views = augment_options(options_);
  const MixupMode mode = mixup_mode_from_name(options_.mixup_mode);
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  for (std::size_t first = 0; first < order.size(); first += batch) {
    const std::size_t count = std::min(batch, order.size() - first);
    const auto place = static_cast<std::uint32_t>(first);
    const std::vector<Mix> mixes =
        options_.mixup > 0 ? drawn_mixes(static_cast<std::int64_t>(count), options_.mixup, options_.seed, epoch, place, mode)
                           : std::vector<Mix>(count);
    for (std::size_t n = 0; n < count; ++n) {
      cuda::SamplePlan& s = samples[first + n];
      const auto index = static_cast<std::size_t>(order[first + n]);
      s.image = order[first + n];
      s.label = data_.labels[index];
      s.mix = mixes[n];
      if (options_.augmentation)
        s.view = drawn_view(views, one[0], one[1], options_.seed, epoch, static_cast<std::uint32_t>(first + n));
    }
    const auto own =
        static_cast<std::uint32_t>(count / static_cast<std::size_t>(share_.count) * static_cast<std::size_t>(share_.rank));
    // Steps that were made before count no further update.
    steps.push_back(steps.size() < first_step ? cuda::StepDraws{}
                                              : step_plan(rates[steps.size()], {options_.seed, epoch, place + own}));
  }
  if (!samples_.defined()) {
    samples_ = room_for<cuda::SamplePlan>(samples.size(), device_);
    steps_ = room_for<cuda::StepDraws>(steps.size(), device_);
    losses_ = Tensor::uninitialized({static_cast<std::int64_t>(steps.size())}, device_);
  }
  samples_.write_bytes(samples.data(), samples.size() * sizeof samples[0]);
  steps_.write_bytes(steps.data(), steps.size() * sizeof steps[0]);
  const auto start = static_cast<std::int32_t>(first_step);
  position_.write_bytes(&start, sizeof start);
}

// The whole step, without looking at a value.
void DeviceTraining::enqueue(Step& step, std::int64_t N) {
  cuda::make_current(device_);
  const Shape& shape = images_.shape();
  auto* const now = memory_of<cuda::StepDraws>(now_);
  auto* const position = memory_of<std::int32_t>(position_);
  cuda::begin_step(memory_of<cuda::StepDraws>(steps_), position, now);
  cuda::ImageSource source{images_.data(), shape[1], shape[2], shape[3], net_.semantics.channels, net_.classes, {}, {}};
  for (std::size_t c = 0; c < 3; ++c) {
    source.mean[c] = net_.semantics.mean[c];
    source.scale[c] = 1.0f / net_.semantics.std[c];
  }
  cuda::make_batch(source, memory_of<cuda::SamplePlan>(samples_), position,
                   {options_.batch_size, N, N / share_.count, N / share_.count * share_.rank}, options_.mixup > 0,
                   {step.views.mutable_data(), step.images.mutable_data(), step.targets.mutable_data()});
  Pass pass{Mode::train};
  pass.key.on_device = &now->key;
  Gradients gradients;
  GradientBuckets buckets(device_);
  const bool sums_beside = share_.count > 1 && cuda::settings().reduce == cuda::Reduce::nccl;
  {
    Tape tape;
    if (sums_beside) tape.observe(&buckets);
    pass.tape = &tape;
    const Variable logits = net_.forward(step.images, pass);
    const Variable loss = cross_entropy(logits, step.targets, options_.label_smoothing);
    cuda::make_current(device_);
    cuda::end_step(loss.tensor().data(), position, losses_.mutable_data());
    // The loss of the whole batch is the mean over the devices' shares.
    gradients = tape.backward(loss, Tensor::full(loss.shape(), 1.0f / static_cast<float>(share_.count), device_));
    if (sums_beside) buckets.finish(gradients);
  }
  std::vector<Optimizer::Target> targets;
  net_.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr || is_held(t.name, frozen_.held)) return;
    const Tensor& gradient = gradients.of(*t.parameter);
    if (gradient.defined()) targets.push_back({t.name, t.value, gradient, group_of(t)});
  });
  if (share_.count > 1 && !sums_beside) add_over_devices(targets);
  optimizer_.apply(targets, now->groups.data());
}

// Every gradient becomes the sum over the devices, in rank order.
void DeviceTraining::add_over_devices(std::vector<Optimizer::Target>& targets) const {
  std::int64_t total = 0;
  for (const Optimizer::Target& t : targets) total += t.gradient.size();
  Tensor own = Tensor::uninitialized({total}, device_), all = Tensor::uninitialized({share_.count, total}, device_);
  std::vector<const float*> sources;
  std::vector<std::int64_t> sizes;
  for (const Optimizer::Target& t : targets) {
    sources.push_back(t.gradient.data());
    sizes.push_back(t.gradient.size());
  }
  cuda::make_current(device_);
  cuda::pack(sources, sizes, own.mutable_data());
  cuda::communicator()->all_gather(own.data(), all.mutable_data(), static_cast<std::size_t>(total) * sizeof(float));
  std::vector<float*> sums;
  for (Optimizer::Target& t : targets) {
    t.gradient = Tensor::uninitialized(t.gradient.shape(), device_);
    sums.push_back(t.gradient.mutable_data());
  }
  cuda::unpack_sums(all.data(), share_.count, total, sizes, sums);
}

// The first two steps of a batch size run as they are, so that libraries choose their plans and moments get their memory; the third is
// recorded.
void DeviceTraining::run_step(std::int64_t N) {
  Step& step = recorded_[N];
  if (!step.views.defined()) {
    const Shape views{N, images_.shape()[1], images_.shape()[2], net_.semantics.channels};
    step.views = Tensor::uninitialized(views, device_);
    const std::int64_t own = N / share_.count;
    step.images = Tensor::uninitialized({own, views[1], views[2], views[3]}, device_);
    step.targets = Tensor::uninitialized({own, net_.classes}, device_);
  }
  if (step.graph == nullptr && ++step.runs > 2) step.graph = std::make_unique<cuda::Graph>(device_, [&] { enqueue(step, N); });
  if (step.graph != nullptr) {
    step.graph->launch();
  } else {
    enqueue(step, N);
  }
}

// Bytes at most while a step of N images runs. It overwrites the epoch's draws: those were drawn for batches of another size.
std::size_t DeviceTraining::peak_of_step(std::int64_t N) {
  const std::int32_t start = 0;
  position_.write_bytes(&start, sizeof start);
  const std::vector<cuda::SamplePlan> samples(static_cast<std::size_t>(N));
  samples_.write_bytes(samples.data(), samples.size() * sizeof samples[0]);
  recorded_.clear();
  reset_peak(device_);
  run_step(N);
  recorded_.clear();
  return storage_statistics(device_).peak_bytes;
}

// Where there is no room for a batch of N, two smaller ones that have room are tried, to say how much it takes and which would fit: memory
// grows by the image, but for the rounding of blocks to their size classes, which the tenth left over is for.
void DeviceTraining::run_or_explain(std::int64_t N) {
  try {
    return run_step(N);
  } catch (const DeviceMemoryError& error) {
    if (share_.count > 1) throw;
    const std::size_t limit = cuda::settings().memory_limit;
    recorded_.clear();
    release_cached_storage(device_);
    const std::size_t room =
        limit > 0 ? limit : storage_statistics(device_).live_bytes + cuda::describe(device_.index).free_bytes;
    for (std::int64_t n = N / 4; n >= 2; n /= 2) {
      std::size_t small = 0, large = 0;
      try {
        small = peak_of_step(n);
        large = peak_of_step(2 * n);
      } catch (const DeviceMemoryError&) {
        continue;
      }
      const double an_image = (static_cast<double>(large) - static_cast<double>(small)) / static_cast<double>(n);
      const double needed = static_cast<double>(small) + an_image * static_cast<double>(N - n);
      const double more = 0.9 * (static_cast<double>(room) - static_cast<double>(small)) / an_image;
      const auto fits = std::min(n + static_cast<std::int64_t>(more), N - 1);
      throw DeviceMemoryError(text(error.what(), "; a step of ", N, " images takes about ",
                                   static_cast<std::int64_t>(needed) >> 20, " MiB or a little more, --batch-size ", fits,
                                   " should fit"));
    }
    throw DeviceMemoryError(text(error.what(), "; use a smaller --batch-size"));
  }
}

std::vector<double> DeviceTraining::run_epoch(const std::vector<int>& order, std::uint32_t epoch,
                                              const std::vector<StepRates>& rates, std::size_t first_step) {
  std::vector<int> visited = order;
  visited.resize(order.size() - order.size() % static_cast<std::size_t>(share_.count));
  const Frozen frozen = frozen_in(options_, static_cast<int>(epoch));
  if (frozen.parts != frozen_.parts || frozen.held != frozen_.held) recorded_.clear();  // another step
  frozen_ = frozen;
  net_.frozen_parts = frozen.parts;
  upload_plans(visited, epoch, rates, first_step);
  const auto batch = static_cast<std::size_t>(options_.batch_size);
  for (std::size_t first = first_step * batch; first < visited.size(); first += batch)
    run_or_explain(static_cast<std::int64_t>(std::min(batch, visited.size() - first)));
  std::vector<float> losses((visited.size() + batch - 1) / batch);
  losses_.read_bytes(losses.data(), losses.size() * sizeof losses[0]);
  return {losses.begin() + static_cast<std::ptrdiff_t>(first_step), losses.end()};
}

std::size_t DeviceTraining::nodes() const {
  const auto found = recorded_.find(options_.batch_size);
  return found == recorded_.end() || found->second.graph == nullptr ? 0 : found->second.graph->nodes();
}

}  // namespace vitrine

#include "train/device/host_training.h"

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"
#include "data/augment.h"
#include "data/mixup.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/parallel.h"
#include "train/step.h"

namespace vitrine {
namespace {

// The view that place `sample` of the epoch shows, or the image itself, as an input of the network.
void write_input(const Tensor& image, const InputWriter& writer, const TrainOptions& options, const AugmentOptions& views,
                 std::uint32_t epoch, std::uint32_t sample, float* out) {
  if (!options.augmentation) return writer.write(image.host().data(), out);
  if (!writer.takes_all_channels()) return writer.write(augment(image, views, options.seed, epoch, sample).host().data(), out);
  write_view(image, drawn_view(views, image.shape()[0], image.shape()[1], options.seed, epoch, sample), out);
  writer.write(out, out);
}

}  // namespace

HostTraining::HostTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options)
    : net_(net), optimizer_(optimizer), data_(data), options_(options), scales_(lr_scales(options.lr_scale)) {}

std::vector<double> HostTraining::run_epoch(const std::vector<int>& order, std::uint32_t epoch,
                                            const std::vector<StepRates>& rates, const EpochWatch& watch,
                                            std::size_t first_step) {
  const auto batch_size = static_cast<std::size_t>(options_.batch_size);
  std::vector<double> losses;
  const Frozen frozen = frozen_in(options_, static_cast<int>(epoch));
  net_.frozen_parts = frozen.parts;
  for (std::size_t step = first_step; step * batch_size < order.size(); ++step) {
    const std::size_t first = step * batch_size;
    if (watch.stop && watch.stop()) break;
    if (!watch.stop) check_interrupt(text("training (", watch.name, ", step ", step + 1, ")"));
    const Batch batch = training_batch(data_, order, first, net_.semantics, options_, epoch);
    const DropKey key{options_.seed, epoch, static_cast<std::uint32_t>(first)};
    try {
      const StepRates& now = rates[step];
      StepOptions one{now.lr, now.momentum, options_.label_smoothing, key, scales_, frozen.held};
      if (watch.steps != nullptr) {
        one.watch = watch.steps;
        one.facts = {watch.number + static_cast<std::int64_t>(step),
                     epoch,
                     static_cast<int>(step),
                     static_cast<std::uint32_t>(first),
                     std::span(order).subspan(first, std::min(batch_size, order.size() - first)),
                     now.lr,
                     now.momentum};
      }
      losses.push_back(train_step(net_, optimizer_, batch, one).loss);
    } catch (const Interrupted&) {
      throw;
    } catch (Error& error) {
      error.in(text(watch.name, ", step ", step + 1));
      throw;
    }
    if (watch.stepped) watch.stepped(static_cast<int>(step), losses.back());
  }
  return losses;
}

std::vector<std::vector<double>> HostTraining::predictions(const std::vector<Tensor>& images) {
  return predict(net_, images, options_.batch_size);
}

Batch training_batch(const Dataset& data, std::span<const int> order, std::size_t first, const Semantics& semantics,
                     const TrainOptions& options, std::uint32_t epoch) {
  const std::size_t count = std::min(order.size() - first, static_cast<std::size_t>(options.batch_size));
  const std::span<const int> taken = order.subspan(first, count);
  const Shape& shape = data.images.front().shape();
  const InputWriter writer(shape, input_normalisation(semantics));
  const AugmentOptions views = augment_options(options);
  Batch batch{Tensor::uninitialized(writer.batch_shape(count)), {}};
  float* const inputs = batch.images.mutable_host().data();
  const std::int64_t size = batch.images.size() / static_cast<std::int64_t>(count);
  std::vector<int> labels(count);
  parallel_for(static_cast<std::int64_t>(count), 1, [&](std::int64_t from, std::int64_t to) {
    for (auto n = static_cast<std::size_t>(from); n < static_cast<std::size_t>(to); ++n) {
      const auto index = static_cast<std::size_t>(taken[n]);
      if (!(data.images[index].shape() == shape))
        throw ShapeError(text("a batch: images are ", shape.text(), " and ", data.images[index].shape().text()));
      labels[n] = data.labels[index];
      write_input(data.images[index], writer, options, views, epoch, static_cast<std::uint32_t>(first + n),
                  inputs + static_cast<std::int64_t>(n) * size);
    }
  });
  batch.targets = one_hot(labels, static_cast<int>(data.classes.size()));
  return mixup(batch, options.mixup, options.seed, epoch, static_cast<std::uint32_t>(first),
               mixup_mode_from_name(options.mixup_mode));
}

}  // namespace vitrine

#include "train/device/host_training.h"

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/interrupt.h"
#include "data/augment.h"
#include "data/mixup.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/parallel.h"
#include "train/step.h"

namespace vitrine {

HostTraining::HostTraining(EfficientNet& net, Optimizer& optimizer, const Dataset& data, const TrainOptions& options)
    : net_(net), optimizer_(optimizer), data_(data), options_(options), scales_(lr_scales(options.lr_scale)) {}

// Every draw is a function of its coordinates, so when and where a batch is made cannot matter.
std::future<Batch> HostTraining::make_batch(const std::vector<int>& order, std::size_t first, std::uint32_t epoch) const {
  const auto make = [this, &order, first, epoch] {
    const LoopsInPlace alone;  // the pool is busy with the step
    return training_batch(data_, order, first, net_.semantics, options_, epoch);
  };
  try {
    return std::async(std::launch::async, make);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, make);  // the system gives no thread: when it is asked for
  }
}

std::vector<double> HostTraining::run_epoch(const std::vector<int>& order, std::uint32_t epoch,
                                            const std::vector<StepRates>& rates, const EpochWatch& watch) {
  const auto batch_size = static_cast<std::size_t>(options_.batch_size);
  std::vector<double> losses;
  std::future<Batch> next = make_batch(order, 0, epoch);
  for (std::size_t first = 0; first < order.size(); first += batch_size) {
    const std::size_t step = losses.size();
    check_interrupt(text("training (", watch.name, ", step ", step + 1, ")"));
    const Batch batch = next.get();
    if (first + batch_size < order.size()) next = make_batch(order, first + batch_size, epoch);
    const DropKey key{options_.seed, epoch, static_cast<std::uint32_t>(first)};
    try {
      const StepRates& now = rates[step];
      losses.push_back(
          train_step(net_, optimizer_, batch, {now.lr, now.momentum, options_.label_smoothing, key, scales_}).loss);
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
  std::vector<Tensor> views(count);
  std::vector<int> labels(count);
  parallel_for(static_cast<std::int64_t>(count), 1, [&](std::int64_t from, std::int64_t to) {
    for (auto n = static_cast<std::size_t>(from); n < static_cast<std::size_t>(to); ++n) {
      const auto index = static_cast<std::size_t>(order[first + n]);
      labels[n] = data.labels[index];
      views[n] = options.augmentation
                     ? augment(data.images[index], options.augment, options.seed, epoch, static_cast<std::uint32_t>(first + n))
                     : data.images[index];
    }
  });
  std::vector<const Tensor*> pointers;
  for (const Tensor& view : views) pointers.push_back(&view);
  const Batch batch{stack_images(pointers, input_normalisation(semantics)),
                    one_hot(labels, static_cast<int>(data.classes.size()))};
  return mixup(batch, options.mixup, options.seed, epoch, static_cast<std::uint32_t>(first));
}

}  // namespace vitrine

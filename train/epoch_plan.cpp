#include "train/epoch_plan.h"

#include "data/sampler.h"

namespace vitrine {

std::vector<int> training_order(const Dataset& data, const TrainOptions& options, std::uint32_t epoch) {
  return epoch_order(data.labels, static_cast<int>(data.classes.size()), balance_of(options), options.seed, epoch);
}

int steps_of_epoch(const Dataset& data, const TrainOptions& options) {
  const std::size_t samples = training_order(data, options, 1).size(), batch = static_cast<std::size_t>(options.batch_size);
  return static_cast<int>((samples + batch - 1) / batch);
}

std::vector<StepRates> epoch_rates(const Schedule& schedule, int epoch, int steps) {
  std::vector<StepRates> rates;
  for (int i = 0; i < steps; ++i) {
    const int step = (epoch - 1) * steps + i;
    rates.push_back({schedule.lr(step), schedule.momentum(step)});
  }
  return rates;
}

}  // namespace vitrine

// What an epoch does: which samples in which order, at which rates. A function of options, data and epoch, so that anyone can make it again.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "train/device/epoch_training.h"
#include "train/options.h"
#include "train/schedule.h"

namespace vitrine {

std::vector<int> training_order(const Dataset& data, const TrainOptions& options, std::uint32_t epoch);  // places in the data
int steps_of_epoch(const Dataset& data, const TrainOptions& options);
std::vector<StepRates> epoch_rates(const Schedule& schedule, int epoch, int steps);  // epoch from 1, of so many steps each

}  // namespace vitrine

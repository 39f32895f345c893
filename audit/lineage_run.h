// A fold of a run as its training saw it, put together again from the run's folder: options, samples, classes, the order of every epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/split.h"
#include "nn/efficientnet/semantics.h"
#include "train/options.h"

namespace vitrine {

struct LineageRun {
  std::filesystem::path folder;
  TrainOptions options;  // those that batches depend on; others stand at their defaults
  Manifest manifest;
  Splits splits;
  int fold = 0;
  Dataset train;  // samples, labels and classes of the training part, in its order; no images
  Semantics semantics;
  std::int64_t steps_per_epoch = 0, steps = 0;
};

// DataError as read_run_data, for a run of another version of this program or of --select nested-refit, and for a fold whose network's input is not
// known; UsageError for a fold that the split has not.
LineageRun read_lineage_run(const std::filesystem::path& run, int fold);

// The options of a run that its batches depend on. DataError for a run of another version of this program.
TrainOptions deciding_options(const std::filesystem::path& run);

// The subjects that a fold trains on: with --select nested without its inner part.
std::vector<std::string> trained_subjects(const Fold& fold, const TrainOptions& options);

// One batch of the fold, made again from its own crops alone.
struct LineageBatch {
  std::int64_t step = 0;           // of the fold, from 0
  int epoch = 0;                   // from 1
  std::int64_t step_of_epoch = 0;  // from 0
  std::size_t first = 0;           // place in the epoch's order of its first sample
  Dataset data;                    // the distinct samples of the batch, as training had them
  std::vector<int> order;          // of the epoch; of this batch's places: indices into `data`
  std::size_t count = 0;           // of samples in the batch
  std::vector<int> slots;          // index into `data` of each slot

  const Sample& sample(std::size_t slot) const { return data.samples[static_cast<std::size_t>(slots[slot])]; }
};

// UsageError with the range for a step that the fold does not have; DataError for a crop that is missing or was changed.
LineageBatch batch_of_step(const LineageRun& run, std::int64_t step);

// The inputs that the network is given in this step: training_batch of train/device/host_training.h.
Batch inputs_of(const LineageRun& run, const LineageBatch& batch);

}  // namespace vitrine

// Training of one fold, from pixels to predictions.
#pragma once

#include <filesystem>
#include <string>

#include "base/progress.h"
#include "data/dataset.h"
#include "nn/efficientnet/efficientnet.h"
#include "train/options.h"
#include "train/run_files.h"

namespace vitrine {

struct FoldData {
  Dataset train, validation, test;
  Dataset inner{};  // with a nested choice, taken from the training part: chooses the epoch
  Dataset whole{};  // with --select nested-refit, the training part before that: trained on when the epoch is chosen
};

// The network that training starts from: drawn weights, or those of options.weights with a new classifier.
EfficientNet starting_network(const TrainOptions& options, int classes);

// Trains, keeps the epoch that options.select says (train/choice.h), predicts validation and test with it, and
// writes `folder` (train/run_files.h). Deterministic: the same bytes for the same options and data on any thread count.
// Ctrl-C throws Interrupted after saving last.safetensors; the next call goes on from there and ends with the same bytes.
// NumericalError names the first op and the step when the loss is not finite. `title` starts the progress lines.
FoldFiles train_fold(const FoldData& data, const TrainOptions& options, const std::filesystem::path& folder,
                     const std::string& key, const std::string& title, Progress& progress);

}  // namespace vitrine

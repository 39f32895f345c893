// Cross-validation: every fold of a split, and the mean and deviation of its metrics.
//
//   RUN/config.json      version, the options (train/options.h), the manifest's and the split's SHA-256: it claims the folder
//   RUN/source.json      which manifest and split it was made from, relative to RUN: the report shows their crops
//   RUN/fold_0/ ...      train/run_files.h
//   RUN/summary.csv      one row per fold, part and class; none of a test part without subjects
//   RUN/summary.json     mean and standard deviation over the folds, validation and test
//   RUN/plans.txt        on a GPU in the run-to-run tier: algorithm, workspace and notes of every shape (tensor/cuda/plans.h)
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "data/split.h"
#include "evaluation/metrics.h"
#include "train/options.h"
#include "train/run_claim.h"
#include "train/run_files.h"
#include "train/trainer.h"

namespace vitrine {

struct ClassSummary {
  std::string name;
  std::optional<MeanSd> precision, recall, f1;  // over the folds where they are defined
};

struct PartSummary {
  std::optional<MeanSd> accuracy, auc;
  std::vector<ClassSummary> classes;
};

struct RunResult {
  std::vector<FoldFiles> folds;
  PartSummary validation, test;
  std::vector<int> numbers{};  // of the folds in the split, of a run that was read; empty: 0, 1, 2, ...
};

PartSummary summarize(const std::vector<Metrics>& folds);

// Trains the folds that are not finished in `run`, then writes the summary. `only_fold` (from 0) trains that one alone and
// writes no summary; UsageError when there is no such fold. UsageError when `run` holds a run with other options or data,
// naming the first difference. With `jobs` above 1 so many folds train at a time, each alone on the next of the options' devices; with
// one, all devices share every batch of a fold.
RunResult cross_validate(const Manifest& manifest, const Splits& splits, const TrainOptions& options,
                         const std::filesystem::path& run, std::optional<int> only_fold, Progress& progress, int jobs = 1);

// What fold `fold` of a split is trained, chosen and judged on. UsageError when there is no such fold.
FoldData fold_data(const Manifest& manifest, const Splits& splits, const TrainOptions& options, int fold);

// Everything that cross_validate refuses before it writes: options, images, weights, fold and folder. Writes nothing.
void check_run(const Manifest& manifest, const Splits& splits, const TrainOptions& options, const std::filesystem::path& run,
               std::optional<int> only_fold, int jobs = 1);

// A finished run, from its files. DataError when a fold is missing.
RunResult read_run(const std::filesystem::path& run);
// The folds that are finished; DataError when none is. Of a run that goes on, or whose folds are dealt to many machines.
RunResult read_run_so_far(const std::filesystem::path& run);
// What its folds said, for evaluation/evaluation.h. It has at least one.
RunPredictions predictions_of(const std::string& name, const RunResult& run);

}  // namespace vitrine

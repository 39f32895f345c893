// A search: every trial is a cross-validation of its own, judged on validation parts only; the test part is not read.
//
//   OUT/search.json      version, space, options, hashes of manifest and split: it claims the folder
//   OUT/trials/0001/     the run of trial 1 (train/cross_validation.h); with halving OUT/trials/0001/rung_1, rung_2, ...
//     failed.json        why it has no result, when a number was not finite
//   OUT/trials.csv       a row for each trial of each rung (search/table.h)
//   OUT/search.html      the page
//   OUT/final/           the best trial's options with the test part (train_final)
//
// Everything is a function of space, options, manifest and split: a search that was stopped at any moment goes on and ends with the same bytes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "search/halving.h"
#include "search/score.h"
#include "search/trials.h"

namespace vitrine {

struct TrialRun {  // one trial on one rung
  int trial = 0;   // from 1
  int rung = 1;    // from 1
  int epochs = 0;
  TrialScore score;
  std::int64_t visits =
      0;  // of images in training: epochs times their number in an epoch, over the folds, second trainings included
  std::string failure;  // empty when it has a result
};

struct SearchResult {
  std::vector<TrialRun> runs;       // rung after rung, by trial
  std::vector<Rung> rungs;          // one without halving
  std::optional<std::size_t> best;  // index into runs: the best score of the highest rung that has one, the first of equals
  bool finished = false;
};

struct SearchTask {
  SearchSpace space;
  std::vector<Trial> trials;
  RunOptions base;  // options that are not searched
  Manifest manifest;
  Splits splits;
  std::filesystem::path out;
  int jobs = 1;  // folds at a time
};

// Everything that run_search refuses before it writes: options of every trial, crops, weights, folds, folder. Writes nothing.
void check_search(const SearchTask& task);

// Trains what is not there yet. A trial in which a number is not finite is recorded as failed; any other error ends the search.
SearchResult run_search(const SearchTask& task, Progress& progress);

// The best trial's options on the same folds, evaluated on the test part as well, in OUT/final; what is there is kept. UsageError when no trial
// has a result. `same`: the validation predictions are the winner's, byte for byte.
struct FinalRun {
  RunResult run;
  bool same = false;
};
FinalRun train_final(const SearchTask& task, const SearchResult& result, Progress& progress);
// Of a final run that is there already; nothing is trained.
std::optional<FinalRun> read_final(const SearchTask& task, const SearchResult& result);

// Folder of a trial's run.
std::filesystem::path trial_folder(const SearchTask& task, int trial, int rung);
// The options of a run, epochs of its rung included.
TrainOptions options_of(const SearchTask& task, int trial, int epochs);

}  // namespace vitrine

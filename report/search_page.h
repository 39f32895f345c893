// The page of a search: which trials there were, what they cost and which was best. One HTML file with inline SVG, no script, nothing fetched;
// the same bytes for the same numbers. No files are read here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/results.h"

namespace vitrine::report {

struct SearchAxis {  // a searched option
  std::string name;
  bool numeric = false, log = false;
  double low = 0, high = 0;         // of numbers
  std::vector<std::string> values;  // in the space's order; empty for a range
};

struct SearchRun {  // one trial on one rung, in the order in which they were trained
  int trial = 0, rung = 1, epochs = 0;
  std::vector<std::string> values;  // one for each axis
  Value score;                      // over the folds; count 0: none
  std::int64_t visits = 0;          // of images in training
  std::string failure;
};

struct SearchRung {
  int epochs = 0, trials = 0, scored = 0, went_on = 0;
  Value best;
  int best_trial = 0;
};

struct SearchFinal {
  Value validation_accuracy, validation_auc, test_accuracy, test_auc;
  bool same = false;  // its validation predictions are the winner's
};

struct SearchPage {
  std::string title;
  std::string metric;  // "accuracy"
  bool lower_is_better = false;
  int folds = 0;
  std::vector<SearchAxis> axes;
  std::vector<SearchRun> runs;
  std::optional<std::size_t> best;  // index into runs
  std::size_t planned = 0;          // trials
  bool finished = false;
  std::vector<SearchRung> rungs;  // empty without halving
  std::optional<SearchFinal> final;
  std::vector<std::pair<std::string, std::string>> facts;  // how the search was done
};

// Runs beyond these are named as left out: the best stay.
inline constexpr std::size_t kMostLines = 500, kMostTableRows = 500;

std::string search_html(const SearchPage& page);

}  // namespace vitrine::report

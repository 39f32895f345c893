// The space of a search: which options are tried with which values, and how (docs/search.md).
//
//   [search]                            how: method, trials, seed, metric, folds, halving, eta, min-epochs
//   arch = ["b0", "b1"]                 any option that decides results (train/option_table.h), by its name: a list of values,
//   lr = { low = 1e-5, high = 1e-2, scale = "log" }   or a range, which a random search draws from
//
// An option stands before any section or in the section of its group, as in a file of --config. `manifest` and `splits` may be named, before
// any section.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/choice.h"
#include "train/option_table.h"

namespace vitrine {

enum class SearchMethod { grid, random };

const char* metric_name(Monitor metric);   // as a space writes it: "auc"
const char* metric_title(Monitor metric);  // as people read it: "AUC"
inline bool lower_is_better(Monitor metric) { return metric == Monitor::loss; }

struct SearchedOption {
  const OptionRow* row = nullptr;
  std::vector<std::string> values;  // of a list, as value_text writes them; empty for a range
  double low = 0, high = 0;         // of a range, both included
  bool log = false;                 // drawn evenly in the logarithm
  int line = 0;

  bool is_range() const { return values.empty(); }
};

struct HalvingOptions {
  int eta = 3;         // of the trials of a rung the best 1 / eta go on
  int min_epochs = 1;  // of the first rung
};

struct SearchSpace {
  std::filesystem::path path;
  std::string manifest, splits;  // empty: not named
  SearchMethod method = SearchMethod::grid;
  int trials = 0;  // of a random search
  std::uint64_t seed = 42;
  Monitor metric = Monitor::accuracy;
  std::vector<int> folds;  // on whose validation parts, ascending; empty: on all
  std::optional<HalvingOptions> halving;
  std::vector<SearchedOption> options;  // in the file's order
};

inline constexpr int kMostTrials = 9999;
inline constexpr std::size_t kMostValues = 1000;  // of one list

// UsageError with file and line: a key that does not exist (naming the nearest), a value out of its option's range or of another type, a value
// twice, a grid with a range or with more than kMostTrials combinations (naming their count), a setting that has no effect.
SearchSpace read_space(const std::filesystem::path& path);
SearchSpace parse_space(std::string_view text, const std::filesystem::path& path);

// Number of combinations of the values, at most `limit`; a range of real numbers has `limit`.
std::uint64_t combinations(const SearchSpace& space, std::uint64_t limit);

// "b0, b1", "1e-05 to 0.01, log".
std::string values_text(const SearchedOption& option);
// How the search is done and what it tries, each with a name: two spaces with equal lines have equal trials.
std::vector<std::pair<std::string, std::string>> describe(const SearchSpace& space);

}  // namespace vitrine

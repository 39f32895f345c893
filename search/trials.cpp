#include "search/trials.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/number.h"
#include "base/sha256.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

constexpr std::uint32_t kMostDraws = 1000;  // of one trial that is there already

// A coordinate of its own for every option, whatever other options there are.
std::uint32_t coordinate_of(const OptionRow& row) {
  return static_cast<std::uint32_t>(std::stoul(sha256(row.name).substr(0, 8), nullptr, 16));
}

double between(double low, double high, bool log, double u) {
  if (!log) return low + (high - low) * u;
  const double from = log_portable(low), to = log_portable(high);
  return exp_portable(from + (to - from) * u);
}

// Four significant digits.
double rounded(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific, 3).ptr;
  parse_number(std::string_view(digits, static_cast<std::size_t>(end - digits)), value);
  return value;
}

std::string drawn_value(const SearchedOption& o, const Draw& draw) {
  const double u = draw.uniform(0);
  if (!o.is_range())
    return o.values[std::min(o.values.size() - 1, static_cast<std::size_t>(u * static_cast<double>(o.values.size())))];
  RunOptions options;
  if (is_real(*o.row)) {
    assign(*o.row, options, shortest(std::clamp(rounded(between(o.low, o.high, o.log, u)), o.low, o.high)));
  } else {  // [low, high + 1), cut off: each whole number has its share
    const double number = std::clamp(std::floor(between(o.low, o.high + 1, o.log, u)), o.low, o.high);
    assign(*o.row, options, std::to_string(static_cast<std::uint64_t>(number)));
  }
  return value_text(*o.row, options);
}

std::vector<std::string> drawn(const SearchSpace& space, int number, std::uint32_t again) {
  std::vector<std::string> values;
  for (const SearchedOption& o : space.options) {
    values.push_back(drawn_value(o, {.seed = space.seed,
                                     .purpose = Purpose::search,
                                     .epoch = again,
                                     .sample = static_cast<std::uint32_t>(number),
                                     .op = coordinate_of(*o.row)}));
  }
  return values;
}

std::vector<Trial> grid(const SearchSpace& space) {
  const int count = static_cast<int>(combinations(space, kMostTrials + 1));
  std::vector<Trial> trials;
  for (int i = 0; i < count; ++i) {
    Trial trial{i + 1, std::vector<std::string>(space.options.size())};
    std::size_t rest = static_cast<std::size_t>(i);
    for (std::size_t o = space.options.size(); o-- > 0;) {
      const std::vector<std::string>& values = space.options[o].values;
      trial.values[o] = values[rest % values.size()];
      rest /= values.size();
    }
    trials.push_back(std::move(trial));
  }
  return trials;
}

// The lists hold all of the space and most of it is taken: the next free combination in the order of the grid, from the one that was drawn.
std::vector<std::string> next_free(const SearchSpace& space, std::vector<std::string> values,
                                   const std::set<std::vector<std::string>>& taken) {
  while (taken.contains(values)) {
    for (std::size_t o = space.options.size(); o-- > 0;) {
      const std::vector<std::string>& all = space.options[o].values;
      const auto next = std::find(all.begin(), all.end(), values[o]) + 1;
      values[o] = next == all.end() ? all.front() : *next;
      if (next != all.end()) break;
    }
  }
  return values;
}

std::vector<Trial> random(const SearchSpace& space) {
  const bool lists_only =
      std::none_of(space.options.begin(), space.options.end(), [](const SearchedOption& o) { return o.is_range(); });
  std::set<std::vector<std::string>> taken;
  std::vector<Trial> trials;
  for (int number = 1; number <= space.trials; ++number) {
    Trial trial{number, drawn(space, number, 0)};
    for (std::uint32_t again = 1; taken.contains(trial.values); ++again) {
      if (again == kMostDraws && !lists_only)
        throw UsageError(text(space.path, ": ", kMostDraws, " draws of trial ", number,
                              " gave the values of trials before; the ranges are too narrow for ", space.trials, " trials"));
      trial.values = again < kMostDraws ? drawn(space, number, again) : next_free(space, std::move(trial.values), taken);
    }
    taken.insert(trial.values);
    trials.push_back(std::move(trial));
  }
  return trials;
}

}  // namespace

std::vector<Trial> plan_trials(const SearchSpace& space) {
  return space.method == SearchMethod::grid ? grid(space) : random(space);
}

RunOptions options_of(const SearchSpace& space, const Trial& trial, const RunOptions& base) {
  RunOptions options = base;
  const std::string where = text(space.path, ": trial ", trial.number, ": ");
  for (std::size_t o = 0; o < space.options.size(); ++o) assign(*space.options[o].row, options, trial.values[o], where);
  try {
    check(options.train);
  } catch (const UsageError& error) {
    throw UsageError(where + error.what());
  }
  return options;
}

std::string trial_text(const SearchSpace& space, const Trial& trial) {
  std::string all;
  for (std::size_t o = 0; o < space.options.size(); ++o)
    all += text(o == 0 ? "" : ", ", space.options[o].row->name, " ",
                trial.values[o].empty() ? "-" : printable(trial.values[o], 40));
  return all;
}

}  // namespace vitrine

#include "search/space.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/toml.h"

namespace vitrine {
namespace {

constexpr std::array<const char*, 4> kMetrics{"accuracy", "auc", "loss", "f1"};
constexpr double kMostWhole = 9007199254740992.0;  // 2^53: every whole number up to here is a double

std::string is_it(std::string_view word, const std::vector<std::string>& names, const std::string& otherwise) {
  const std::string near = nearest_name(word, names);
  return near.empty() ? otherwise : text("is it ", near, "?");
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

class SpaceReader {
 public:
  explicit SpaceReader(const TomlFile& file) : file_(file) { space_.path = file.path; }

  SearchSpace read() {
    for (const TomlSection& s : file_.sections) check_section(s);
    for (const TomlEntry& e : file_.entries) {
      if (e.section == "search") {
        setting(e);
      } else if (e.section.empty() && (e.key == "manifest" || e.key == "splits")) {
        if (e.kind != TomlKind::text || e.value.empty())
          refuse(e, e.key, " is ", kind_text(e.kind), "; expected a path in double quotes");
        (e.key == "manifest" ? space_.manifest : space_.splits) = e.value;
      } else {
        option(e);
      }
    }
    check_whole();
    return std::move(space_);
  }

 private:
  template <class... What>
  [[noreturn]] void refuse(const TomlEntry& e, const What&... what) const {
    throw UsageError(text(file_.where(e.line), what...));
  }

  static std::vector<std::string> groups() {
    std::vector<std::string> names{"search"};
    for (const OptionRow& row : option_rows()) {
      if (row.recorded != nullptr && std::find(names.begin(), names.end(), row.group) == names.end())
        names.emplace_back(row.group);
    }
    return names;
  }

  void check_section(const TomlSection& s) const {
    const std::vector<std::string> names = groups();
    if (std::find(names.begin(), names.end(), s.name) != names.end()) return;
    throw UsageError(text(file_.where(s.line), "there is no section [", printable(s.name, 40), "]; ",
                          is_it(s.name, names, "the sections are " + joined(names))));
  }

  // A whole number of [search], from `low` to `high`.
  std::int64_t whole(const TomlEntry& e, std::int64_t low, std::int64_t high) const {
    std::int64_t value = 0;
    if (e.kind != TomlKind::whole || !parse_number(e.value, value) || value < low || value > high)
      refuse(e, e.key, " is ", printable(e.value, 40), ", expected a whole number from ", low, " to ", high);
    return value;
  }

  template <std::size_t N>
  std::size_t choice(const TomlEntry& e, const std::array<const char*, N>& names) const {
    std::string list;
    for (std::size_t i = 0; i < N; ++i) {
      if (e.kind == TomlKind::text && e.value == names[i]) return i;
      list += text(i == 0 ? "" : i + 1 == N ? " or " : ", ", "\"", names[i], "\"");
    }
    refuse(e, e.key, " is ", printable(e.value, 40), ", expected ", list);
  }

  void setting(const TomlEntry& e) {
    settings_[e.key] = &e;
    if (e.key == "method") {
      space_.method = choice(e, std::array<const char*, 2>{"grid", "random"}) == 0 ? SearchMethod::grid : SearchMethod::random;
    } else if (e.key == "metric") {
      space_.metric = static_cast<Monitor>(choice(e, kMetrics));
    } else if (e.key == "trials") {
      space_.trials = static_cast<int>(whole(e, 1, kMostTrials));
    } else if (e.key == "seed") {
      if (e.kind != TomlKind::whole || !parse_number(std::string_view(e.value), space_.seed))
        refuse(e, "seed is ", printable(e.value, 40), ", expected a whole number from 0 to 2^64 - 1");
    } else if (e.key == "folds") {
      folds(e);
    } else if (e.key == "halving") {
      if (e.kind != TomlKind::truth) refuse(e, "halving is ", kind_text(e.kind), ", expected true or false, without quotes");
      if (e.value == "true") space_.halving.emplace();
    } else if (e.key == "eta") {
      halving_.eta = static_cast<int>(whole(e, 2, 100));
    } else if (e.key == "min-epochs") {
      halving_.min_epochs = static_cast<int>(whole(e, 1, 100000));
    } else {
      const std::vector<std::string> names{"method", "trials", "seed", "metric", "folds", "halving", "eta", "min-epochs"};
      refuse(e, "'", printable(e.key, 40), "' is no setting of [search]; ", is_it(e.key, names, "they are " + joined(names)),
             find_option(e.key) == nullptr ? "" : "; searched options stand before [search] or in their own section");
    }
  }

  void folds(const TomlEntry& e) {
    for (const TomlItem& item : e.items) {
      std::int64_t fold = 0;
      if (item.kind != TomlKind::whole || !parse_number(item.value, fold) || fold < 0 || fold >= kMostFolds)
        refuse(e, "folds holds ", printable(item.value, 40), ", expected numbers of folds, from 0");
      space_.folds.push_back(static_cast<int>(fold));
    }
    if (e.kind != TomlKind::list || e.items.empty())
      refuse(e, "folds is ", e.items.empty() && e.kind == TomlKind::list ? "empty" : kind_text(e.kind),
             ", expected a list such as [0, 1, 2]; leave it out for all folds");
    std::sort(space_.folds.begin(), space_.folds.end());
    if (std::adjacent_find(space_.folds.begin(), space_.folds.end()) != space_.folds.end())
      refuse(e, "folds names a fold twice");
  }

  void option(const TomlEntry& e) {
    const OptionRow* row = find_option(e.key);
    if (row == nullptr || row->recorded == nullptr) refuse_option(e, row);
    if (!e.section.empty() && e.section != row->group)
      refuse(e, row->name, " stands in [", e.section, "]; it belongs in [", row->group, "]");
    if (const auto [before, is_new] = lines_.emplace(e.key, e.line); !is_new)
      refuse(e, row->name, " is there twice, first in line ", before->second);
    SearchedOption searched;
    searched.row = row;
    searched.line = e.line;
    if (e.kind == TomlKind::list) {
      list(e, searched);
    } else if (e.kind == TomlKind::table) {
      range(e, searched);
    } else {
      refuse(e, row->name, " is one value; write a list, [", e.kind == TomlKind::text ? "\"" : "", printable(e.value, 40),
             e.kind == TomlKind::text ? "\"" : "", "], or name it in --config or on the command line");
    }
    space_.options.push_back(std::move(searched));
  }

  [[noreturn]] void refuse_option(const TomlEntry& e, const OptionRow* row) const {
    if (row != nullptr && row->group == std::string_view("split"))
      refuse(e, row->name, " is of the split, which the search takes as a file; take the line out");
    if (row != nullptr) refuse(e, row->name, " decides no result, so it is not searched; name it on the command line");
    std::vector<std::string> names;
    for (const OptionRow& r : option_rows()) {
      if (r.recorded != nullptr) names.emplace_back(r.name);
    }
    refuse(e, "'", printable(e.key, 40), "' is no option that can be searched; ",
           is_it(e.key, names, "docs/training.md lists them"));
  }

  // The value as value_text writes it. UsageError when it is not of the row's type or range.
  std::string checked(const OptionRow& row, const TomlItem& item) const {
    const std::string where = file_.where(item.line);
    const bool fits = is_flag(row)   ? item.kind == TomlKind::truth
                      : is_text(row) ? item.kind == TomlKind::text
                      : is_real(row) ? item.kind == TomlKind::whole || item.kind == TomlKind::real
                                     : item.kind == TomlKind::whole;
    if (!fits) {
      const std::string expected = is_flag(row)   ? std::string("true or false")
                                   : is_text(row) ? std::string("texts in double quotes")
                                                  : text(is_real(row) ? "numbers" : "whole numbers", " from ", range_text(row));
      throw UsageError(
          text(where, row.name, " holds ", kind_text(item.kind), ", ", printable(item.value, 40), "; expected ", expected));
    }
    RunOptions options;
    assign(row, options, item.value, where);
    return value_text(row, options);
  }

  void list(const TomlEntry& e, SearchedOption& searched) const {
    if (e.items.empty()) refuse(e, e.key, " is an empty list; expected at least one value");
    if (e.items.size() > kMostValues)
      refuse(e, e.key, " has ", e.items.size(), " values, at most ", kMostValues, " are taken; name a range");
    for (const TomlItem& item : e.items) {
      std::string value = checked(*searched.row, item);
      if (std::find(searched.values.begin(), searched.values.end(), value) != searched.values.end())
        throw UsageError(text(file_.where(item.line), e.key, " holds ", printable(value, 40), " twice"));
      searched.values.push_back(std::move(value));
    }
  }

  void range(const TomlEntry& e, SearchedOption& searched) const {
    const OptionRow& row = *searched.row;
    if (is_text(row) || is_flag(row))
      refuse(e, e.key, " has no range: it is ", is_flag(row) ? "true or false" : "a text", "; expected a list");
    std::map<std::string, const TomlItem*> parts;
    for (const TomlItem& item : e.items) {
      if (item.key != "low" && item.key != "high" && item.key != "scale")
        refuse(e, "a range has no '", printable(item.key, 40),
               "'; expected such as { low = 1e-5, high = 1e-2, scale = \"log\" }");
      parts[item.key] = &item;
    }
    for (const char* name : {"low", "high"}) {
      if (!parts.contains(name)) refuse(e, "the range of ", e.key, " has no ", name);
    }
    const auto bound = [&](const char* name) {
      double value = 0;
      parse_number(std::string_view(checked(row, *parts[name])), value);
      if (!is_real(row) && !(value <= kMostWhole))
        refuse(e, e.key, " goes to ", printable(parts[name]->value, 40), ", at most 2^53 in a range");
      return value;
    };
    searched.low = bound("low");
    searched.high = bound("high");
    if (!(searched.low < searched.high))
      refuse(e, "the range of ", e.key, " goes from ", shortest(searched.low), " to ", shortest(searched.high),
             "; low must be below high");
    if (parts.contains("scale")) {
      const TomlItem& scale = *parts["scale"];
      if (scale.kind != TomlKind::text || (scale.value != "log" && scale.value != "linear"))
        refuse(e, "the scale of ", e.key, " is ", printable(scale.value, 40), ", expected \"linear\" or \"log\"");
      searched.log = scale.value == "log";
    }
    if (searched.log && !(searched.low > 0))
      refuse(e, "the range of ", e.key, " is logarithmic and begins at ", shortest(searched.low), "; low must be above 0");
  }

  // Settings that need or exclude each other.
  void check_whole() {
    const auto without = [&](const char* key, bool has_effect, const char* needs) {
      if (!has_effect && settings_.contains(key))
        refuse(*settings_[key], key, " has no effect without ", needs, "; take the line out");
    };
    const bool random = space_.method == SearchMethod::random;
    for (const char* key : {"trials", "seed"}) without(key, random, "method = \"random\"");
    for (const char* key : {"eta", "min-epochs"}) without(key, space_.halving.has_value(), "halving = true");
    if (space_.options.empty())
      throw UsageError(text(file_.path, " searches no option; expected lines such as lr = [1e-4, 3e-4, 1e-3]"));
    if (random && space_.trials == 0)
      throw UsageError(text(file_.path, ": a random search needs its number of trials; write trials = 60 in [search]"));
    if (space_.halving) {
      if (!settings_.contains("min-epochs"))
        refuse(*settings_["halving"], "halving needs min-epochs, the epochs of its first rung");
      space_.halving = halving_;
      if (lines_.contains("epochs"))
        throw UsageError(text(file_.where(lines_["epochs"]),
                              "halving sets the epochs itself, up to --epochs; leave out halving or this line"));
    }
    check_count();
  }

  void check_count() const {
    if (space_.method == SearchMethod::random) {
      const std::uint64_t most = combinations(space_, kMostTrials);
      if (most < static_cast<std::uint64_t>(space_.trials))
        throw UsageError(text(file_.path, ": the values have ", most, " combinations, fewer than the ", space_.trials,
                              " trials; lower trials, or try all with method = \"grid\""));
      return;
    }
    for (const SearchedOption& o : space_.options) {
      if (o.is_range())
        throw UsageError(text(file_.where(o.line), o.row->name,
                              " is a range, and a grid takes lists only; write the values, or method = \"random\""));
    }
    constexpr std::uint64_t kShownExactly = std::uint64_t{1} << 60;
    const std::uint64_t count = combinations(space_, kShownExactly);
    if (count > static_cast<std::uint64_t>(kMostTrials))
      throw UsageError(text(file_.path, ": the grid has ", count == kShownExactly ? "more than " : "", count,
                            " combinations, at most ", kMostTrials, " are trained; name fewer values, or search at random"));
  }

  const TomlFile& file_;
  SearchSpace space_;
  HalvingOptions halving_;
  std::map<std::string, const TomlEntry*> settings_;  // of [search], by name
  std::map<std::string, int> lines_;                  // of the options
};

}  // namespace

const char* metric_name(Monitor metric) { return kMetrics[static_cast<std::size_t>(metric)]; }

const char* metric_title(Monitor metric) {
  constexpr std::array<const char*, 4> kTitles{"accuracy", "AUC", "loss", "F1"};
  return kTitles[static_cast<std::size_t>(metric)];
}

SearchSpace parse_space(std::string_view bytes, const std::filesystem::path& path) {
  const TomlFile file = parse_toml(bytes, path);
  return SpaceReader(file).read();
}

SearchSpace read_space(const std::filesystem::path& path) {
  const TomlFile file = read_toml(path);
  return SpaceReader(file).read();
}

std::uint64_t combinations(const SearchSpace& space, std::uint64_t limit) {
  std::uint64_t count = 1;
  for (const SearchedOption& o : space.options) {
    const std::uint64_t values = !o.is_range()     ? o.values.size()
                                 : is_real(*o.row) ? limit
                                                   : static_cast<std::uint64_t>(o.high - o.low) + 1;
    if (values >= limit / count + (limit % count != 0 ? 1 : 0)) return limit;
    count *= values;
  }
  return std::min(count, limit);
}

std::string values_text(const SearchedOption& option) {
  if (!option.is_range()) return joined(option.values);
  return text(shortest(option.low), " to ", shortest(option.high), option.log ? ", log" : "");
}

std::vector<std::pair<std::string, std::string>> describe(const SearchSpace& space) {
  std::vector<std::pair<std::string, std::string>> all;
  const bool random = space.method == SearchMethod::random;
  all.emplace_back("search method", random ? "random" : "grid");
  if (random) all.emplace_back("search trials", std::to_string(space.trials));
  if (random) all.emplace_back("search seed", std::to_string(space.seed));
  all.emplace_back("search metric", metric_name(space.metric));
  std::vector<std::string> folds;
  for (const int fold : space.folds) folds.push_back(std::to_string(fold));
  all.emplace_back("search folds", folds.empty() ? "all" : joined(folds));
  all.emplace_back("search halving",
                   space.halving ? text("eta ", space.halving->eta, ", from ", space.halving->min_epochs, " epochs") : "none");
  for (const SearchedOption& o : space.options) all.emplace_back(text("option ", o.row->name), values_text(o));
  return all;
}

}  // namespace vitrine

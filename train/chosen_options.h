// The options of one command while they are chosen: default, recipe, file, command line; what comes later wins.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/option_table.h"

namespace vitrine {

// A named list of option values. Of its rows a command takes those that it has.
struct Recipe {
  const char* name;
  const char* about;
  std::vector<std::pair<const char*, const char*>> values;  // option, value as a file would give it without quotes
};
const std::vector<Recipe>& recipes();
const Recipe& find_recipe(const std::string& name);  // UsageError naming the nearest

class ChosenOptions {
 public:
  // Begins with the defaults. `groups`: the groups of rows that the command has.
  explicit ChosenOptions(std::vector<std::string_view> groups);

  void apply(const Recipe& recipe);
  // A file of options (base/toml.h): names without dashes, at its beginning or in the section of their group. UsageError with file and line for
  // a name that is none, one in another section or twice, one that the command does not have, a value of another type or out of range.
  void apply_file(const std::filesystem::path& path);
  void apply_word(const OptionRow& row, const std::string& value);  // of the command line

  const RunOptions& values() const { return values_; }

  struct Line {
    std::string name, value, origin;  // "epochs", "24", "recipe demo"
  };
  std::vector<Line> lines() const;  // of the command's rows, in their order

 private:
  bool has(const OptionRow& row) const;
  void set(const OptionRow& row, const std::string& value, const std::string& where, const std::string& origin);

  std::vector<std::string_view> groups_;
  RunOptions values_;
  std::vector<std::string> origins_;  // of every row
};

}  // namespace vitrine

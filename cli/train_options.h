// The rows of the table of options (train/option_table.h) on the command line, and what else chooses their values: --recipe, --config.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "train/chosen_options.h"

namespace vitrine::cli {

using TakeWord = std::function<void(const OptionRow& row, const std::string& value)>;

void add_row(Command app, const OptionRow& row, const TakeWord& take);
void add_rows(Command app, std::string_view group, const TakeWord& take);  // of one group, in the order of the table

// The device's; --devices to `together`, if any.
void add_device_rows(Command group, std::optional<Command> together, const TakeWord& take);
void add_split_options(Command app, SplitOptions& options);

// What the command line of `train`, `cv` or `study` says about the options of the run.
struct ChosenWords {
  std::vector<std::string_view> groups;  // that the command has
  std::string recipe, config;            // empty: none
  bool dry_run = false;
  std::vector<std::pair<const OptionRow*, std::string>> words;

  ChosenOptions resolve() const;  // UsageError
};
// The groups of a command: "data" or "split", and those that all three have.
std::vector<std::string_view> groups_with(std::string_view group);
// Both keep `words`, which lives as long as `app`: the rows of a group, and those that all three have with --recipe, --config and --dry-run.
TakeWord taken_by(ChosenWords& words);
void add_run_options(Command app, ChosenWords& words);

// Option, value and origin of each, as a table on standard output.
void print_options(const ChosenOptions& options);

}  // namespace vitrine::cli

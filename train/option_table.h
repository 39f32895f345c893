// The table of options: one row for each thing that a user may choose about a run.
//
// From a row come the option of the command line and its help (cli/train_options.h), the key of a file of options and of a recipe
// (train/chosen_options.h), the check of its range, what config.json and the report record of it (describe, train/options.h), and its line in
// docs/training.md. A new option is a member of TrainOptions, a row here, and, if it decides results, its place in describe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/split.h"
#include "train/options.h"

namespace vitrine {

// Where a run computes, in the words of a user; cli/device_options.h makes devices of them.
struct DeviceNames {
  std::string device = "cpu", tier = "run-to-run", precision = "fp32", kernels = "fastest";
  std::int64_t memory_mib = 0;  // 0: all
  std::string together;         // numbers of GPUs, "0,1"
  std::string reduce = "gather";
};

struct RunOptions {
  TrainOptions train;
  SplitOptions split;
  DeviceNames device;
};

using Member = std::variant<bool*, Balance*, int*, std::int64_t*, std::uint64_t*, double*, std::string*>;

struct OptionRow {
  const char* name;   // "batch-size"; on the command line with two dashes in front
  const char* group;  // section of a file, and where the help shows it
  Member (*member)(RunOptions& options);
  const char* help;
  double low = 0, high = 0;                     // of an int, an int64 or a double, both included
  bool below_high = false;                      // `high` itself is too large
  bool shows_range = false;                     // in the help, as well
  bool negated = false;                         // a flag that switches its member off
  void (*check)(const std::string&) = nullptr;  // of a text: UsageError naming the option and what it may be
  const char* recorded = nullptr;               // its key in config.json; null where no byte of the results depends on it
  std::string (*record)(const TrainOptions&) = nullptr;  // its value there; null: value_text
};

std::span<const OptionRow> option_rows();             // in the order of the help
const OptionRow* find_option(std::string_view name);  // null for a name that is none
const OptionRow& option_row(std::string_view name);   // InternalError for a name that is none

bool is_flag(const OptionRow& row);
bool is_text(const OptionRow& row);
bool is_real(const OptionRow& row);
std::string type_name(const OptionRow& row);   // INT, UINT, FLOAT, TEXT, as the help shows it; empty for a flag
std::string range_text(const OptionRow& row);  // "1 to 100000"; empty for texts and flags

// The value as a command line or a file would give it: "16", "0.001", "true".
std::string value_text(const OptionRow& row, const RunOptions& options);

// Sets the member from such a text. UsageError: `where`, the option, what was found and what is expected.
void assign(const OptionRow& row, RunOptions& options, const std::string& value, const std::string& where = "");

// UsageError naming the first row whose value is not allowed.
void check_rows(const RunOptions& options);

// The rows as the table of docs/training.md.
std::string options_markdown();

}  // namespace vitrine

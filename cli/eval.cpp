// `vitrine eval`: figures of finished runs by slice, lesion and subject, with intervals, and the differences between runs.
#include "cli/eval.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/number.h"
#include "base/output.h"
#include "base/standard_streams.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTables[] = {"metrics.csv", "roc.csv", "pr.csv", "calibration.csv", "confusion.csv", "differences.csv"};

struct EvalCommand {
  std::vector<std::string> runs;
  std::string parts = "val,test", levels = "slice,lesion,subject", threshold = "youden", output;
  BootstrapOptions bootstrap;
};

// The words of a list with commas, each once; UsageError of `read` for a word that is none.
template <class T, class Read>
std::vector<T> list_of(const std::string& words, const std::string& option, const Read& read) {
  std::vector<T> list;
  for (const std::string& word : split_at(words, ',')) {
    const T value = read(std::string(trimmed(word)));
    if (std::find(list.begin(), list.end(), value) != list.end())
      throw UsageError(text(option, " has '", printable(word), "' twice; once is expected"));
    list.push_back(value);
  }
  return list;
}

Part part_named(const std::string& word) {
  if (word == "val") return Part::validation;
  if (word == "test") return Part::test;
  throw UsageError(text("--split is '", printable(word), "', expected val, test or val,test"));
}

EvaluationOptions options_of(const EvalCommand& command) {
  EvaluationOptions options;
  options.bootstrap = command.bootstrap;
  if (command.threshold != "youden") {
    double value = 0;
    if (!parse_number(command.threshold, value))
      throw UsageError(text("--threshold is '", printable(command.threshold), "', expected youden or a number from 0 to 1"));
    options.threshold = value;
  }
  check(options);
  return options;
}

// The last part of each folder's name, or all of it where two would have the same.
std::vector<std::string> run_names(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    const fs::path path = fs::path(folder).lexically_normal();
    names.push_back((path.has_filename() ? path.filename() : path.parent_path().filename()).string());
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto same = [&](const std::string& other) { return other == names[i]; };
    if (names[i].empty() || names[i] == "." || std::count_if(names.begin(), names.end(), same) > 1) return folders;
  }
  return names;
}

void check_distinct(const std::vector<std::string>& folders) {
  for (std::size_t i = 0; i < folders.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      std::error_code none;
      if (folders[i] == folders[k] || fs::equivalent(folders[i], folders[k], none))
        throw UsageError(text("the run ", fs::path(folders[i]), " is named twice; runs that are compared are different ones"));
    }
  }
}

// DataError unless both runs are of one manifest and split.
void check_one_split(const fs::path& first, const fs::path& other) {
  const auto value_of = [](const fs::path& run, std::string_view name) {
    for (const auto& [key, value] : read_run_options(run)) {
      if (key == name) return value;
    }
    throw DataError(text(run, ": its config.json has no ", name, "; it is not a run's folder"));
  };
  for (const char* name : {"manifest_sha256", "split_sha256"}) {
    if (value_of(first, name) != value_of(other, name))
      throw DataError(text(other, " is of another ", std::string_view(name) == "split_sha256" ? "split" : "manifest", " than ",
                           first, " (", name, " in config.json); runs of one manifest and split can be compared"));
  }
}

RunPredictions read_predictions(const fs::path& folder, const std::string& name) {
  if (!is_folder(folder)) {
    const std::string flaw = path_flaw(folder);
    throw DataError(text(folder, " ", flaw.empty() ? "is a file, the folder of a run is expected" : flaw));
  }
  check_is_run(folder);
  const RunResult run = read_run_so_far(folder);
  for (const auto& [option, value] : read_run_options(folder)) {
    if (option == "folds" && value != std::to_string(run.folds.size()))
      note(text(folder, ": ", run.folds.size(), " of ", printable(value, 10),
                " folds are finished; the others are not in these figures"));
  }
  return predictions_of(name, run);
}

std::vector<std::string> files_of(const std::vector<std::string>& runs) {
  std::vector<std::string> files;
  for (const std::string& run : runs) {
    if (!is_folder(run)) continue;
    for (const fs::path& path : entries_of(run, true)) {
      if (std::find(std::begin(kTables), std::end(kTables), path.filename().string()) == std::end(kTables))
        files.push_back(path.string());
    }
  }
  return files;
}

void write_tables(const fs::path& folder, const std::vector<RunEvaluation>& runs,
                  const std::vector<RunComparison>& comparisons) {
  make_directory(folder);
  write_file(folder / "metrics.csv", metrics_csv(runs));
  write_file(folder / "roc.csv", roc_csv(runs));
  write_file(folder / "pr.csv", pr_csv(runs));
  write_file(folder / "calibration.csv", calibration_csv(runs));
  write_file(folder / "confusion.csv", confusion_csv(runs));
  if (runs.size() > 1) write_file(folder / "differences.csv", differences_csv(comparisons));
}

void run_eval(const EvalCommand& command) {
  const std::vector<Part> parts = list_of<Part>(command.parts, "--split", part_named);
  const std::vector<Level> levels = list_of<Level>(command.levels, "--level", level_of);
  const EvaluationOptions options = options_of(command);
  check_distinct(command.runs);
  if (!command.output.empty())
    check_output_folder(command.output, files_of(command.runs), {std::begin(kTables), std::end(kTables)});
  const std::vector<std::string> names = run_names(command.runs);
  std::vector<RunPredictions> runs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    runs.push_back(read_predictions(command.runs[i], names[i]));
    if (i > 0) check_one_split(command.runs.front(), command.runs[i]);
  }
  std::vector<RunEvaluation> evaluations;
  for (const RunPredictions& run : runs) {
    evaluations.push_back({run.name, {}});
    for (const Part part : parts) {
      for (const Level level : levels) {
        evaluations.back().parts.push_back(evaluate(run, part, level, options));
        print_evaluation(run.name, evaluations.back().parts.back(), options.bootstrap);
      }
    }
  }
  std::vector<RunComparison> comparisons;
  for (std::size_t a = 0; a < runs.size(); ++a) {
    for (std::size_t b = a + 1; b < runs.size(); ++b) {
      for (const Part part : parts) {
        for (const Level level : levels) comparisons.push_back(compare(runs[a], runs[b], part, level, options));
      }
    }
  }
  print_comparisons(comparisons);
  if (!command.output.empty()) write_tables(command.output, evaluations, comparisons);
}

}  // namespace

void add_eval(Command app, Chosen& chosen) {
  const auto command = std::make_shared<EvalCommand>();
  const auto sub = app.add_subcommand("eval", "figures of finished runs by slice, lesion and subject, with intervals");
  sub.add_option("runs", command->runs, "folders of `vitrine cv`; two or more of one split are also compared").required();
  sub.add_option("--split", command->parts, "val, test or both").capture_default_str();
  sub.add_option("--level", command->levels, "slice, lesion, subject, or several").capture_default_str();
  sub.add_option("--threshold", command->threshold,
                 "for sensitivity and specificity: youden (chosen on validation units), or a number from 0 to 1")
      .capture_default_str();
  sub.add_option("--replicates", command->bootstrap.replicates, "of the bootstrap, 100 to 100000").capture_default_str();
  sub.add_option("--seed", command->bootstrap.seed, "of the bootstrap's draws").check(whole_number).capture_default_str();
  sub.add_option("-o,--output", command->output, "folder for the tables (CSV)");
  sub.footer("Example: vitrine eval runs/t1c runs/flair --split val --level subject -o figures");
  sub.callback([=, &chosen] { chosen = [=] { run_eval(*command); }; });
}

}  // namespace vitrine::cli

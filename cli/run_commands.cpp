// Split, train, cv and report.
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/source.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

std::string shown(const std::optional<MeanSd>& v) {
  return v ? text(fixed(v->mean, 3), " +- ", fixed(v->sd, 3)) : std::string("n/a");
}

void print_part(const char* part, const PartSummary& summary) {
  std::printf("%-10s  accuracy %s  AUC %s\n", part, shown(summary.accuracy).c_str(), shown(summary.auc).c_str());
  for (const ClassSummary& c : summary.classes) {
    std::printf("            %-6s  precision %s  recall %s  F1 %s\n", c.name.c_str(), shown(c.precision).c_str(),
                shown(c.recall).c_str(), shown(c.f1).c_str());
  }
}

}  // namespace

void run_split(const SplitCommand& command) {
  const Manifest manifest = read_manifest(command.manifest);
  const Splits splits = make_splits(manifest, command.options);
  write_splits(command.output, splits);
  std::printf("%s: %zu subjects in the test part, %zu folds of the other %zu\n", command.output.c_str(), splits.test.size(),
              splits.folds.size(), manifest.subjects().size() - splits.test.size());
}

void run_cv(const CvCommand& command) {
  const Manifest manifest = read_manifest(command.manifest);
  const Splits splits = read_splits(command.splits, manifest);
  Progress progress(command.quiet);
  TrainOptions options = command.options;
  command.device.choose(options);
  if (options.optimizer.weight_decay > 0) options.optimizer.rule = Rule::adamw;
  make_directory(command.output);
  write_source(command.output, {command.manifest, command.splits});
  const RunResult result = cross_validate(manifest, splits, options, command.output, command.fold, progress, command.jobs);
  print_part("validation", result.validation);
  print_part("test", result.test);
}

void run_report(const ReportCommand& command) {
  write_file(command.output, report_of(command.run));
  std::printf("%s\n", command.output.c_str());
}

}  // namespace vitrine::cli

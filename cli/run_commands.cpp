// Split, train, cv and report.
#include <cstdio>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "data/dataset.h"
#include "train/cross_validation.h"

namespace vitrine::cli {
namespace {

Manifest read_noted_manifest(const std::string& name) {
  Manifest manifest = read_manifest(name);
  for (const std::string& remark : manifest.notes) note(remark);
  return manifest;
}

std::string figure(const std::optional<MeanSd>& v) {
  return v ? text(fixed(v->mean, 3), " +- ", fixed(v->sd, 3)) : std::string("n/a");
}

void print_part(const char* part, const PartSummary& summary) {
  std::printf("%-10s  accuracy %s  AUC %s\n", part, figure(summary.accuracy).c_str(), figure(summary.auc).c_str());
  for (const ClassSummary& c : summary.classes) {
    std::printf("            %-6s  precision %s  recall %s  F1 %s\n", printable(c.name, 40).c_str(),
                figure(c.precision).c_str(), figure(c.recall).c_str(), figure(c.f1).c_str());
  }
}

}  // namespace

void run_split(const SplitCommand& command) {
  const Manifest manifest = read_noted_manifest(command.manifest);
  std::vector<std::string> inputs{command.manifest};
  for (const Sample& s : manifest.samples) inputs.push_back((manifest.path.parent_path() / s.file).string());
  check_output(command.output, inputs);
  check_distinct_images(manifest);
  const Splits splits = make_splits(manifest, command.options);
  write_output(command.output, splits_json(splits));
  if (is_standard_output(command.output)) return;
  std::printf("%s: %zu subjects in the test part, %zu folds of the other %zu\n", shown(command.output).c_str(),
              splits.test.size(), splits.folds.size(), manifest.subjects().size() - splits.test.size());
}

void run_cv(const CvCommand& command) {
  check(command.options);
  check_output_folder(command.output, {command.manifest, command.splits, command.options.weights},
                      {"fold_*", "config.json", "source.json", "summary.json", "plans.txt"});
  const Manifest manifest = read_noted_manifest(command.manifest);
  const Splits splits = read_splits(command.splits, manifest);
  note_starting_weights(command.options);
  Progress progress(command.quiet);
  TrainOptions options = command.options;
  command.device.choose(options);
  const RunResult result = cross_validate(manifest, splits, options, command.output, command.fold, progress, command.jobs);
  print_part("validation", result.validation);
  print_part("test", result.test);
}

void run_report(const ReportCommand& command) {
  check_output(command.output, files_of_report(command.run));
  write_output(command.output, report_of(command.run));
  if (!is_standard_output(command.output)) std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace vitrine::cli

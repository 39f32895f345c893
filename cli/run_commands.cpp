// Split, train, cv, report and doctor.
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/source.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
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
  if (options.optimizer.weight_decay > 0) options.optimizer.rule = Rule::adamw;
  make_directory(command.output);
  write_source(command.output, {command.manifest, command.splits});
  const RunResult result = cross_validate(manifest, splits, options, command.output, command.fold, progress);
  print_part("validation", result.validation);
  print_part("test", result.test);
}

void run_report(const ReportCommand& command) {
  write_file(command.output, report_of(command.run));
  std::printf("%s\n", command.output.c_str());
}

void run_doctor() {
  std::printf("vitrine %s\n", VITRINE_VERSION);
  std::printf("compiler          %s\n", __VERSION__);
  std::printf("imaging (ITK)     %s\n", has_imaging() ? "built in" : "not built in: rebuild with scripts/build --itk on");
  std::printf("CUDA              not built in: this version computes on the CPU\n");
  std::printf("processors        %u\n", std::thread::hardware_concurrency());
  std::printf("threads           %d (VITRINE_THREADS or --threads changes it; results do not depend on it)\n", thread_count());
  std::string sets;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (isa_supported(isa)) sets += (sets.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  std::printf("instruction sets  %s; in use: %s (VITRINE_SIMD changes it; results do not depend on it)\n", sets.c_str(),
              std::string(isa_name(active_isa())).c_str());
}

}  // namespace vitrine::cli

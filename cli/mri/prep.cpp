// `vitrine mri prep`: from a cohort of volumes to lesion crops.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/mri/commands.h"
#include "imaging/prep.h"

namespace vitrine::cli {
namespace {

struct PrepCommand {
  std::string cohort, output;
  int jobs = 2;
  bool quiet = false;
};

void run(const PrepCommand& command) {
  check_output_folder(command.output, {command.cohort},
                      {"crops", "previews", "qc", "subjects", "manifest.csv", "qc.html", "prep.json"});
  Progress progress(command.quiet);
  imaging::PrepOptions options;
  options.jobs = command.jobs;
  imaging::prepare_cohort(command.cohort, command.output, options, progress);
  std::printf("%s\n", shown(std::filesystem::path(command.output) / "manifest.csv").c_str());
}

}  // namespace

void add_mri_prep(CLI::App& mri, Chosen& chosen) {
  const auto prep = std::make_shared<PrepCommand>();
  auto* p = mri.add_subcommand("prep", "from volumes to lesion crops: coregistration, brain, bias field, normalisation, crops");
  p->add_option("cohort", prep->cohort, "CSV: subject_id, label, t1c, flair, t2, mask [, brain_mask]")->required();
  p->add_option("-o,--output", prep->output, "folder to write")->required();
  p->add_option("--jobs", prep->jobs, "subjects at a time")->capture_default_str();
  p->add_flag("-q,--quiet", prep->quiet, "no progress lines");
  p->footer("Example: vitrine mri prep cohort/cohort.csv -o prep");
  p->callback([=, &chosen] { chosen = [=] { run(*prep); }; });
}

}  // namespace vitrine::cli

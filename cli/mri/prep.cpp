// `vitrine mri prep`: from a cohort of volumes to lesion crops.
#include <cstdio>
#include <memory>

#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/prep_choice.h"
#include "cli/progress_options.h"
#include "imaging/prep.h"

namespace vitrine::cli {
namespace {

struct PrepCommand {
  std::string cohort, output;
  int jobs = 2;
  std::shared_ptr<PrepChoice> choice = std::make_shared<PrepChoice>();
  ProgressMode progress = ProgressMode::automatic;
};

void run(const PrepCommand& command) {
  check_output_folder(command.output, {command.cohort},
                      {"crops", "previews", "subjects", "lineage", "manifest.csv", "qc.html", "prep.json"});
  Progress progress(command.progress);
  imaging::PrepOptions options;
  options.jobs = command.jobs;
  options.subject = subject_options(*command.choice);
  imaging::prepare_cohort(command.cohort, command.output, options, progress);
  std::printf("%s\n", shown(std::filesystem::path(command.output) / "manifest.csv").c_str());
}

}  // namespace

imaging::SubjectOptions subject_options(const PrepChoice& choice) {
  imaging::SubjectOptions options;
  options.normalization = imaging::normalization_named(choice.normalise);
  options.crop.mode = imaging::crop_mode_named(choice.crop);
  options.crop.fov_mm = choice.fov;
  options.crop.distance_mm = choice.distance;
  options.crop.slices = imaging::slices_named(choice.slices);
  options.registration = imaging::registration_preset(choice.registration);
  options.pictures = !choice.no_pictures;
  imaging::check(options.crop);
  return options;
}

void add_mri_prep(Command mri, Chosen& chosen) {
  const auto prep = std::make_shared<PrepCommand>();
  const auto p =
      mri.add_subcommand("prep", "from volumes to lesion crops: coregistration, brain, bias field, normalisation, crops");
  p.add_option("cohort", prep->cohort, "CSV: subject_id, label, t1c, mask [, flair, t2, brain_mask, mask_labels, ...]")
      .required();
  p.add_option("-o,--output", prep->output, "folder to write").required();
  p.add_option("--jobs", prep->jobs, "subjects at a time").capture_default_str();
  add_prep_choice(p, prep->choice);
  add_progress_options(p, prep->progress);
  p.footer("Example: vitrine mri prep cohort/cohort.csv -o prep");
  p.callback([=, &chosen] { chosen = [=] { run(*prep); }; });
}

}  // namespace vitrine::cli

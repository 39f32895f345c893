// `vitrine mri prep`: from a cohort of volumes to lesion crops.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/mri/commands.h"
#include "cli/prep_choice.h"
#include "imaging/prep.h"

namespace vitrine::cli {
namespace {

struct PrepCommand {
  std::string cohort, output;
  int jobs = 2;
  std::shared_ptr<PrepChoice> choice = std::make_shared<PrepChoice>();
  bool quiet = false;
};

// The one of these whose name was given.
template <class Choice>
Choice named(const std::string& option, const std::string& given, std::initializer_list<Choice> all) {
  std::string names;
  for (const Choice c : all) {
    if (given == imaging::name_of(c)) return c;
    names += (names.empty() ? "" : ", ") + std::string(imaging::name_of(c));
  }
  throw UsageError(text(option, " is '", printable(given), "', expected one of ", names));
}

void run(const PrepCommand& command) {
  check_output_folder(command.output, {command.cohort},
                      {"crops", "previews", "subjects", "manifest.csv", "qc.html", "prep.json"});
  Progress progress(command.quiet);
  imaging::PrepOptions options;
  options.jobs = command.jobs;
  options.subject = subject_options(*command.choice);
  imaging::prepare_cohort(command.cohort, command.output, options, progress);
  std::printf("%s\n", shown(std::filesystem::path(command.output) / "manifest.csv").c_str());
}

}  // namespace

imaging::SubjectOptions subject_options(const PrepChoice& choice) {
  using imaging::CropMode;
  using imaging::NormalizationMethod;
  using imaging::RegistrationPreset;
  imaging::SubjectOptions options;
  options.normalization = named("--normalise", choice.normalise,
                                {NormalizationMethod::zscore, NormalizationMethod::minmax, NormalizationMethod::white_matter});
  options.crop.mode = named("--crop", choice.crop, {CropMode::fit, CropMode::fixed_fov});
  options.crop.fov_mm = choice.fov;
  options.crop.distance_mm = choice.distance;
  std::int64_t slices = 1;  // the largest
  if (choice.slices != "largest" && (!parse_number(choice.slices, slices) || slices < 1 || slices > 100))
    throw UsageError(text("--slices is '", printable(choice.slices), "', expected 1 to 100, or largest"));
  options.crop.slices = static_cast<int>(slices);
  options.registration = named("--registration", choice.registration, {RegistrationPreset::vitrine, RegistrationPreset::spm});
  options.pictures = !choice.no_pictures;
  imaging::check(options.crop);
  return options;
}

void add_mri_prep(CLI::App& mri, Chosen& chosen) {
  const auto prep = std::make_shared<PrepCommand>();
  auto* p = mri.add_subcommand("prep", "from volumes to lesion crops: coregistration, brain, bias field, normalisation, crops");
  p->add_option("cohort", prep->cohort, "CSV: subject_id, label, t1c, mask [, flair, t2, brain_mask, mask_labels, ...]")
      ->required();
  p->add_option("-o,--output", prep->output, "folder to write")->required();
  p->add_option("--jobs", prep->jobs, "subjects at a time")->capture_default_str();
  add_prep_choice(*p, prep->choice);
  p->add_flag("-q,--quiet", prep->quiet, "no progress lines");
  p->footer("Example: vitrine mri prep cohort/cohort.csv -o prep");
  p->callback([=, &chosen] { chosen = [=] { run(*prep); }; });
}

}  // namespace vitrine::cli

// `vitrine mri bias`: the field of the receive coils, taken out of a volume.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/mri/volume_files.h"
#include "cli/progress_options.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/morphology.h"

namespace vitrine::cli {
namespace {

struct BiasCommand {
  std::string image, mask, lesion, output, field, record, method = "pairs";
  ProgressMode progress = ProgressMode::automatic;
};

imaging::BiasCorrection corrected(const BiasCommand& c, const imaging::Volume& volume, imaging::Mask brain,
                                  const imaging::Mask& lesion) {
  const std::string what = shown(c.image);
  if (c.method == "pairs") return imaging::correct_bias(volume, brain, lesion, {}, what);
  if (!lesion.data.empty()) {
    const imaging::Mask left_out = imaging::dilated(lesion, imaging::BiasOptions{}.lesion_margin_mm);
    for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] *= 1 - left_out.data[i];
  }
  return imaging::correct_bias(volume, brain, what);
}

void run(const BiasCommand& c) {
  if (c.method != "pairs" && c.method != "n4")
    throw UsageError(text("--method is '", printable(c.method), "', expected pairs or n4"));
  std::vector<std::string> inputs{c.image, c.mask};
  if (!c.lesion.empty()) inputs.push_back(c.lesion);
  check_nifti_output("-o", c.output, inputs);
  if (!c.field.empty()) check_nifti_output("--field", c.field, inputs, {c.output});
  check_record(c.record, inputs, {c.output, c.field});
  const imaging::ReadVolume file = imaging::read_series(c.image);
  const std::string what = shown(c.image);
  imaging::Notes notes;
  const imaging::Mask brain = read_brain_mask(c.mask, file.volume.geometry, what, notes);
  imaging::Mask lesion;
  if (!c.lesion.empty()) lesion = any_lesion(read_lesion_mask(c.lesion, file.volume.geometry, what, notes));
  imaging::BiasCorrection bias = corrected(c, file.volume, brain, lesion);
  tell(notes, c.progress);
  Progress(c.progress)
      .line(text("bias  field from ", fixed(bias.field_low, 3), " to ", fixed(bias.field_high, 3),
                 " (1 % and 99 % of the brain), ", bias.steps, " steps"));
  write_beside(c.output, std::move(bias.corrected), file);
  if (!c.field.empty()) write_beside(c.field, std::move(bias.field), file);
  if (!c.record.empty()) write_output(c.record, json_text(imaging::record(bias)));
  std::printf("%s\n", shown(c.output).c_str());
}

}  // namespace

void add_mri_bias(Command mri, Chosen& chosen) {
  const auto c = std::make_shared<BiasCommand>();
  const auto b = mri.add_subcommand("bias", "correct the bias field: OUT times FIELD is IMG");
  b.add_option("image", c->image, "T1, FLAIR or T2, as the scanner gives it").required();
  b.add_option("--mask", c->mask, "brain mask on the image's grid: the field is fitted inside it").required();
  b.add_option("--lesion", c->lesion, "lesion mask on the image's grid: the fit leaves it out, with 4 mm around it");
  b.add_option("--method", c->method, "pairs: tissue classes and pairs of places; n4: ITK's N4, to compare with other tools")
      .capture_default_str();
  b.add_option("-o,--output", c->output, "corrected volume to write (.nii, .nii.gz); the median inside the brain is kept")
      .required();
  b.add_option("--field", c->field, "field to write (.nii, .nii.gz): above 0, about 1");
  b.add_option("--record", c->record, "figures of the fit to write, as JSON");
  add_progress_options(b, c->progress);
  b.footer(
      "Example: vitrine mri bias t1c.nii.gz --mask brain.nii.gz --lesion lesion.nii.gz -o t1c-flat.nii.gz --field "
      "field.nii.gz");
  b.callback([=, &chosen] { chosen = [=] { run(*c); }; });
}

}  // namespace vitrine::cli

// `vitrine mri normalise`: intensities on one scale.
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
#include "imaging/steps/feather.h"
#include "imaging/steps/normalize.h"

namespace vitrine::cli {
namespace {

struct NormaliseCommand {
  std::string image, mask, lesion, output, record, method = "zscore";
  ProgressMode progress = ProgressMode::automatic;
};

void run(const NormaliseCommand& c) {
  std::vector<std::string> inputs{c.image, c.mask};
  if (!c.lesion.empty()) inputs.push_back(c.lesion);
  check_nifti_output("-o", c.output, inputs);
  check_record(c.record, inputs, {c.output});
  imaging::ReadVolume file = imaging::read_series(c.image);
  const std::string what = shown(c.image);
  imaging::Notes notes;
  const imaging::Mask brain = read_brain_mask(c.mask, file.volume.geometry, what, notes);
  imaging::Mask lesion;
  if (!c.lesion.empty()) lesion = any_lesion(read_lesion_mask(c.lesion, file.volume.geometry, what, notes));
  imaging::Normalized n = imaging::normalize(file.volume, brain, lesion, imaging::normalization_named(c.method), what);
  tell(notes, c.progress);
  Progress(c.progress)
      .line(text("normalise  ", c.method, ": mean ", shortest(static_cast<float>(n.mean)), ", deviation ",
                 shortest(static_cast<float>(n.deviation)), ", ", fixed(100 * n.clipped_share, 2), " % of the brain clipped"));
  imaging::Volume out = std::move(n.volume);
  if (!lesion.data.empty()) out = imaging::feathered(n.shown(std::move(file.volume)), imaging::feather_weight(brain, lesion));
  write_beside(c.output, std::move(out), file);
  if (!c.record.empty()) write_output(c.record, json_text(imaging::record(n)));
  std::printf("%s\n", shown(c.output).c_str());
}

}  // namespace

void add_mri_normalise(Command mri, Chosen& chosen) {
  const auto c = std::make_shared<NormaliseCommand>();
  const auto n = mri.add_subcommand("normalise", "bring the intensities of a brain to [0, 1]");
  n.add_option("image", c->image, "T1, FLAIR or T2, corrected for its bias field").required();
  n.add_option("--mask", c->mask, "brain mask on the image's grid: measured inside it, 0 outside").required();
  n.add_option("--lesion", c->lesion,
               "lesion mask on the image's grid: no part of normal-appearing white matter; what lies up to 8 mm around it "
               "shows outside the brain "
               "too, and fades over 4 mm more");
  n.add_option("--method", c->method,
               "zscore: (z + 3) / 9; minmax: quantiles 0.005 and 0.995; white-matter: a quarter is white matter")
      .capture_default_str();
  n.add_option("-o,--output", c->output, "volume to write (.nii, .nii.gz)").required();
  n.add_option("--record", c->record, "what was measured, as JSON");
  add_progress_options(n, c->progress);
  n.footer("Example: vitrine mri normalise t1c-flat.nii.gz --mask brain.nii.gz --lesion lesion.nii.gz -o t1c-01.nii.gz");
  n.callback([=, &chosen] { chosen = [=] { run(*c); }; });
}

}  // namespace vitrine::cli

// `vitrine mri brain`: the brain of one volume.
#include <cstdio>
#include <memory>
#include <optional>

#include "base/json.h"
#include "base/output.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/mri/volume_files.h"
#include "cli/progress_options.h"
#include "imaging/brain/brain.h"
#include "imaging/subject_checks.h"

namespace vitrine::cli {
namespace {

struct BrainCommand {
  std::string image, output, lesion, record, head, contrast = "auto";
  ProgressMode progress = ProgressMode::automatic;
};

void run(const BrainCommand& command) {
  std::vector<std::string> inputs{command.image};
  if (!command.lesion.empty()) inputs.push_back(command.lesion);
  if (!command.head.empty()) inputs.push_back(command.head);
  check_nifti_output("-o", command.output, inputs);
  check_record(command.record, inputs, {command.output});
  const imaging::ReadVolume file = imaging::read_series(command.image);
  std::optional<imaging::HeadTemplate> head;
  if (!command.head.empty()) head = imaging::head_template_file(command.head);
  imaging::Brain brain = imaging::extract_brain(
      file.volume, {.contrast = imaging::contrast_named(command.contrast), .head = head ? &*head : nullptr},
      shown(command.image));
  Json record = imaging::record(brain);
  if (!command.lesion.empty()) {
    const imaging::Mask lesion =
        any_lesion(read_lesion_mask(command.lesion, file.volume.geometry, shown(command.image), brain.notes));
    const double outside = imaging::lesion_outside(brain.mask, lesion);
    record["lesion_outside"] = outside;
    imaging::note_lesion_place(outside, false, imaging::volume_ml(lesion), brain.ml, brain.notes);
    brain.mask = imaging::with_lesion(std::move(brain.mask), lesion, imaging::kLesionMarginMm);
    record["ml_with_lesion"] = imaging::volume_ml(brain.mask);
  }
  tell(brain.notes, command.progress);
  write_mask_beside(command.output, std::move(brain.mask), file);
  if (!command.record.empty()) write_output(command.record, json_text(record));
  std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace

void add_mri_brain(Command mri, Chosen& chosen) {
  const auto brain = std::make_shared<BrainCommand>();
  const auto b = mri.add_subcommand("brain", "the brain of a volume with skull, as a mask on its own grid");
  b.add_option("image", brain->image, "T1 with or without contrast agent, FLAIR or T2").required();
  b.add_option("-o,--output", brain->output, "mask to write (.nii, .nii.gz): 1 in the brain, 0 outside").required();
  b.add_option("--contrast", brain->contrast, "t1, flair or t2, where the volume by itself does not tell: auto asks it")
      .capture_default_str();
  b.add_option("--lesion", brain->lesion,
               "mask of lesions on the image's grid: they and 2 mm around them count as brain. Bring it for holes and dark "
               "lesions at the surface");
  b.add_option("--record", brain->record,
               "JSON to write: volume, contrast, place, shape, symmetry, share of the lesions outside");
  b.add_option("--template", brain->head, "another head than the carried one, as imaging/brain/template/make.py writes it");
  add_progress_options(b, brain->progress, "nothing but warnings");
  b.footer("Example: vitrine mri brain t1c.nii.gz -o brain.nii.gz --record brain.json");
  b.callback([=, &chosen] { chosen = [=] { run(*brain); }; });
}

}  // namespace vitrine::cli

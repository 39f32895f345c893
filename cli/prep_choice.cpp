#include "cli/prep_choice.h"

#include "cli/command.h"

namespace vitrine::cli {

void add_prep_choice(Command command, const std::shared_ptr<PrepChoice>& choice) {
  command
      .add_option("--normalise", choice->normalise,
                  "intensities to [0, 1]: zscore, minmax (quantiles 0.005 and 0.995) or white-matter")
      .capture_default_str();
  command
      .add_option("--crop", choice->crop, "fit: a square around the lesion; fixed-fov: one side for all, so that size is seen")
      .capture_default_str();
  command.add_option("--fov", choice->fov, "side of fixed-fov, mm").capture_default_str();
  command.add_option("--slices", choice->slices, "axial slices of a lesion, at most: a number, or largest")
      .capture_default_str();
  command.add_option("--distance", choice->distance, "between the slices of a lesion, at least, mm").capture_default_str();
  command.add_option("--registration", choice->registration, "of FLAIR and T2 to T1c: vitrine, or spm (as SPM12)")
      .capture_default_str();
  command.add_flag("--no-pictures", choice->no_pictures, "none for quality control");
}

}  // namespace vitrine::cli

// `vitrine mri`: its commands in the order of the help.

#include "cli/command.h"
#include "cli/mri/commands.h"

namespace vitrine::cli {

void add_mri(Command app, Chosen& chosen) {
  const auto mri = app.add_subcommand("mri", "work on MRI volumes");
  mri.require_subcommand();
  add_mri_info(mri, chosen);
  add_mri_convert(mri, chosen);
  add_mri_prep(mri, chosen);
  add_mri_coregister(mri, chosen);
  add_mri_qc(mri, chosen);
  add_mri_brain(mri, chosen);
  add_mri_bias(mri, chosen);
  add_mri_normalise(mri, chosen);
  add_mri_crop(mri, chosen);
}

}  // namespace vitrine::cli

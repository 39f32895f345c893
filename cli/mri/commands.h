// The commands under `vitrine mri`: each puts itself, with its options and its help, on the command line. Its code and its options stand in one
// file. They need ITK; in a build without it `mri` says so (cli/imaging_absent.cpp).
#pragma once

#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {

// In the order of the help.
void add_mri_info(Command mri, Chosen& chosen);
void add_mri_convert(Command mri, Chosen& chosen);
void add_mri_prep(Command mri, Chosen& chosen);
void add_mri_coregister(Command mri, Chosen& chosen);
void add_mri_qc(Command mri, Chosen& chosen);
void add_mri_brain(Command mri, Chosen& chosen);
void add_mri_bias(Command mri, Chosen& chosen);
void add_mri_normalise(Command mri, Chosen& chosen);
void add_mri_crop(Command mri, Chosen& chosen);

}  // namespace vitrine::cli

// The commands under `vitrine mri`: each puts itself, with its options and its help, on the command line. Its code and its options stand in one
// file. They need ITK; in a build without it `mri` says so (cli/imaging_absent.cpp).
#pragma once

#include "cli/commands.h"

namespace vitrine::cli {

// In the order of the help.
void add_mri_info(CLI::App& mri, Chosen& chosen);
void add_mri_convert(CLI::App& mri, Chosen& chosen);
void add_mri_prep(CLI::App& mri, Chosen& chosen);

}  // namespace vitrine::cli

// `vitrine mri`: its commands in the order of the help.
#include <CLI/CLI.hpp>

#include "cli/mri/commands.h"

namespace vitrine::cli {

void add_mri(CLI::App& app, Chosen& chosen) {
  auto* mri = app.add_subcommand("mri", "work on MRI volumes");
  mri->require_subcommand(1);
  add_mri_info(*mri, chosen);
  add_mri_convert(*mri, chosen);
  add_mri_prep(*mri, chosen);
}

}  // namespace vitrine::cli

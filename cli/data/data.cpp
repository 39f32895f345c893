// `vitrine data`: its commands in the order of the help.
#include <CLI/CLI.hpp>

#include "cli/data/commands.h"

namespace vitrine::cli {

void add_data(CLI::App& app, Chosen& chosen) {
  auto* data = app.add_subcommand("data", "make and check the table of a cohort");
  data->require_subcommand(1);
  add_data_scan(*data, chosen);
  add_data_check(*data, chosen);
}

}  // namespace vitrine::cli

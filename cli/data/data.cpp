// `vitrine data`: its commands in the order of the help.

#include "cli/command.h"
#include "cli/data/commands.h"

namespace vitrine::cli {

void add_data(Command app, Chosen& chosen) {
  const auto data = app.add_subcommand("data", "make and check the table of a cohort");
  data.require_subcommand();
  add_data_scan(data, chosen);
  add_data_check(data, chosen);
}

}  // namespace vitrine::cli

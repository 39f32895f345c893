// The commands under `vitrine data`: each puts itself, with its options and its help, on the command line. Its code and its options stand in
// one file. They need imaging/; in a build without ITK `data` says so (cli/imaging_absent.cpp).
#pragma once

#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {

// In the order of the help.
void add_data_scan(Command data, Chosen& chosen);
void add_data_check(Command data, Chosen& chosen);

}  // namespace vitrine::cli

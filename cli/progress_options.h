// --progress and -q: how a command shows what it is doing (base/progress.h).
#pragma once

#include <string>

#include "base/progress.h"
#include "cli/command.h"

namespace vitrine::cli {

// Keeps `mode`, which lives as long as `app`. `quiet` is the help of -q.
void add_progress_options(Command app, ProgressMode& mode, const std::string& quiet = "no progress lines: --progress none");

}  // namespace vitrine::cli

// The options that the commands which read one checkpoint share: predict, weights and export.
#pragma once

#include <string>

#include "cli/command.h"
#include "nn/efficientnet/semantics.h"

namespace vitrine::cli {

void add_checkpoint_options(Command app, std::string& arch, std::string& from, SemanticsOverrides& overrides);
void add_ema(Command app, bool& ema, const char* of = "the checkpoint");

}  // namespace vitrine::cli

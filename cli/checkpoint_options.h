// The options that the commands which read one checkpoint share: predict, weights and export.
#pragma once

#include <string>

#include "nn/efficientnet/semantics.h"

namespace CLI {
class App;
}

namespace vitrine::cli {

void add_checkpoint_options(CLI::App* app, std::string& arch, std::string& from, SemanticsOverrides& overrides);
void add_ema(CLI::App* app, bool& ema, const char* of = "the checkpoint");

}  // namespace vitrine::cli

#include "cli/progress_options.h"

#include <CLI/CLI.hpp>

namespace vitrine::cli {

void add_progress_options(CLI::App* app, ProgressMode& mode, const std::string& quiet) {
  CLI::Option* option = app->add_option_function<std::string>(
      "--progress", [&mode](const std::string& name) { mode = progress_mode_from_name(name); },
      "on standard error: auto (bar on a terminal, else plain), bar, plain, json (an object a line), none");
  option->type_name("MODE")->default_str("auto");
  app->add_flag_callback(
         "-q,--quiet", [&mode] { mode = ProgressMode::none; }, quiet)
      ->excludes(option);
}

}  // namespace vitrine::cli

#include "cli/progress_options.h"

#include "cli/command.h"

namespace vitrine::cli {

void add_progress_options(Command app, ProgressMode& mode, const std::string& quiet) {
  const Option option = app.add_option_function(
      "--progress", [&mode](const std::string& name) { mode = progress_mode_from_name(name); },
      "on standard error: auto (bar on a terminal, else plain), bar, plain, json (an object a line), none");
  option.type_name("MODE").default_str("auto");
  app.add_flag_callback(
         "-q,--quiet", [&mode] { mode = ProgressMode::none; }, quiet)
      .excludes(option);
}

}  // namespace vitrine::cli

// `vitrine report`: one HTML file from a study's or a run's folder.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/output.h"
#include "cli/commands.h"

namespace vitrine::cli {
namespace {

struct ReportCommand {
  std::string run, output;
};

void run_report(const ReportCommand& command) {
  check_output(command.output, files_of_report(command.run));
  write_output(command.output, report_of(command.run));
  if (!is_standard_output(command.output)) std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace

void add_report(CLI::App& app, Chosen& chosen) {
  const auto report = std::make_shared<ReportCommand>();
  auto* r = app.add_subcommand("report", "one HTML file from a study's or a run's folder");
  r->add_option("run", report->run, "folder of `vitrine study` or `vitrine cv`")->required();
  r->add_option("-o,--output", report->output, "HTML to write")->required();
  r->footer("Example: vitrine report out -o report.html");
  r->callback([=, &chosen] { chosen = [=] { run_report(*report); }; });
}

}  // namespace vitrine::cli

// `vitrine report`: one HTML file from a study's or a run's folder, and its numbers as tables.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/report_data.h"
#include "report/html.h"
#include "report/tables.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct ReportCommand {
  std::string run, output, tables;
};

void run_report(const ReportCommand& command) {
  if (command.output.empty() && command.tables.empty())
    throw UsageError("there is nothing to write; pass -o REPORT.html, --csv FOLDER or both");
  const std::vector<std::string> files = files_of_report(command.run);
  if (!command.output.empty()) check_output(command.output, files);
  if (!command.tables.empty()) check_output_folder(command.tables, files, report::table_names());
  const ReportData data = report_data(command.run);
  if (!command.tables.empty()) {
    make_directory(command.tables);
    for (const auto& [name, bytes] : tables_of_report(data)) write_file(fs::path(command.tables) / name, bytes);
  }
  if (!command.output.empty()) write_output(command.output, report::html_report(data.study));
  for (const std::string& name : {command.output, command.tables}) {
    if (!name.empty() && !is_standard_output(command.output)) std::printf("%s\n", shown(name).c_str());
  }
}

}  // namespace

void add_report(Command app, Chosen& chosen) {
  const auto report = std::make_shared<ReportCommand>();
  const auto r = app.add_subcommand("report", "one HTML file from a study's or a run's folder");
  r.add_option("run", report->run, "folder of `vitrine study` or `vitrine cv`").required();
  r.add_option("-o,--output", report->output, "HTML to write");
  r.add_option("--csv", report->tables, "folder for the numbers of every table and figure");
  r.footer("Example: vitrine report out -o report.html --csv tables");
  r.callback([=, &chosen] { chosen = [=] { run_report(*report); }; });
}

}  // namespace vitrine::cli

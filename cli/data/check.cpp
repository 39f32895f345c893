// `vitrine data check`: everything that can be said against a cohort before it is prepared.
#include <memory>

#include "base/csv.h"
#include "base/error.h"
#include "base/output.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/data/commands.h"
#include "cli/progress_options.h"
#include "imaging/cohort.h"
#include "imaging/scan/check_cohort.h"

namespace vitrine::cli {
namespace {

struct CheckCommand {
  std::string cohort, output;
  ProgressMode progress = ProgressMode::automatic;
};

std::string lines_of(const imaging::CohortCheck& check, const std::string& csv) {
  std::string out;
  for (const imaging::Finding& f : check.findings) {
    out += shown(csv) + (f.line > 0 ? text(":", f.line) : std::string()) + ": " + imaging::name_of(f.severity) + ": ";
    if (!f.subject.empty()) out += printable(f.subject) + ": ";
    if (!f.column.empty()) out += printable(f.column) + ": ";
    out += f.what + "\n";
  }
  return out + check.summary + "\n";
}

std::string table_of(const imaging::CohortCheck& check) {
  std::string out = csv_line({"line", "subject_id", "column", "severity", "finding"});
  for (const imaging::Finding& f : check.findings)
    out += csv_line({text(f.line), f.subject, f.column, imaging::name_of(f.severity), f.what});
  return out;
}

void run(const CheckCommand& command) {
  if (!command.output.empty()) {
    std::vector<std::string> inputs{command.cohort};
    std::vector<imaging::CohortFlaw> flaws;
    for (const imaging::Subject& s : imaging::survey_cohort(command.cohort, flaws).subjects) {
      for (const auto& [column, file] : s.files()) inputs.push_back(file.string());
    }
    check_output(command.output, inputs);
  }
  Progress progress(command.progress);
  const imaging::CohortCheck check = imaging::check_cohort(command.cohort, progress);
  if (!command.output.empty()) write_output(command.output, table_of(check));
  if (!is_standard_output(command.output)) write_output("-", lines_of(check, command.cohort));
  if (check.errors > 0)
    throw DataError(text(std::filesystem::path(command.cohort), ": ", check.errors, check.errors == 1 ? " error" : " errors",
                         ", listed above; mend them before preparation"));
}

}  // namespace

void add_data_check(Command data, Chosen& chosen) {
  const auto check = std::make_shared<CheckCommand>();
  const auto c = data.add_subcommand(
      "check", "list what is wrong with a cohort before it is prepared: table, files, masks, patients; changes nothing");
  c.add_option("cohort", check->cohort, "CSV: subject_id, label, t1c, mask [, flair, t2, brain_mask ...]").required();
  c.add_option("-o,--output", check->output, "CSV of the findings to write: line, subject_id, column, severity, finding");
  add_progress_options(c, check->progress);
  c.footer("Exit code 3 when there is an error.\nExample: vitrine data check cohort/cohort.csv");
  c.callback([=, &chosen] { chosen = [=] { run(*check); }; });
}

}  // namespace vitrine::cli

// `vitrine audit report` and `vitrine audit certificate`: the pages of an audited run.
#include <cstdio>
#include <memory>

#include "audit/page/page.h"
#include "audit/place.h"
#include "audit/recheck.h"
#include "audit/report_data.h"
#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/device_options.h"
#include "data/manifest.h"
#include "train/run_source.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct PageCommand {
  std::string run, output, tables;
  std::int64_t remake = 0;
  DeviceChoice device;
};

// The run's folder by its own name, wherever it lies.
std::string name_of(const std::string& run) {
  fs::path path = fs::absolute(run).lexically_normal();
  if (path.filename().empty()) path = path.parent_path();
  return printable(path.filename().string(), 80);
}

// What the run was made from.
void add_sources(const fs::path& run, std::vector<std::string>& files) {
  try {
    const RunSource source = read_source(run);
    files.push_back(source.manifest.string());
    files.push_back(source.splits.string());
    for (const Sample& sample : read_manifest(source.manifest).samples)
      files.push_back((source.manifest.parent_path() / sample.file).string());
  } catch (const DataError&) {  // moved away: nothing of it can be replaced
  }
}

// Every file of the runs that these audits are of, and of what they were made from: a page must replace none of them.
std::vector<std::string> files_of_runs(const std::vector<fs::path>& folders) {
  std::vector<std::string> files;
  for (const fs::path& folder : folders) {
    const fs::path whole = fs::absolute(folder).lexically_normal();
    const bool in_run = whole.parent_path().filename() == "audit";
    if (in_run) add_sources(whole.parent_path().parent_path(), files);
    for (const fs::path& file : entries_of(in_run ? whole.parent_path().parent_path() : whole, true)) {
      if (file.extension() != ".html") files.push_back(file.string());  // an earlier page may be replaced
    }
  }
  return files;
}

// A file that is added to an audit's folder would break its manifest.
void refuse_in_audit(const std::string& output, const std::vector<fs::path>& folders) {
  if (output.empty() || is_standard_output(output)) return;
  const fs::path place = fs::weakly_canonical(fs::absolute(output)).parent_path();
  for (const fs::path& folder : folders) {
    const fs::path own = fs::weakly_canonical(fs::absolute(folder));
    if (own.parent_path().filename() == "audit" &&
        fs::weakly_canonical(fs::absolute(output)).parent_path() == own.parent_path().parent_path() &&
        fs::path(output).filename().string().starts_with("fold_"))
      throw UsageError(text(fs::path(output), " is a fold of the run; choose another place"));
    if (place == own || fs::weakly_canonical(fs::absolute(output)) == own)
      throw UsageError(text(fs::path(output),
                            " lies in an audit's folder, whose manifest names all that may be there; choose another place"));
  }
}

// A step that cannot be made again is a result, too: the page tells it.
void remake(const fs::path& folder, std::int64_t count, Device device, audit::FoldReport& report) {
  if (count == 0 || !report.holds()) return;
  for (const std::int64_t step : audit::spread_steps(report.verified.steps, count)) {
    audit::Remade& made = report.remade.emplace_back();
    made.step = step;
    try {
      audit::ReExecution run(folder, device);
      report.remade_on = text_of(run.options().train.device);
      made.records = audit::recheck(run, folder, step, step).records;
      made.same = true;
    } catch (const Interrupted&) {
      throw;
    } catch (const Error& error) {
      made.said = error.what();
      made.code = error.code();
    }
  }
}

audit::AuditPage page_of(const PageCommand& c, const std::vector<fs::path>& folders) {
  audit::AuditPage page;
  page.run = name_of(c.run);
  const bool several = folders.front().parent_path() != folders.back().parent_path();  // runs, of a study
  for (const fs::path& folder : folders) {
    page.folds.push_back(audit::fold_report(folder));
    if (several) {
      audit::FoldReport& fold = page.folds.back();
      const std::string run = printable(folder.parent_path().parent_path().filename().string(), 80);
      fold.name = text(run, "/", fold.name);
      fold.run = text("RUN/runs/", run);
    }
    if (c.remake > 0) remake(folder, c.remake, c.device.choose(), page.folds.back());
  }
  try {
    audit::check_folds(folders);
  } catch (const DataError& error) {
    page.folds.back().broken.emplace_back(error.what());
  }
  return page;
}

// The page is written whatever it says; the exit code says it, too.
void tell(const audit::AuditPage& page, const std::string& output) {
  const std::string there =
      output.empty() || is_standard_output(output) ? std::string() : text("; ", fs::path(output), " shows what held");
  for (const audit::FoldReport& fold : page.folds) {
    if (!fold.holds()) throw DataError(fold.broken.front() + there);
  }
  for (const audit::FoldReport& fold : page.folds) {
    if (!fold.within())
      throw Error(ExitCode::runtime,
                  text(fold.name, ": ", fold.verified.above, " records lie above the bound of their op", there));
    for (const audit::Remade& made : fold.remade) {
      if (!made.same) throw Error(made.code, text(made.said, there));
    }
  }
}

void run_report(const PageCommand& c) {
  if (c.output.empty() && c.tables.empty())
    throw UsageError("there is nothing to write; pass -o AUDIT.html, --csv FOLDER or both");
  if (c.remake < 0 || c.remake > 1'000'000) throw UsageError(text("--remake is ", c.remake, ", expected 0 to 1000000"));
  const std::vector<fs::path> folders = audit::audits_of(c.run);
  const std::vector<std::string> files = files_of_runs(folders);
  refuse_in_audit(c.output, folders);
  refuse_in_audit(c.tables, folders);
  if (!c.output.empty()) check_output(c.output, files);
  if (!c.tables.empty()) check_output_folder(c.tables, files, audit::audit_table_names());
  const audit::AuditPage page = page_of(c, folders);
  if (!c.tables.empty()) {
    make_directory(c.tables);
    for (const auto& [name, bytes] : audit::audit_tables(page)) write_file(fs::path(c.tables) / name, bytes);
  }
  if (!c.output.empty()) write_output(c.output, audit::audit_html(page));
  for (const std::string& name : {c.output, c.tables}) {
    if (!name.empty() && !is_standard_output(c.output)) std::printf("%s\n", shown(name).c_str());
  }
  tell(page, c.output);
}

void run_certificate(const PageCommand& c) {
  const std::vector<fs::path> folders = audit::audits_of(c.run);
  refuse_in_audit(c.output, folders);
  check_output(c.output, files_of_runs(folders));
  const audit::AuditPage page = page_of(c, folders);
  write_output(c.output, audit::certificate_html(page));
  if (!is_standard_output(c.output)) std::printf("%s\n", shown(c.output).c_str());
  tell(page, c.output);
}

constexpr const char* kExitCodes =
    "Exit code 0: the run holds; 1: an op lies above its bound, or a step made again is another; 3: the folder was changed. "
    "The page is written in "
    "each case.\n";

}  // namespace

void add_audit_report(Command audit, Chosen& chosen) {
  const auto report = std::make_shared<PageCommand>();
  const auto r = audit.add_subcommand(
      "report", "one HTML page of an audited run: verdict, hashes, rho of every op, ranges, gradients, samples");
  r.add_option("run", report->run, "folder of a run that was trained with --audit, or of one fold's audit in it").required();
  r.add_option("-o,--output", report->output, "HTML to write");
  r.add_option("--csv", report->tables, "folder for the numbers behind every figure");
  r.add_option("--remake", report->remake,
               "make so many steps of each fold again, spread over the run, and say whether they are the same")
      .capture_default_str();
  add_device_options(r, report->device);
  r.footer(std::string(kExitCodes) + "Example: vitrine audit report runs/all -o audit.html --csv numbers --remake 3");
  r.callback([=, &chosen] { chosen = [=] { run_report(*report); }; });

  const auto certificate = std::make_shared<PageCommand>();
  const auto c = audit.add_subcommand("certificate",
                                      "one printable page: verdict, hashes, and the commands that check each of them again");
  c.add_option("run", certificate->run, "folder of a run that was trained with --audit, or of one fold's audit in it")
      .required();
  c.add_option("-o,--output", certificate->output, "HTML to write").required();
  c.footer(std::string(kExitCodes) + "Example: vitrine audit certificate runs/all -o certificate.html");
  c.callback([=, &chosen] { chosen = [=] { run_certificate(*certificate); }; });
}

}  // namespace vitrine::cli

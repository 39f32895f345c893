// `vitrine data scan`: cohort.csv from a folder of an archive.
#include <memory>

#include "base/error.h"
#include "base/output.h"
#include "base/progress.h"
#include "base/standard_streams.h"
#include "cli/command.h"
#include "cli/data/commands.h"
#include "cli/progress_options.h"
#include "imaging/scan/scan_cohort.h"
#include "imaging/scan/scan_dicom.h"

namespace vitrine::cli {
namespace {

struct ScanCommand {
  std::string folder, output, labels, map, series;
  imaging::CohortScanOptions options;
  ProgressMode progress = ProgressMode::automatic;
};

void run(ScanCommand command) {
  check_output(command.output, {command.labels});
  if (is_standard_output(command.output))
    throw UsageError("data scan writes a table whose paths are relative to it; give -o a file");
  if (command.labels.empty() != command.options.id_column.empty() ||
      command.labels.empty() != command.options.label_column.empty())
    throw UsageError("--labels, --id and --label belong together: a CSV, its column of patients, its column of labels");
  command.options.labels = command.labels;
  command.options.map = imaging::parse_label_map(command.map);
  command.options.series = imaging::parse_series_words(command.series);
  Progress progress(command.progress);
  const std::string& layout = command.options.layout;
  const bool is_dicom = layout == "dicom" || (layout == "auto" && imaging::is_dicom_tree(command.folder));
  const imaging::CohortScan scan = is_dicom ? imaging::scan_dicom(command.folder, command.output, command.options, progress)
                                            : imaging::scan_cohort(command.folder, command.output, command.options);
  write_output(command.output, scan.csv);
  if (command.progress == ProgressMode::none) return;
  std::string out = shown(command.output) + ": " + scan.summary + "\n";
  for (const std::string& line : scan.left_out) out += "left out  " + line + "\n";
  for (const std::string& line : scan.to_fill_in) out += "to do     " + line + "\n";
  write_standard_output(out);
}

}  // namespace

void add_data_scan(Command data, Chosen& chosen) {
  const auto scan = std::make_shared<ScanCommand>();
  const auto s = data.add_subcommand("scan",
                                     "make cohort.csv from a folder: DICOM, BIDS and the layouts of public archives; what is "
                                     "ambiguous is listed and left out");
  s.add_option("folder", scan->folder, "folder to look through").required();
  s.add_option("-o,--output", scan->output, "cohort.csv to write; its paths are relative to it").required();
  s.add_option("--layout", scan->options.layout, "auto, bids, brats, ucsf, brainmetshare, yale, lung-path, dicom")
      .capture_default_str();
  s.add_option(
      "--session", scan->options.session,
      "of patients with several: first, last (by name), or a session's name; of DICOM the beginning of the study's UID");
  s.add_option("--series", scan->series, "of DICOM, where several series fit: words of the description, t1c=MPRAGE,t2=TSE");
  s.add_option("--labels", scan->labels, "CSV with the labels (save a sheet of a workbook as CSV)");
  s.add_option("--id", scan->options.id_column, "its column of patients");
  s.add_option("--label", scan->options.label_column, "its column of labels");
  s.add_option("--map", scan->map, "VALUE=LABEL,...; patients with other values are left out");
  add_progress_options(s, scan->progress, "no summary");
  s.footer(
      "Example: vitrine data scan BraTS-METS -o cohort.csv --labels clinical.csv --id BraTS_MET_ID --label Primary --map "
      "\"SCLC=SCLC,Adenocarcinoma=NSCLC\"");
  s.callback([=, &chosen] { chosen = [=] { run(*scan); }; });
}

}  // namespace vitrine::cli

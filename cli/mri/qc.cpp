// `vitrine mri qc`: a page to look at, made of the folder of a preparation.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/progress_options.h"
#include "imaging/qc_folder.h"

namespace vitrine::cli {
namespace {

struct QcCommand {
  std::string prep, output;
  std::string pictures = "embed";
  int embed_mb = 48;
  ProgressMode progress = ProgressMode::automatic;
};

void run(const QcCommand& command) {
  namespace fs = std::filesystem;
  const bool to_stdout = is_standard_output(command.output);
  if (to_stdout && command.pictures == "files")
    throw UsageError("--pictures files links to files beside the page, expected -o with a file, found standard output");
  const fs::path prep = command.prep;
  check_output(command.output, imaging::qc_inputs(prep));
  Progress progress(command.progress);
  const imaging::QcFolder folder = imaging::read_qc_folder(prep);
  progress.line(text("qc  ", folder.subjects.size(), " subjects"));
  imaging::QcPageOptions options;
  options.page_folder = to_stdout ? fs::path() : fs::absolute(command.output).parent_path();
  options.embed = command.pictures == "embed";
  options.most_embedded = static_cast<std::size_t>(command.embed_mb) << 20;
  write_output(command.output, report::qc_html(imaging::qc_page_of(folder, prep, options)));
  if (!to_stdout) std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace

void add_mri_qc(Command mri, Chosen& chosen) {
  const auto qc = std::make_shared<QcCommand>();
  const auto q = mri.add_subcommand(
      "qc", "a page for quality control: registration, brain, bias field, crops and figures, the worst first");
  q.add_option("prep", qc->prep, "folder of vitrine mri prep").required();
  q.add_option("-o,--output", qc->output, "HTML file to write").required();
  q.add_option("--pictures", qc->pictures, "embed: in the page; files: as links to the PNG files of the folder")
      .one_of({"embed", "files"})
      .capture_default_str();
  q.add_option("--embed-mb", qc->embed_mb, "MB of the page that pictures may take; what is beyond is linked")
      .range(0, 1024)
      .capture_default_str();
  add_progress_options(q, qc->progress);
  q.footer("Example: vitrine mri qc prep -o qc.html");
  q.callback([=, &chosen] { chosen = [=] { run(*qc); }; });
}

}  // namespace vitrine::cli

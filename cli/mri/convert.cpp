// `vitrine mri convert`: a volume or a DICOM series as one file.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/mri/reading.h"
#include "cli/mri/volume_files.h"
#include "cli/mri/volume_record.h"
#include "imaging/formats/dicom.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::cli {
namespace {

struct ConvertCommand {
  std::string path, output, record;
  imaging::ReadOptions reading;
  bool pseudonymise = false, quiet = false;
};

// Every file that is read: an output never replaces one of them.
std::vector<std::string> inputs_of(const ConvertCommand& command) {
  std::vector<std::string> inputs{command.path};
  if (!is_folder(command.path)) {
    for (const char* extension : {".hdr", ".img", ".hdr.gz", ".img.gz", ".raw", ".zraw", ".raw.gz"}) {
      std::filesystem::path beside = command.path;
      inputs.push_back(beside.replace_extension(extension).string());
    }
    return inputs;
  }
  for (const std::filesystem::path& one : entries_of(command.path, true)) inputs.push_back(one.string());
  return inputs;
}

// What was read, with the DICOM series that it came of.
Json record_of(const ConvertCommand& command, const imaging::ReadVolume& file) {
  Json out = record(file);
  if (!is_folder(command.path) && !imaging::is_dicom_file(command.path)) return out;
  const imaging::DicomFolder folder = imaging::read_dicom_folder(command.path);
  const bool single = !is_folder(command.path) && folder.series.size() == 1;
  const imaging::DicomSeries& series =
      single ? folder.series.front() : imaging::chosen_series(folder.series, command.reading.series, command.path);
  out["series"] = record(series, command.pseudonymise);
  return out;
}

void run(const ConvertCommand& command) {
  const std::vector<std::string> inputs = inputs_of(command);
  check_output(command.output, inputs);
  check_record(command.record, inputs, {command.output});
  imaging::ReadVolume file = imaging::read_series(command.path, command.reading);
  if (!command.quiet) {
    for (const imaging::Note& n : file.notes)
      std::fprintf(stderr, "%s%s\n", n.warning ? "warning: " : "note: ", n.text.c_str());
  }
  const std::string record = command.record.empty() ? std::string() : json_text(record_of(command, file));
  const imaging::Volume stored = imaging::in_stored_order(std::move(file.volume), file.order, file.stored);
  imaging::write_volume(command.output, stored);
  if (!command.record.empty()) write_output(command.record, record);
  if (!command.quiet) std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace

void add_mri_convert(Command mri, Chosen& chosen) {
  const auto convert = std::make_shared<ConvertCommand>();
  const auto p = mri.add_subcommand("convert", "a DICOM series or a volume of another format as one file");
  p.add_option("path", convert->path, "folder of DICOM files, or a NIfTI, NRRD, MetaImage or DICOM file").required();
  p.add_option("-o,--output", convert->output, "file to write: .nii.gz, .nii, .nrrd or .mha").required();
  add_reading_options(p, convert->reading);
  p.add_option("--record", convert->record, "JSON file of what was read, and from which field");
  p.add_flag("--pseudonymise", convert->pseudonymise, "hashes instead of UIDs in the record, and no free text of the scanner");
  p.add_flag("-q,--quiet", convert->quiet, "no notes");
  p.footer("Example: vitrine mri convert exports/patient_07 --series 3 -o t1c.nii.gz");
  p.callback([=, &chosen] { chosen = [=] { run(*convert); }; });
}

}  // namespace vitrine::cli

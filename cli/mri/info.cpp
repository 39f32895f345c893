// `vitrine mri info`: what was understood of a volume or a DICOM folder, and from which field.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/mri/reading.h"
#include "cli/mri/volume_record.h"
#include "imaging/formats/dicom.h"
#include "imaging/formats/dicom_folder.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::cli {
namespace {

using imaging::DicomSeries;

struct InfoCommand {
  std::string path;
  imaging::ReadOptions reading;
  bool json = false, pseudonymise = false;
};

std::string mm(double value) { return value > 0 ? fixed(value, 3) : std::string("?"); }

std::string series_line(const DicomSeries& s, bool pseudonymise) {
  std::string line =
      text(s.number,
           s.number < 10    ? "   "
           : s.number < 100 ? "  "
                            : " ",
           s.modality.empty() ? "?" : printable(s.modality), ", ", s.plane.empty() ? "no plane" : s.plane, ", ", s.columns,
           " x ", s.rows, " x ", s.slices, ", ", mm(s.spacing[0]), " x ", mm(s.spacing[1]), " x ", mm(s.spacing[2]), " mm");
  if (!s.part.empty()) line += ", " + s.part;
  if (s.repetition_ms > 0) line += text(", TR ", s.repetition_ms);
  if (s.echo_ms > 0) line += text(", TE ", s.echo_ms);
  if (s.inversion_ms > 0) line += text(", TI ", s.inversion_ms);
  if (s.flip_degrees > 0) line += text(", flip ", s.flip_degrees);
  if (s.contrast_given) line += ", contrast agent";
  if (!pseudonymise && !s.description.empty()) line += text(", '", printable(s.description), "'");
  line += text("\n    UID ", pseudonymise ? imaging::uid_key(s.series_uid) : printable(s.series_uid, 64), ", patient ",
               s.patient_key.empty() ? "not named" : s.patient_key, ", ",
               s.transfer_syntax.empty() ? "unknown compression" : s.transfer_syntax);
  if (!s.skipped.empty()) line += text("\n    skipped: ", s.skipped);
  return line + "\n";
}

std::string folder_text(const imaging::DicomFolder& folder, const InfoCommand& command) {
  std::string out =
      text(shown(command.path), ": DICOM, ", folder.series.size(), folder.series.size() == 1 ? " series\n" : " series\n");
  for (const DicomSeries& s : folder.series) out += series_line(s, command.pseudonymise);
  for (const imaging::Note& n : folder.notes) out += text(n.warning ? "warning: " : "note: ", n.text, "\n");
  return out;
}

std::string row(const char* name, const std::string& value, const std::string& field) {
  std::string line = text(name, std::string(14 - std::min<std::size_t>(13, std::string_view(name).size()), ' '), value);
  if (!field.empty()) line += text("   [", field, "]");
  return line + "\n";
}

std::string vector_text(const imaging::Vec3& v, int digits) {
  return text(fixed(v[0], digits), " ", fixed(v[1], digits), " ", fixed(v[2], digits));
}

std::string volume_text(const std::string& path, const imaging::ReadVolume& file) {
  const imaging::Geometry& g = file.stored;
  const imaging::HeaderFacts& f = file.facts;
  const auto [low, high] = std::minmax_element(file.volume.data.begin(), file.volume.data.end());
  std::string out = shown(path) + "\n";
  out += row("format", f.format, "");
  out += row("size", text(g.size[0], " x ", g.size[1], " x ", g.size[2]), f.size_field);
  out += row("spacing", vector_text(g.spacing, 4) + " mm", f.spacing_field);
  out += row("orientation",
             text(file.order.code, " (where i, j, k grow to), ", fixed(file.order.most_degrees_off(), 2), " degrees oblique"),
             f.place);
  out += row("origin", vector_text(g.origin, 3) + " mm (LPS: to the left, back, top)", f.place);
  constexpr const char* kAxes[] = {"direction i", "direction j", "direction k"};
  for (std::size_t c = 0; c < 3; ++c)
    out += row(kAxes[c], vector_text({g.direction[c], g.direction[3 + c], g.direction[6 + c]}, 6), "");
  out += row("units", f.units, f.units_field);
  out += row("type", f.type, f.type_field);
  out += row("scaling", f.scaling, f.scaling_field);
  out += row("values", text(shortest(*low), " to ", shortest(*high)), "");
  for (const imaging::Note& n : file.notes) out += text(n.warning ? "warning: " : "note: ", n.text, "\n");
  return out;
}

// A folder without --series, or one that is not to be read, is listed; everything else is read.
void run(const InfoCommand& command) {
  const bool is_list = is_folder(command.path) && command.reading.series.empty();
  std::string out;
  if (is_list) {
    const imaging::DicomFolder folder = imaging::read_dicom_folder(command.path);
    if (folder.series.empty())
      throw DataError(text(shown(command.path), " holds no DICOM image; give the folder of the images, or a file"));
    out = command.json ? json_text(record(folder, command.pseudonymise)) : folder_text(folder, command);
  } else {
    const imaging::ReadVolume file = imaging::read_series(command.path, command.reading);
    out = command.json ? json_text(record(file)) : volume_text(command.path, file);
  }
  write_output("-", out);
}

}  // namespace

void add_mri_info(Command mri, Chosen& chosen) {
  const auto info = std::make_shared<InfoCommand>();
  const auto p = mri.add_subcommand("info", "what is understood of a volume or a DICOM folder, and from which field");
  p.add_option("path", info->path, "NIfTI, NRRD, MetaImage or DICOM file, or a folder of DICOM files").required();
  add_reading_options(p, info->reading);
  p.add_flag("--json", info->json, "as JSON");
  p.add_flag("--pseudonymise", info->pseudonymise, "hashes instead of UIDs, and no free text of the scanner");
  p.footer("Example: vitrine mri info exports/patient_07");
  p.callback([=, &chosen] { chosen = [=] { run(*info); }; });
}

}  // namespace vitrine::cli

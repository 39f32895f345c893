#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/formats/dicom_folder.h"
#include "imaging/formats/dicom_tags.h"
#include "imaging/formats/text_header.h"

namespace vitrine::imaging {
namespace {

using namespace dicom;
namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 200'000;
constexpr int kDeepestFolder = 12;
constexpr double kObliqueDegrees = 5;
constexpr double kSamePlace = 1e-3;  // mm along the normal

// Files of a folder and those below, by name. Links to folders are not followed.
void gather_files(const fs::path& folder, int depth, std::vector<fs::path>& files, std::size_t& links) {
  if (depth > kDeepestFolder)
    throw DataError(text(folder, " lies more than ", kDeepestFolder, " folders deep; give a folder nearer to the images"));
  for (const fs::path& entry : entries_of(folder)) {
    std::error_code none;
    const fs::file_status status = fs::symlink_status(entry, none);
    if (fs::is_directory(status)) {
      gather_files(entry, depth + 1, files, links);
    } else if (fs::is_symlink(status) && fs::is_directory(entry, none)) {
      ++links;
    } else if (fs::is_regular_file(entry, none)) {
      files.push_back(entry);
    }
    if (files.size() > kMostEntries)
      throw DataError(text(folder, " and the folders beside it hold more than ", kMostEntries,
                           " files; give a folder nearer to the images"));
  }
}

std::string count_text(std::size_t n, const char* one, const char* several) {
  return n == 1 ? text("1 ", one) : text(n, " ", several);
}

std::string upper_case(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& v : values) out += (out.empty() ? "" : "\\") + v;
  return out;
}

// What one series' files say in common, as the first of them says it.
DicomSeries described(const DicomFile& file) {
  const DicomDataSet& d = file.header.data;
  DicomSeries s;
  s.patient_key = file.header.patient;  // becomes a key when the list is made
  s.study_uid = d.text(kStudyUid);
  s.series_uid = d.text(kSeriesUid);
  s.description = d.text(kSeriesDescription);
  s.protocol = d.text(kProtocolName);
  s.modality = d.text(kModality);
  s.image_type = joined(d.texts(kImageType));
  s.transfer_syntax = transfer_syntax_name(file.header.transfer_syntax);
  s.manufacturer = d.text(kManufacturer);
  s.model = d.text(kModelName);
  s.sequence_name = d.has(kSequenceName) ? d.text(kSequenceName) : d.text(kPulseSequenceName);
  s.field_tesla = d.number(kFieldStrength).value_or(0);
  const DicomDataSet* const shared = d.item(kSharedGroups);
  const auto in_group = [&](std::uint32_t group, std::uint32_t tag) {
    std::optional<double> value = d.number(tag);
    const auto frames = d.sequences.find(kPerFrameGroups);
    for (const DicomDataSet* from :
         {shared, frames == d.sequences.end() || frames->second.empty() ? nullptr : &frames->second.front()}) {
      if (value || from == nullptr) continue;
      if (const DicomDataSet* inside = from->item(group); inside != nullptr) value = inside->number(tag);
    }
    return value.value_or(0);
  };
  s.repetition_ms = in_group(kTimingSequence, kRepetitionTime);
  s.flip_degrees = in_group(kTimingSequence, kFlipAngle);
  s.inversion_ms = std::max(in_group(kModifierSequence, kInversionTime), in_group(kModifierSequence, kInversionTimes));
  s.contrast_given = !d.text(kContrastAgent).empty() || d.item(kContrastAgentSequence) != nullptr;
  s.series_number = d.integer(kSeriesNumber).value_or(0);
  s.rows = file.format.rows;
  s.columns = file.format.columns;
  if (transfer_syntax_name(file.header.transfer_syntax).empty())
    s.skipped = text("compressed in a way that is not read (transfer syntax ", printable(file.header.transfer_syntax), ")");
  if (const auto samples = d.integer(kSamplesPerPixel); s.skipped.empty() && samples && *samples != 1)
    s.skipped = "colour images";
  if (s.skipped.empty() && d.text(kSopClassUid).starts_with("1.2.840.10008.5.1.4.1.1.7"))
    s.skipped = "secondary capture, no acquisition";
  return s;
}

// What of an image type says that this is no volume of the anatomy by itself.
std::string reason_of_type(const std::string& image_type, const std::string& kind) {
  struct Word {
    const char* word;
    const char* reason;
  };
  constexpr Word kWords[] = {{"LOCALIZER", "localiser"},
                             {"MOSAIC", "mosaic of slices"},
                             {"PROJECTION", "projection"},
                             {"MIP", "projection"},
                             {"MNIP", "projection"},
                             {"MINIP", "projection"},
                             {"MAX_IP", "projection"},
                             {"MIN_IP", "projection"},
                             {"ADC", "derived map"},
                             {"EADC", "derived map"},
                             {"FA", "derived map"},
                             {"TRACEW", "derived map"},
                             {"TTP", "derived map"},
                             {"RCBV", "derived map"},
                             {"RCBF", "derived map"},
                             {"MTT", "derived map"},
                             {"SUBTRACTION", "derived map"},
                             {"SUB", "derived map"},
                             {"MPR", "reformatted images"},
                             {"REFORMATTED", "reformatted images"},
                             {"RESAMPLED", "reformatted images"},
                             {"P", "phase, not magnitude"},
                             {"PHASE", "phase, not magnitude"},
                             {"R", "real part, not magnitude"},
                             {"REAL", "real part, not magnitude"},
                             {"I", "imaginary part, not magnitude"},
                             {"IMAGINARY", "imaginary part, not magnitude"},
                             {"SCREEN", "screen save"}};
  std::string all = upper_case(image_type + "\\" + kind), word;
  all += '\\';
  for (const char c : all) {
    if (c != '\\' && c != ' ') {
      word += c;
      continue;
    }
    for (const Word& w : kWords) {
      if (word == w.word) return text(w.reason, " (ImageType ", printable(image_type), ")");
    }
    word.clear();
  }
  if (upper_case(image_type).starts_with("DERIVED")) return text("derived images (ImageType ", printable(image_type), ")");
  return {};
}

bool says_localiser(const std::string& description) {
  const std::string d = lower_case(description);
  for (const char* word : {"localizer", "localiser", "scout", "survey", "3-plane", "3 plane", "three plane"}) {
    if (d.find(word) != d.npos) return true;
  }
  return false;
}

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

bool same_axes(const DicomFrame& a, const DicomFrame& b) {
  return dot(a.row, b.row) > 0.9999 && dot(a.column, b.column) > 0.9999;
}

std::size_t orientations(const std::vector<DicomFrame>& frames) {
  std::vector<const DicomFrame*> seen;
  for (const DicomFrame& f : frames) {
    if (std::none_of(seen.begin(), seen.end(), [&](const DicomFrame* s) { return same_axes(f, *s); })) seen.push_back(&f);
    if (seen.size() > 64) break;
  }
  return seen.size();
}

// Positions along the normal of the first frame, in order.
std::vector<double> places(const std::vector<DicomFrame>& frames) {
  const Vec3 normal = cross(frames.front().row, frames.front().column);
  std::vector<double> at;
  for (const DicomFrame& f : frames) at.push_back(dot(f.position, normal));
  std::sort(at.begin(), at.end());
  return at;
}

bool has_twins(const std::vector<DicomFrame>& frames) {
  const std::vector<double> at = places(frames);
  return std::adjacent_find(at.begin(), at.end(), [](double a, double b) { return b - a < kSamePlace; }) != at.end();
}

std::string plane_of(const DicomFrame& f) {
  const Vec3 n = cross(f.row, f.column);
  const std::size_t axis = std::abs(n[2]) >= std::abs(n[1]) && std::abs(n[2]) >= std::abs(n[0]) ? 2
                           : std::abs(n[1]) >= std::abs(n[0])                                   ? 1
                                                                                                : 0;
  constexpr const char* kPlanes[] = {"sagittal", "coronal", "axial"};
  const double off = std::acos(std::min(1.0, std::abs(n[axis]))) * 180 / std::numbers::pi;
  return text(off > kObliqueDegrees ? "oblique " : "", kPlanes[axis]);
}

using PartKey = std::tuple<std::string, std::int64_t, double, std::int64_t, double, std::int64_t>;

PartKey key_of(const DicomFrame& f, bool by_acquisition) {
  return {f.kind,
          f.echo.value_or(0),
          f.echo_time.value_or(0),
          f.temporal.value_or(0),
          f.b_value.value_or(0),
          by_acquisition ? f.acquisition.value_or(0) : 0};
}

std::map<PartKey, std::vector<DicomFrame>> parts_of(const std::vector<DicomFrame>& frames) {
  std::map<PartKey, std::vector<DicomFrame>> parts;
  for (const DicomFrame& f : frames) parts[key_of(f, false)].push_back(f);
  // Repetitions that only the number of the acquisition tells apart.
  for (const auto& [key, inside] : std::map(parts)) {
    if (!inside.front().has_place || orientations(inside) > 1 || !has_twins(inside)) continue;
    std::map<PartKey, std::vector<DicomFrame>> finer;
    for (const DicomFrame& f : inside) finer[key_of(f, true)].push_back(f);
    const bool helps = finer.size() > 1 && std::all_of(finer.begin(), finer.end(), [&](const auto& one) {
                         return one.second.size() == finer.begin()->second.size() && !has_twins(one.second);
                       });
    if (!helps) continue;
    parts.erase(key);
    parts.merge(finer);
  }
  return parts;
}

// How a part differs from the others of its series.
std::string part_name(const PartKey& key, const std::map<PartKey, std::vector<DicomFrame>>& parts) {
  std::string name;
  const auto put = [&](const std::string& one) { name += (name.empty() ? "" : ", ") + one; };
  const auto varies = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
    return std::any_of(parts.begin(), parts.end(), [&](const auto& p) { return std::get<N>(p.first) != std::get<N>(key); });
  };
  if (varies(std::integral_constant<std::size_t, 0>{})) put(text("type ", printable(std::get<0>(key))));
  if (varies(std::integral_constant<std::size_t, 1>{})) put(text("echo ", std::get<1>(key)));
  if (varies(std::integral_constant<std::size_t, 2>{})) put(text("TE ", std::get<2>(key), " ms"));
  if (varies(std::integral_constant<std::size_t, 3>{})) put(text("time point ", std::get<3>(key)));
  if (varies(std::integral_constant<std::size_t, 4>{})) put(text("b ", std::get<4>(key), " s/mm2"));
  if (varies(std::integral_constant<std::size_t, 5>{})) put(text("acquisition ", std::get<5>(key)));
  return name;
}

void measure(DicomSeries& s) {
  s.slices = static_cast<std::int64_t>(s.frames.size());
  const DicomFrame& first = s.frames.front();
  s.echo_ms = first.echo_time.value_or(0);
  if (!first.has_place) return;
  s.plane = plane_of(first);
  s.spacing = {first.pixel[0], first.pixel[1], first.between > 0 ? first.between : first.thickness};
  const std::vector<double> at = places(s.frames);
  if (orientations(s.frames) == 1 && at.size() > 1)
    s.spacing[2] = (at.back() - at.front()) / static_cast<double>(at.size() - 1);
}

std::string reason_to_skip(const DicomSeries& s, bool whole_folder) {
  if (s.modality != "MR") return text("modality ", printable(s.modality.empty() ? "not stated" : s.modality), ", not MR");
  if (!s.skipped.empty()) return s.skipped;
  for (const DicomFrame& f : s.frames) {
    if (!f.has_place) return "no place in space (ImagePositionPatient, ImageOrientationPatient or PixelSpacing is missing)";
  }
  if (std::string reason = reason_of_type(s.image_type, s.frames.front().kind); !reason.empty()) return reason;
  if (says_localiser(s.description)) return "localiser (SeriesDescription)";
  if (const std::size_t n = orientations(s.frames); n > 1) return text("slices in ", n, " orientations, as of a localiser");
  if (whole_folder && s.frames.size() == 1) return "a single slice";
  return {};
}

struct Gathered {
  DicomSeries series;
  std::vector<DicomFrame> frames;
  std::vector<fs::path> files;
};

void add_parts(Gathered& gathered, bool whole_folder, std::vector<DicomSeries>& list) {
  const std::map<PartKey, std::vector<DicomFrame>> parts = parts_of(gathered.frames);
  for (const auto& [key, frames] : parts) {
    DicomSeries s = gathered.series;
    s.part = part_name(key, parts);
    std::map<std::size_t, std::size_t> places_of_files;  // in the part
    for (DicomFrame f : frames) {
      const auto [found, is_new] = places_of_files.emplace(f.file, s.files.size());
      if (is_new) s.files.push_back(gathered.files[f.file]);
      f.file = found->second;
      s.frames.push_back(std::move(f));
    }
    measure(s);
    s.skipped = reason_to_skip(s, whole_folder);
    list.push_back(std::move(s));
  }
}

}  // namespace

DicomFolder read_dicom_folder(const fs::path& path, bool with_keys) {
  DicomFolder result;
  std::vector<fs::path> files;
  std::size_t links = 0, foreign = 0, imageless = 0;
  const bool whole_folder = is_folder(path);
  if (whole_folder) {
    gather_files(path, 0, files, links);
  } else {
    files.push_back(path);
  }
  std::map<std::tuple<std::string, std::int64_t, std::string>, Gathered> all;  // by study, number and UID
  std::map<std::string, std::string> keys;                                     // of patients
  for (const fs::path& one : files) {
    check_interrupt("reading DICOM");
    if (!is_dicom_file(one)) {
      ++foreign;
      continue;
    }
    try {
      DicomFile file = read_dicom_file(one);
      if (file.frames.empty()) {
        ++imageless;
        continue;
      }
      DicomSeries s = described(file);
      Gathered& into = all[{s.study_uid, s.series_number, s.series_uid}];
      if (into.files.empty()) into.series = std::move(s);
      for (DicomFrame& f : file.frames) {
        f.file = into.files.size();
        into.frames.push_back(std::move(f));
      }
      into.files.push_back(one);
    } catch (const DataError& error) {
      if (!whole_folder) throw;
      result.damaged.push_back(one);
      if (result.damaged.size() == 1) result.first_damage = error.what();
    }
  }
  for (auto& [key, gathered] : all) {
    std::string& patient = gathered.series.patient_key;
    if (!keys.contains(patient)) keys[patient] = with_keys ? patient_key(patient) : patient;
    patient = keys[patient];
    add_parts(gathered, whole_folder, result.series);
  }
  for (std::size_t n = 0; n < result.series.size(); ++n) result.series[n].number = static_cast<int>(n + 1);
  if (foreign > 0) note(result.notes, text(count_text(foreign, "file that is", "files that are"), " not DICOM passed over"));
  if (imageless > 0)
    note(result.notes, text(count_text(imageless, "DICOM file", "DICOM files"),
                            " without an image passed over (directories, reports and the like)"));
  if (links > 0) note(result.notes, text(count_text(links, "link to a folder", "links to folders"), " not followed"));
  if (!result.damaged.empty()) {
    warn(result.notes,
         text(count_text(result.damaged.size(), "DICOM file is damaged and was", "DICOM files are damaged and were"),
              " left out; the first: ", result.first_damage));
  }
  return result;
}

std::vector<DicomSeries> find_dicom_series(const fs::path& folder, Notes& notes) {
  DicomFolder found = read_dicom_folder(folder);
  notes.insert(notes.end(), found.notes.begin(), found.notes.end());
  return std::move(found.series);
}

}  // namespace vitrine::imaging

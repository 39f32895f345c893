#include "imaging/formats/dicom.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/sha256.h"
#include "imaging/formats/dicom_folder.h"
#include "imaging/formats/dicom_stack.h"
#include "imaging/formats/dicom_tags.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/voxels.h"

namespace vitrine::imaging {
namespace {

using namespace dicom;
namespace fs = std::filesystem;

constexpr std::size_t kMostListed = 4;

std::string short_name(const DicomSeries& s) {
  std::string name =
      text(s.number, ": ", s.plane.empty() ? s.modality : s.plane, ", ", s.slices, s.slices == 1 ? " slice" : " slices");
  if (!s.part.empty()) name += ", " + s.part;
  if (s.part.empty() && s.echo_ms > 0) name += text(", TE ", fixed(s.echo_ms, 0), " ms");
  if (s.inversion_ms > 0) name += text(", TI ", fixed(s.inversion_ms, 0), " ms");
  if (s.series_number > 0) name += text(", the scanner's number ", s.series_number);
  const std::size_t reason_end = s.skipped.find(" (");
  if (!s.skipped.empty()) name += text(" (", s.skipped.substr(0, reason_end), ")");
  return name;
}

std::string listed(const std::vector<DicomSeries>& series) {
  std::string list;
  for (std::size_t n = 0; n < std::min(series.size(), kMostListed); ++n) list += (n == 0 ? "" : "; ") + short_name(series[n]);
  if (series.size() > kMostListed) list += text("; and ", series.size() - kMostListed, " more");
  return list + "; choose one with --series NUMBER or UID, 'vitrine mri info' lists all";
}

bool is_whole_number(const std::string& text) {
  return !text.empty() && text.size() <= 6 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool means(const std::string& wanted, const DicomSeries& s) {
  if (is_whole_number(wanted)) return wanted == std::to_string(s.number);
  return s.series_uid.starts_with(wanted) || uid_key(s.series_uid) == wanted;
}

// The stored integers of a frame as values.
void append_values(const std::string& cells, const DicomFile& file, const DicomFrame& frame, std::int64_t padding,
                   bool has_padding, std::vector<float>& out, std::size_t& padded) {
  const DicomPixelFormat& f = file.format;
  const std::size_t width = f.cell_bytes();
  const int shift = f.high_bit + 1 - f.bits_stored;
  const std::uint64_t mask = (std::uint64_t{1} << f.bits_stored) - 1, sign = std::uint64_t{1} << (f.bits_stored - 1);
  for (std::size_t at = 0; at + width <= cells.size(); at += width) {
    std::uint64_t raw = 0;
    for (std::size_t n = width; n-- > 0;) raw = raw << 8 | static_cast<unsigned char>(cells[at + n]);
    raw = raw >> shift & mask;
    auto stored = static_cast<std::int64_t>(raw);
    if (f.is_signed && (raw & sign) != 0) stored -= static_cast<std::int64_t>(mask) + 1;
    padded += has_padding && stored == padding ? 1 : 0;
    out.push_back(static_cast<float>(frame.slope * static_cast<double>(stored) + frame.intercept));
  }
}

// The files of a series, each read once where its frames follow each other, and compared with the first.
class SeriesFiles {
 public:
  SeriesFiles(const DicomSeries& series, Notes& notes) : series_(series), notes_(notes) {}

  const DicomFile& file(std::size_t n) {
    if (file_ && current_ == n) return *file_;
    opened_.reset();
    file_.emplace(read_dicom_file(series_.files[n]));
    opened_.emplace(as<DataError>([&] { return InputFile(series_.files[n], kMaxDicomBytes); }));
    current_ = n;
    check(*file_);
    return *file_;
  }

  void append(const DicomFrame& wanted, std::vector<float>& out) {
    const DicomFile& f = file(wanted.file);
    if (wanted.index >= f.frames.size() || f.frames[wanted.index].position != wanted.position)
      throw DataError(text(f.path, " changed since the folder was read; try again"));
    std::int64_t padding = f.header.data.integer(kPaddingValue).value_or(0);
    if (f.format.is_signed && padding > 0x7FFF) padding -= 0x10000;
    append_values(stored_frame(*opened_, f, wanted.index), f, f.frames[wanted.index], padding, f.header.data.has(kPaddingValue),
                  out, padded_);
    const bool lossy = f.header.data.text(kLossyCompression) == "01";
    if (lossy && !said_lossy_) warn(notes_, "the images were compressed with losses (LossyImageCompression 01)");
    said_lossy_ = said_lossy_ || lossy;
    if (f.surplus_bytes > 0 && !said_surplus_)
      note(notes_, text("the field PixelData has ", f.surplus_bytes, " bytes behind the last frame, which were left out"));
    said_surplus_ = said_surplus_ || f.surplus_bytes > 0;
  }

  bool small_is_bright() const { return photometric_ == "MONOCHROME1"; }

  void finish() {
    if (padded_ > 0) note(notes_, text(padded_, " voxels hold the PixelPaddingValue: they lie outside of what was acquired"));
  }

 private:
  void check(const DicomFile& f) {
    const std::string name = shown(f.path);
    const DicomDataSet& d = f.header.data;
    if (f.format.rows != series_.rows || f.format.columns != series_.columns) {
      refuse_header(name, "has ", f.format.columns, " x ", f.format.rows, " pixels, expected ", series_.columns, " x ",
                    series_.rows, " as in the first file of its series; the series is mixed");
    }
    if (transfer_syntax_name(f.header.transfer_syntax).empty())
      refuse_header(name, "field TransferSyntaxUID is ", printable(f.header.transfer_syntax),
                    ", a compression that is not read; convert it, e.g. with 'gdcmconv --raw'");
    if (d.integer(kSamplesPerPixel).value_or(1) != 1 || !d.text(kPhotometric).starts_with("MONOCHROME"))
      refuse_header(name, "field PhotometricInterpretation is ", printable(d.text(kPhotometric)),
                    ", expected MONOCHROME2; colour images are not volumes");
    if (d.item(kModalityLutSequence) != nullptr)
      refuse_header(
          name, "turns values by a table (ModalityLUTSequence), expected a slope and an intercept; export it as stored values");
    if (is_native(f.header.transfer_syntax) == f.header.pixels->encapsulated)
      refuse_header(name, "field TransferSyntaxUID is ", printable(f.header.transfer_syntax), " and the pixels are ",
                    f.header.pixels->encapsulated ? "compressed" : "not compressed", "; the header is damaged");
    if (d.text(kImageType).find("MOSAIC") != std::string::npos)
      refuse_header(
          name, "is a mosaic of slices (field ImageType), expected one slice a frame; convert it first, e.g. with dcm2niix");
    if (photometric_.empty()) photometric_ = d.text(kPhotometric);
    if (photometric_ != d.text(kPhotometric))
      refuse_header(name, "field PhotometricInterpretation is ", printable(d.text(kPhotometric)), ", expected ", photometric_,
                    " as in the first file of its series; the series is mixed");
    if (!patient_) patient_ = f.header.patient;
    if (*patient_ != f.header.patient)
      refuse_header(
          name, "is of another patient (field PatientID) than the first file of its series; export the patients one by one");
  }

  const DicomSeries& series_;
  Notes& notes_;
  std::optional<DicomFile> file_;
  std::optional<InputFile> opened_;
  std::size_t current_ = 0, padded_ = 0;
  std::optional<std::string> patient_;
  std::string photometric_;
  bool said_lossy_ = false, said_surplus_ = false;
};

// Bright is large again, within the range that the values had.
void turn_over(std::vector<float>& values, Notes& notes) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double sum = static_cast<double>(*low) + static_cast<double>(*high);
  for (float& v : values) v = static_cast<float>(sum - static_cast<double>(v));
  warn(notes,
       text("the field PhotometricInterpretation is MONOCHROME1 (small values are bright): the values were turned over, ", sum,
            " - value"));
}

std::string sha256_of_files(const DicomSeries& series) {
  std::string list;
  std::vector<std::string> all;
  for (const fs::path& file : series.files) all.push_back(as<DataError>([&] { return sha256_of_file(file, kMaxDicomBytes); }));
  if (all.size() == 1) return all.front();
  std::sort(all.begin(), all.end());
  for (const std::string& one : all) list += one + "\n";
  return sha256(list);
}

HeaderFacts facts_of(const DicomSeries& series, const DicomFile& first) {
  HeaderFacts facts;
  const bool enhanced = first.header.data.item(kSharedGroups) != nullptr || first.frames.size() > 1;
  facts.format = text("DICOM, ", enhanced ? "enhanced multi-frame, " : "", series.transfer_syntax);
  facts.size_field = "Columns, Rows, number of slices";
  facts.spacing_field = series.frames.size() > 1 ? "PixelSpacing, distances of ImagePositionPatient"
                                                 : "PixelSpacing, SpacingBetweenSlices or SliceThickness";
  facts.place = "ImagePositionPatient, ImageOrientationPatient";
  facts.type = text(first.format.is_signed ? "int" : "uint", first.format.bits_allocated, ", ", first.format.bits_stored,
                    " bits stored");
  facts.type_field = "BitsAllocated, BitsStored, PixelRepresentation";
  VoxelEncoding scale;
  scale.slope = series.frames.front().slope;
  scale.intercept = series.frames.front().intercept;
  scale.scaled = scale.slope != 1 || scale.intercept != 0;
  const bool differs = std::any_of(series.frames.begin(), series.frames.end(), [&](const DicomFrame& f) {
    return f.slope != scale.slope || f.intercept != scale.intercept;
  });
  facts.scaling = differs ? "a slope and an intercept for each slice" : scale.scaling_text();
  facts.scaling_field = "RescaleSlope, RescaleIntercept";
  facts.units = "mm";
  facts.units_field = "as DICOM defines it";
  return facts;
}

}  // namespace

const DicomSeries& chosen_series(const std::vector<DicomSeries>& series, const std::string& wanted, const fs::path& folder) {
  if (series.empty()) throw DataError(text(folder, " holds no DICOM image; give the folder of the images"));
  std::vector<const DicomSeries*> candidates;
  for (const DicomSeries& s : series) {
    if (wanted.empty() ? s.skipped.empty() : means(wanted, s)) candidates.push_back(&s);
  }
  const std::string list = listed(series);
  if (!wanted.empty() && candidates.size() != 1)
    throw DataError(text(folder, ": '", printable(wanted), "' means ", candidates.size(), " of its ", series.size(),
                         " series, expected one: ", list));
  if (wanted.empty() &&
      std::any_of(series.begin(), series.end(), [&](const DicomSeries& s) { return s.patient_key != series[0].patient_key; }))
    throw DataError(text(folder, " holds images of several patients (field PatientID), expected one: ", list));
  if (candidates.size() == 1) return *candidates.front();
  if (candidates.empty()) throw DataError(text(folder, " holds no series that is taken by itself, expected one: ", list));
  throw DataError(text(folder, " holds ", candidates.size(), " series, expected one: ", list));
}

VolumeFile read_dicom_series(const DicomSeries& series, const ClaimCheck& check) {
  VolumeFile result;
  if (!series.skipped.empty())
    warn(result.notes, text("the series would be skipped by itself (", series.skipped, ") and was read as asked for"));
  SeriesFiles files(series, result.notes);
  const std::vector<DicomFrame> slices = stacked_slices(series, result.volume.geometry, result.notes);
  result.facts = facts_of(series, files.file(slices.front().file));
  if (check) {
    std::uint64_t stored = 0;
    for (const fs::path& f : series.files) stored += as<DataError>([&] { return InputFile(f, kMaxDicomBytes).size(); });
    const double announced = static_cast<double>(result.volume.geometry.voxels()) *
                             static_cast<double>(files.file(slices.front().file).format.cell_bytes());
    check({result.volume.geometry, announced / static_cast<double>(stored)});
  }
  ArrivingVoxels voxels;
  for (const DicomFrame& slice : slices) {
    check_interrupt("reading DICOM");
    std::vector<float> piece;
    files.append(slice, piece);
    voxels.add(std::move(piece));
  }
  files.finish();
  result.volume.data = voxels.together(result.volume.geometry, series.files.front(), result.notes);
  if (files.small_is_bright()) turn_over(result.volume.data, result.notes);
  result.sha256 = sha256_of_files(series);
  return result;
}

VolumeFile read_dicom_volume(const fs::path& path, const ReadOptions& options, const ClaimCheck& check) {
  const DicomFolder folder = read_dicom_folder(path, false);
  const bool is_whole = is_folder(path);
  if (!is_whole && folder.series.empty())
    throw DataError(text(path, " is a DICOM file without an image; give an image or the folder of the series"));
  const bool by_itself = !is_whole && folder.series.size() == 1 && options.series.empty();
  const DicomSeries& series = by_itself ? folder.series.front() : chosen_series(folder.series, options.series, path);
  for (const fs::path& damaged : folder.damaged) {
    if (std::none_of(series.files.begin(), series.files.end(),
                     [&](const fs::path& f) { return f.parent_path() == damaged.parent_path(); }))
      continue;
    throw DataError(text(folder.first_damage, "; beside it lies series ", series.number,
                         ", which may lack this slice: remove the file if it is not of it"));
  }
  VolumeFile result = read_dicom_series(series, check);
  if (!is_whole && series.slices == 1) warn(result.notes, "one slice was read; give the folder to read the whole series");
  result.notes.insert(result.notes.begin(), folder.notes.begin(), folder.notes.end());
  for (const DicomSeries& s : folder.series) {
    if (is_whole && !s.skipped.empty() && s.number != series.number)
      note(result.notes, text("series ", s.number, " of the folder was skipped: ", s.skipped));
  }
  return result;
}

}  // namespace vitrine::imaging

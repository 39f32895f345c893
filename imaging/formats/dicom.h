// DICOM: the series of a folder, and a series as a volume.
//
// Choice     a series is chosen by its number in the list or by the beginning of its UID; without a choice the one series that is not skipped. What
//            is no volume of an anatomy by itself (localisers, derived maps, projections, phase images, other modalities) is skipped with the reason
// Parts      echoes, time points, b-values and magnitude or phase of one series are parts of the list, each with a number of its own
// Order      slices are sorted by their position along the normal of the plane, never by name or number
// Refused    gaps, two slices at one place, several orientations or sizes, several patients, colour, compressed frames that cannot be read
// Values     slope * stored + intercept of each frame. MONOCHROME1, where small values are bright, is turned over with a warning
// Place      DICOM's own LPS: i along the rows, j along the columns, k along their cross product
// Personal   nothing of the patient but a hash; file names in messages are the user's own
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "imaging/formats/dicom_frames.h"
#include "imaging/formats/volume_file.h"
#include "imaging/notes.h"

namespace vitrine::imaging {

struct DicomSeries {
  int number = 0;           // in the list, from 1 on
  std::string patient_key;  // 16 hexadecimal digits of a hash; empty when the files name no patient
  std::string study_uid, series_uid;
  std::string part;                   // of a series of several: "echo 2, TE 90 ms"; else empty
  std::string description, protocol;  // free text of the scanner's user: not for outputs that leave the house
  std::string modality, image_type;
  std::string transfer_syntax;  // its name
  std::string manufacturer, model, sequence_name;
  double field_tesla = 0, repetition_ms = 0, echo_ms = 0, inversion_ms = 0, flip_degrees = 0;  // 0: not stated
  bool contrast_given = false;                                                                 // a contrast agent is named
  std::int64_t series_number = 0;
  std::int64_t rows = 0, columns = 0, slices = 0;
  std::string plane;                // "axial", "coronal", "sagittal", with "oblique " before it beyond 5 degrees
  std::array<double, 3> spacing{};  // mm: between columns, rows, slices; 0 when not known
  std::vector<std::filesystem::path> files;
  std::vector<DicomFrame> frames;  // in the order of the files
  std::string skipped;             // why it is not chosen by itself; empty when it may be
};

// All series below `folder`, sorted by study, series number, UID and part. DataError when it cannot be read, or has too many files or levels.
// What is passed over (no DICOM, DICOMDIR, no image, damaged) is noted with a count. A file instead of a folder: its own series.
std::vector<DicomSeries> find_dicom_series(const std::filesystem::path& folder, Notes& notes);

// The one that `wanted` means: a number of the list, the beginning of a UID (or of uid_key's hash of it), or nothing. DataError with the list
// when it means none or several.
const DicomSeries& chosen_series(const std::vector<DicomSeries>& series, const std::string& wanted,
                                 const std::filesystem::path& folder);

// DataError (file, field, found, expected, next step), Interrupted.
VolumeFile read_dicom_series(const DicomSeries& series, const ClaimCheck& check = {});

// A folder or a file: find, choose, read.
VolumeFile read_dicom_volume(const std::filesystem::path& path, const ReadOptions& options = {}, const ClaimCheck& check = {});

}  // namespace vitrine::imaging

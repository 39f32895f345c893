// The frames of one DICOM file: where each lies, how its values are scaled, and what tells stacks of one series apart. Classic files hold one
// frame, enhanced multi-frame files many, described by functional groups.
//
// Reference  DICOM PS3.3, C.7.6.2 (image plane), C.7.6.16 (functional groups), C.8.3 and C.8.13 (MR and enhanced MR)
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "imaging/formats/dicom_codec.h"
#include "imaging/formats/dicom_dataset.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct DicomFrame {
  std::size_t file = 0;   // of the series' files
  std::size_t index = 0;  // in its file
  bool has_place = false;
  Vec3 position{};                    // mm, centre of the first pixel
  Vec3 row{}, column{};               // unit vectors along growing column and row indices
  std::array<double, 2> pixel{};      // mm between columns, between rows
  double thickness = 0, between = 0;  // mm; 0 when not stated
  double slope = 1, intercept = 0;
  std::string kind;  // image type from its third value on, complex component: "M\\NORM"
  std::optional<double> echo_time, b_value;
  std::optional<std::int64_t> echo, temporal, acquisition, instance;
};

// Series and file as they stand in one file.
struct DicomFile {
  std::filesystem::path path;
  DicomHeader header;
  DicomPixelFormat format;
  std::vector<DicomFrame> frames;
  std::uint64_t surplus_bytes = 0;  // of padding behind the last frame
};

// DataError when the file is damaged or its frames cannot be told apart. An empty list of frames: the file holds no image.
DicomFile read_dicom_file(const std::filesystem::path& path);

// The bytes of a frame, as they are stored. `file` is open at the header's path.
std::string stored_frame(const InputFile& opened, const DicomFile& file, std::size_t index);

}  // namespace vitrine::imaging

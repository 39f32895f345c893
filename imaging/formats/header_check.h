// The checks that every format shares, made before a voxel is reserved: sizes, spacing, axes, orientation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "imaging/formats/volume_file.h"

namespace vitrine::imaging {

inline constexpr std::int64_t kMaxAxis = 4096;
inline constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 28;  // 1 GiB of float32
inline constexpr double kMinSpacing = 0.1, kMaxSpacing = 10.0;     // mm
inline constexpr double kMaxShear = 0.00873;                       // cosine of an angle 0.5 degrees off the right angle
inline constexpr double kSilentShear = 1e-4;                       // rounding of headers; more is noted

template <class... Parts>
[[noreturn]] void refuse_header(std::string_view file, const Parts&... parts) {
  throw DataError(text(file, ": ", parts...));
}

void check_axis_size(std::int64_t size, std::string_view field, std::string_view file);
void check_voxel_count(const Geometry& geometry, std::string_view file);
void check_spacing(double mm, std::string_view field, std::string_view file);

// `axes` have columns of length 1. DataError when they are more than 0.5 degrees off the right angle; straightened with a warning when less.
Matrix3 right_angled(const Matrix3& axes, std::string_view what, std::string_view file, Notes& notes);

// In LPS, for a code such as "RAS". UsageError when it is no code.
Matrix3 direction_of_code(std::string_view code);
// For a file without an orientation: DataError, or the one of the options, with the middle of the volume at 0 and a warning. `fields` as they
// stand in a sentence: "fields qform_code and sform_code are 0 and 0".
Geometry assumed_orientation(Geometry grid, const ReadOptions& options, std::string_view fields, std::string_view file,
                             Notes& notes);

}  // namespace vitrine::imaging

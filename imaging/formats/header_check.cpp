#include "imaging/formats/header_check.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/number.h"

namespace vitrine::imaging {
namespace {

// The largest cosine between two axes.
double departure_from_right_angles(const Matrix3& m) {
  double worst = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = a + 1; b < 3; ++b)
      worst = std::max(worst, std::abs(m[a] * m[b] + m[3 + a] * m[3 + b] + m[6 + a] * m[6 + b]));
  }
  return worst;
}

}  // namespace

void check_axis_size(std::int64_t size, std::string_view field, std::string_view file) {
  if (size < 1 || size > kMaxAxis)
    refuse_header(file, "field ", field, " is ", size, ", expected 1 to ", kMaxAxis, "; the file is damaged or no head");
}

void check_voxel_count(const Geometry& geometry, std::string_view file) {
  if (geometry.voxels() > kMaxVoxels)
    refuse_header(file, "has ", geometry.voxels(), " voxels, expected at most ", kMaxVoxels, "; resample it to a coarser grid");
}

void check_spacing(double mm, std::string_view field, std::string_view file) {
  if (!(mm >= kMinSpacing && mm <= kMaxSpacing))
    refuse_header(file, "field ", field, " is ", mm, ", expected ", kMinSpacing, " to ", kMaxSpacing,
                  " mm; check the voxel size");
}

Matrix3 right_angled(const Matrix3& axes, std::string_view what, std::string_view file, Notes& notes) {
  const double cosine = departure_from_right_angles(axes);
  if (!(cosine <= kMaxShear)) {
    refuse_header(file, "the axes of the ", what, " are sheared: they are ",
                  fixed(std::asin(std::min(1.0, cosine)) * 180 / std::numbers::pi, 2),
                  " degrees off the right angle, expected at most 0.5; resample the image to a rectangular grid");
  }
  if (cosine > kSilentShear) {
    warn(notes, text("the axes of the ", what, " are ", fixed(std::asin(cosine) * 180 / std::numbers::pi, 2),
                     " degrees off the right angle (shear) and were straightened"));
  }
  return nearest_rotation(axes);
}

Matrix3 direction_of_code(std::string_view code) {
  constexpr std::string_view kLetters = "LRPASI";  // along and against x, y, z of LPS
  Matrix3 direction{};
  bool seen[3] = {false, false, false};
  for (std::size_t column = 0; column < 3 && code.size() == 3; ++column) {
    const std::size_t at = kLetters.find(code[column]);
    if (at == kLetters.npos || seen[at / 2]) break;
    seen[at / 2] = true;
    direction[3 * (at / 2) + column] = at % 2 == 0 ? 1 : -1;
  }
  if (!(seen[0] && seen[1] && seen[2])) {
    throw UsageError(
        text("the orientation '", printable(code),
             "' is none: expected three letters, one each of R or L, A or P, S or I, that say where the three axes of the file "
             "grow to, e.g. RAS"));
  }
  return direction;
}

Geometry assumed_orientation(Geometry grid, const ReadOptions& options, std::string_view fields, std::string_view file,
                             Notes& notes) {
  if (options.assume_orientation.empty()) {
    refuse_header(file, "has no orientation: ", fields,
                  "; set it from the source images, or say it with --assume-orientation, e.g. RAS: it is never guessed");
  }
  grid.direction = direction_of_code(options.assume_orientation);
  grid.origin = {0, 0, 0};
  Vec3 middle;
  for (std::size_t a = 0; a < 3; ++a) middle[a] = 0.5 * static_cast<double>(grid.size[a] - 1);
  const Vec3 at = grid.to_physical(middle);
  for (std::size_t a = 0; a < 3; ++a) grid.origin[a] = 0.0 - at[a];
  warn(notes, text("the file states no orientation (", fields, "); ", options.assume_orientation,
                   " was assumed as asked for, with the middle of the volume at 0"));
  return grid;
}

}  // namespace vitrine::imaging

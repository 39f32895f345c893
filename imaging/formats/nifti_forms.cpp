#include <array>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/nifti_fields.h"

namespace vitrine::imaging {
namespace {

constexpr double kMaxFormDistance = 1.0;  // mm between the corners that the two forms give
constexpr double kSilentFormDistance = 0.05;

// From NIfTI's RAS to our LPS: x and y change sign.
void to_lps(Geometry& geometry) {
  for (std::size_t n = 0; n < 6; ++n) geometry.direction[n] = -geometry.direction[n];
  geometry.origin[0] = -geometry.origin[0];
  geometry.origin[1] = -geometry.origin[1];
}

Geometry from_sform(const Fields& fields, std::string_view file, Geometry geometry, double scale, Notes& notes) {
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      const auto value = scale * static_cast<double>(fields.get<float>(280 + 16 * row + 4 * column));
      if (!std::isfinite(value))
        refuse_header(file, "field srow holds ", value, ", expected finite numbers; the header is damaged");
      (column < 3 ? geometry.direction[3 * row + column] : geometry.origin[row]) = value;
    }
  }
  Matrix3& m = geometry.direction;
  for (std::size_t column = 0; column < 3; ++column) {
    const double length = std::sqrt(m[column] * m[column] + m[3 + column] * m[3 + column] + m[6 + column] * m[6 + column]);
    const double spacing = geometry.spacing[column];
    if (!(std::abs(length - spacing) <= 1e-3 * spacing)) {
      refuse_header(file, "the sform's voxel size along axis ", column + 1, " is ", length, " mm, expected ", spacing,
                    " mm as field pixdim[", column + 1, "] says; repair the header, or use the qform with --prefer qform");
    }
    geometry.spacing[column] = length;
    for (std::size_t row = 0; row < 3; ++row) m[3 * row + column] /= length;
  }
  m = right_angled(m, "sform", file, notes);
  to_lps(geometry);
  return geometry;
}

Geometry from_qform(const Fields& fields, std::string_view file, Geometry geometry, double scale) {
  std::array<double, 3> q;
  double norm = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    q[n] = static_cast<double>(fields.get<float>(256 + 4 * n));
    geometry.origin[n] = scale * static_cast<double>(fields.get<float>(268 + 4 * n));
    norm += q[n] * q[n];
    if (!std::isfinite(geometry.origin[n])) refuse_header(file, "field qoffset is not finite; the header is damaged");
  }
  if (!(norm <= 1.0 + 1e-5))
    refuse_header(file, "the quaternion of the qform has length ", std::sqrt(norm),
                  ", expected at most 1; the header is damaged");
  // A half turn: what is missing to 1 is rounding of float32, which a root would make a thousand times larger (nifti1.h does the same).
  const bool half_turn = 1 - norm < 1e-7;
  const double shrink = half_turn ? 1 / std::sqrt(norm) : 1;
  const double a = half_turn ? 0 : std::sqrt(1 - norm);
  const double b = q[0] * shrink;
  const double c = q[1] * shrink;
  const double d = q[2] * shrink;
  const double third = fields.get<float>(76) < 0 ? -1 : 1;  // qfac: the sign of the third axis
  geometry.direction = {a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           third * 2 * (b * d + a * c),
                        2 * (b * c + a * d),           a * a + c * c - b * b - d * d, third * 2 * (c * d - a * b),
                        2 * (b * d - a * c),           2 * (c * d + a * b),           third * (a * a + d * d - c * c - b * b)};
  geometry.direction = nearest_rotation(geometry.direction);
  to_lps(geometry);
  return geometry;
}

std::string form_text(const char* name, int code) { return text(name, " (code ", code, ")"); }

struct Codes {
  int q = 0, s = 0;
};

Geometry agreed_place(const Fields& fields, std::string_view file, const Geometry& grid, double scale, const Codes& codes,
                      NiftiHeader& header) {
  const Geometry geometry = from_sform(fields, file, grid, scale, header.notes);
  const Geometry other = from_qform(fields, file, grid, scale);
  const double distance =
      corner_distance(geometry, other) * std::min({geometry.spacing[0], geometry.spacing[1], geometry.spacing[2]});
  if (determinant(geometry.direction) * determinant(other.direction) < 0) {
    refuse_header(file, "the sform (code ", codes.s, ") and the qform (code ", codes.q,
                  ") disagree: one is the mirror image of the other, ", "corners ", distance,
                  " mm apart; decide which one is right, with --prefer sform or --prefer qform");
  }
  if (distance > kMaxFormDistance) {
    refuse_header(file, "the sform (code ", codes.s, ") and the qform (code ", codes.q, ") disagree by ", distance,
                  " mm, expected at most ", kMaxFormDistance,
                  " mm; decide which one is right, with --prefer sform or --prefer qform, or copy it over the other, e.g. with "
                  "'fslorient -copysform2qform'");
  }
  if (distance > kSilentFormDistance)
    note(header.notes, text("sform and qform differ by ", fixed(distance, 2), " mm, the sform was taken"));
  return geometry;
}

// How far the form that was left out by --prefer would have put the volume, where it can be said.
void note_preference(const Fields& fields, std::string_view file, const Geometry& grid, double scale, const Geometry& taken,
                     bool took_sform, NiftiHeader& header) {
  std::string how = "and cannot be used";
  try {
    Notes unheard;
    const Geometry other = took_sform ? from_qform(fields, file, grid, scale) : from_sform(fields, file, grid, scale, unheard);
    const double distance = corner_distance(taken, other) * std::min({taken.spacing[0], taken.spacing[1], taken.spacing[2]});
    if (distance <= kSilentFormDistance) return;
    how = text("and differs by ", fixed(distance, 2), " mm at the corners");
  } catch (const DataError&) {  // the form that was not wanted is the damaged one
  }
  warn(header.notes, text("the ", took_sform ? "sform" : "qform", " was taken as asked for; the ",
                          took_sform ? "qform" : "sform", " is coded as well ", how));
}

// The quaternion (b, c, d) of a proper rotation, with a >= 0 (nifti1.h, "quaternion from the rotation matrix").
std::array<double, 3> quaternion(const Matrix3& r) {
  const double trace = r[0] + r[4] + r[8];
  double a;
  std::array<double, 3> q;
  if (trace > 0) {
    a = 0.5 * std::sqrt(1 + trace);
    q = {0.25 * (r[7] - r[5]) / a, 0.25 * (r[2] - r[6]) / a, 0.25 * (r[3] - r[1]) / a};
  } else {
    // The largest component is found from its own diagonal entry, the others from the sums of mirrored entries.
    const std::size_t n = r[0] >= r[4] && r[0] >= r[8] ? 0 : r[4] >= r[8] ? 1 : 2;
    const std::size_t m = (n + 1) % 3;
    const std::size_t l = (n + 2) % 3;
    q[n] = 0.5 * std::sqrt(std::max(0.0, 1 + r[4 * n] - r[4 * m] - r[4 * l]));
    q[m] = 0.25 * (r[3 * n + m] + r[3 * m + n]) / q[n];
    q[l] = 0.25 * (r[3 * n + l] + r[3 * l + n]) / q[n];
    a = 0.25 * (r[3 * l + m] - r[3 * m + l]) / q[n];
  }
  const double sign = a < 0 ? -1 : 1;
  return {sign * q[0], sign * q[1], sign * q[2]};
}

}  // namespace

Geometry nifti_place(const Fields& fields, std::string_view file, const Geometry& grid, double scale,
                     const ReadOptions& options, NiftiHeader& header) {
  const Codes codes{fields.get<std::int16_t>(252), fields.get<std::int16_t>(254)};
  if (codes.q <= 0 && codes.s <= 0) {
    header.place = "assumed (--assume-orientation)";
    return assumed_orientation(grid, options, text("fields qform_code and sform_code are ", codes.q, " and ", codes.s), file,
                               header.notes);
  }
  const bool both = codes.q > 0 && codes.s > 0;
  const bool use_sform = both ? options.prefer != ReadOptions::Form::qform : codes.s > 0;
  header.place = use_sform ? form_text("sform", codes.s) : form_text("qform", codes.q);
  if (both && options.prefer == ReadOptions::Form::agree) return agreed_place(fields, file, grid, scale, codes, header);
  const Geometry taken =
      use_sform ? from_sform(fields, file, grid, scale, header.notes) : from_qform(fields, file, grid, scale);
  if (both) note_preference(fields, file, grid, scale, taken, use_sform, header);
  return taken;
}

void put_nifti_forms(const Geometry& geometry, std::string& bytes) {
  Geometry ras = geometry;
  to_lps(ras);  // the same change of signs leads back
  const bool mirrored = determinant(ras.direction) < 0;
  put<float>(bytes, 76, mirrored ? -1.0F : 1.0F);
  put<std::int16_t>(bytes, 252, 1);  // both forms: scanner coordinates
  put<std::int16_t>(bytes, 254, 1);
  Matrix3 proper = ras.direction;
  if (mirrored) {
    for (std::size_t row = 0; row < 3; ++row) proper[3 * row + 2] = -proper[3 * row + 2];
  }
  const std::array<double, 3> q = quaternion(proper);
  for (std::size_t row = 0; row < 3; ++row) {
    put<float>(bytes, 256 + 4 * row, static_cast<float>(q[row]));
    put<float>(bytes, 268 + 4 * row, static_cast<float>(ras.origin[row]));
    for (std::size_t column = 0; column < 3; ++column) {
      put<float>(bytes, 280 + 16 * row + 4 * column, static_cast<float>(ras.direction[3 * row + column] * ras.spacing[column]));
    }
    put<float>(bytes, 292 + 16 * row, static_cast<float>(ras.origin[row]));
  }
}

}  // namespace vitrine::imaging

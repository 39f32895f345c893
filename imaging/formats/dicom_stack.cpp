#include "imaging/formats/dicom_stack.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/number.h"
#include "imaging/formats/header_check.h"

namespace vitrine::imaging {
namespace {

constexpr double kSamePlace = 1e-3;   // mm along the normal
constexpr double kMostUneven = 0.05;  // of the spacing: positions are rounded to some 0.01 mm
constexpr double kSilentUneven = 0.01;
constexpr double kSameAxes = 1e-3;     // cosines of direction, as they are written in six digits or fewer
constexpr double kSilentDrift = 1e-3;  // of the extent along the normal

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

std::string file_of(const DicomSeries& series, const DicomFrame& frame) {
  const std::string name = shown(series.files[frame.file]);
  return frame.index == 0 ? name : text(name, ", frame ", frame.index + 1);
}

Matrix3 axes_of(const DicomFrame& f, const std::string& file, Notes& notes) {
  for (const Vec3* v : {&f.row, &f.column}) {
    if (std::abs(std::sqrt(dot(*v, *v)) - 1) > kSameAxes)
      refuse_header(file, "field ImageOrientationPatient has a direction of length ", std::sqrt(dot(*v, *v)),
                    ", expected 1; the header is damaged");
  }
  const Vec3 &r = f.row, &c = f.column;
  const Vec3 n{r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]};
  return right_angled({r[0], c[0], n[0], r[1], c[1], n[1], r[2], c[2], n[2]}, "field ImageOrientationPatient", file, notes);
}

void check_alike(const DicomSeries& series, const DicomFrame& first, const DicomFrame& f) {
  const std::string file = file_of(series, f);
  if (!f.has_place) {
    refuse_header(file,
                  "has no place in space: a field of ImagePositionPatient, ImageOrientationPatient, PixelSpacing is missing or "
                  "damaged; export "
                  "the images as they were acquired");
  }
  for (std::size_t c = 0; c < 3; ++c) {
    if (std::abs(f.row[c] - first.row[c]) > kSameAxes || std::abs(f.column[c] - first.column[c]) > kSameAxes) {
      refuse_header(
          file, "lies in another orientation (field ImageOrientationPatient) than ", file_of(series, first),
          ", expected one of the whole series; it is a localiser or several stacks in one series: export each by itself");
    }
  }
  for (std::size_t c = 0; c < 2; ++c) {
    if (!(std::abs(f.pixel[c] - first.pixel[c]) <= 1e-4 * std::abs(first.pixel[c])))
      refuse_header(file, "field PixelSpacing is ", f.pixel[c], " mm, expected ", first.pixel[c], " as in ",
                    file_of(series, first), "; the series is mixed");
  }
}

// Even distances along the normal, and slices above each other.
void check_stack(const DicomSeries& series, const std::vector<DicomFrame>& slices, const std::vector<double>& at,
                 double spacing, Notes& notes) {
  std::vector<double> steps;
  for (std::size_t k = 1; k < at.size(); ++k) steps.push_back(at[k] - at[k - 1]);
  std::vector<double> sorted = steps;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  const double usual = sorted[sorted.size() / 2];
  for (std::size_t k = 0; k < steps.size(); ++k) {
    if (steps[k] < kSamePlace) {
      throw DataError(text("two slices of series ", series.number,
                           " lie at one place (field ImagePositionPatient): ", file_of(series, slices[k]), " and ",
                           file_of(series, slices[k + 1]), "; remove the copy, or export the acquisitions by themselves"));
    }
    if (std::abs(steps[k] - usual) <= kMostUneven * usual) continue;
    const double missing = std::round(steps[k] / usual) - 1;
    throw DataError(text("between the slices ", file_of(series, slices[k]), " and ", file_of(series, slices[k + 1]), " are ",
                         fixed(steps[k], 3), " mm (field ImagePositionPatient), expected ", fixed(usual, 3),
                         " mm as between the others; ",
                         missing >= 1 ? text(missing, " of the slices are missing: export the whole series")
                                      : std::string("the series is uneven")));
  }
  double worst = 0;
  for (std::size_t k = 0; k < at.size(); ++k)
    worst = std::max(worst, std::abs(at[k] - at[0] - spacing * static_cast<double>(k)));
  if (worst > kMostUneven * spacing)
    throw DataError(text("the slices of ", file_of(series, slices[0]), " and its series lie up to ", fixed(worst, 3),
                         " mm off an even grid (field ImagePositionPatient), expected at most ",
                         fixed(kMostUneven * spacing, 3), " mm"));
  if (worst > kSilentUneven * spacing)
    note(notes, text("slices lie up to ", fixed(worst, 3), " mm off an even grid, which was taken"));
}

// Slices that lie beside the normal of the first one: a stack that was cut at a slant. Straightened about its middle up to 0.5 degrees.
void straighten(const DicomSeries& series, const std::vector<DicomFrame>& slices, double extent, Geometry& g, Notes& notes) {
  const Matrix3& m = g.direction;
  Vec3 drift{}, last{};
  double worst = 0;
  for (const DicomFrame& f : slices) {
    const Vec3 moved{f.position[0] - g.origin[0], f.position[1] - g.origin[1], f.position[2] - g.origin[2]};
    const Vec3 along = transpose_times(m, moved);
    last = {along[0], along[1], 0};
    worst = std::max(worst, std::hypot(along[0], along[1]));
  }
  const double tangent = worst / extent;
  if (tangent > kMaxShear) {
    throw DataError(text("the slices of ", file_of(series, slices[0]),
                         " and its series are shifted against each other by up to ", fixed(worst, 2),
                         " mm within their plane (field ImagePositionPatient), ",
                         fixed(std::atan(tangent) * 180 / std::numbers::pi, 2),
                         " degrees of shear, expected at most 0.5; resample the series to a rectangular grid"));
  }
  if (tangent <= kSilentDrift) return;
  warn(notes, text("the slices are shifted against each other by up to ", fixed(worst, 2), " mm (shear of ",
                   fixed(std::atan(tangent) * 180 / std::numbers::pi, 2), " degrees) and were straightened"));
  drift = times(m, last);
  for (std::size_t c = 0; c < 3; ++c) g.origin[c] += 0.5 * drift[c];
}

void compare_thickness(const DicomFrame& f, double spacing, bool measured, Notes& notes) {
  if (measured && f.between > 0 && std::abs(f.between - spacing) > 0.01 * spacing)
    note(notes, text("the field SpacingBetweenSlices is ", f.between, " mm and positions are ", fixed(spacing, 3),
                     " mm apart: positions were taken"));
  if (f.thickness > 0 && spacing > 1.05 * f.thickness)
    note(notes, text("slices of ", f.thickness, " mm lie ", fixed(spacing, 2), " mm apart: there are gaps of ",
                     fixed(spacing - f.thickness, 2), " mm"));
}

}  // namespace

std::vector<DicomFrame> stacked_slices(const DicomSeries& series, Geometry& g, Notes& notes) {
  std::vector<DicomFrame> slices = series.frames;
  const DicomFrame first = slices.front();
  const std::string file = file_of(series, first);
  for (const DicomFrame& f : slices) check_alike(series, first, f);
  g.direction = axes_of(first, file, notes);
  const Vec3 normal{g.direction[2], g.direction[5], g.direction[8]};
  std::stable_sort(slices.begin(), slices.end(),
                   [&](const DicomFrame& a, const DicomFrame& b) { return dot(a.position, normal) < dot(b.position, normal); });
  std::vector<double> at;
  for (const DicomFrame& f : slices) at.push_back(dot(f.position, normal));
  g.size = {series.columns, series.rows, static_cast<std::int64_t>(slices.size())};
  check_axis_size(g.size[2], "number of slices", file);
  check_voxel_count(g, file);
  const bool measured = slices.size() > 1;
  const double extent = at.back() - at.front();
  g.spacing = {first.pixel[0], first.pixel[1],
               measured            ? extent / static_cast<double>(slices.size() - 1)
               : first.between > 0 ? first.between
                                   : first.thickness};
  if (measured) check_stack(series, slices, at, g.spacing[2], notes);
  check_spacing(g.spacing[0], "PixelSpacing (between columns)", file);
  check_spacing(g.spacing[1], "PixelSpacing (between rows)", file);
  check_spacing(g.spacing[2], measured ? "ImagePositionPatient (distance of slices)" : "SpacingBetweenSlices or SliceThickness",
                file);
  g.origin = slices.front().position;
  if (measured) straighten(series, slices, extent, g, notes);
  compare_thickness(first, g.spacing[2], measured, notes);
  return slices;
}

}  // namespace vitrine::imaging

#include "imaging/formats/nifti_header.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

static_assert(std::endian::native == std::endian::little, "NIfTI is read and written on little-endian machines only");

constexpr std::int64_t kMaxAxis = 4096;
constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 28;  // 1 GiB of float32
constexpr double kMaxVoxelOffset = 16.0 * 1024 * 1024;      // extensions beyond 16 MiB are no plausible header
constexpr double kMinSpacing = 0.1;                         // mm
constexpr double kMaxSpacing = 10.0;
constexpr double kMaxShear = 0.00873;     // cosine of an angle 0.5 degrees off the right angle
constexpr double kMaxFormDistance = 1.0;  // mm between the corners that the two forms give
constexpr double kSilentFormDistance = 0.05;

// One header field, byte-swapped where needed. Offsets are those of nifti1.h.
class Fields {
 public:
  Fields(std::string_view bytes, bool swap) : bytes_(bytes), swap_(swap) {}
  template <class T>
  T get(std::size_t offset) const {
    char raw[sizeof(T)];
    std::memcpy(raw, bytes_.data() + offset, sizeof(T));
    if (swap_) std::reverse(raw, raw + sizeof(T));
    T value;
    std::memcpy(&value, raw, sizeof(T));
    return value;
  }

 private:
  std::string_view bytes_;
  bool swap_;
};

template <class... Parts>
[[noreturn]] void refuse(std::string_view file, const Parts&... parts) {
  throw DataError(text(file, ": ", parts...));
}

bool byte_order(std::string_view bytes, std::string_view file) {
  const auto little = Fields(bytes, false).get<std::int32_t>(0);
  const auto big = Fields(bytes, true).get<std::int32_t>(0);
  if (little == 540 || big == 540)
    refuse(file, "is NIfTI-2, expected NIfTI-1; convert it, e.g. with 'nifti_tool' or 'mri_convert'");
  if (little != 348 && big != 348) {
    refuse(file, "is not NIfTI: field sizeof_hdr is ", little, ", expected 348; give a .nii or .nii.gz file");
  }
  const std::string_view magic = bytes.substr(344, 4);
  if (magic == std::string_view("ni1\0", 4)) {
    refuse(
        file,
        "is the header of a .hdr/.img pair, expected one .nii or .nii.gz file; convert it, e.g. with 'fslchfiletype NIFTI_GZ'");
  }
  if (magic != std::string_view("n+1\0", 4)) {
    refuse(file,
           "has no NIfTI magic, so it is Analyze 7.5, where left and right are ambiguous; convert it to NIfTI from the source "
           "images");
  }
  return little != 348;
}

void read_size(const Fields& fields, std::string_view file, Geometry& geometry) {
  const auto rank = fields.get<std::int16_t>(40);
  if (rank < 3 || rank > 7) refuse(file, "field dim[0] is ", rank, ", expected 3 (a volume); give a 3-D image");
  for (std::size_t axis = 1; axis <= static_cast<std::size_t>(rank); ++axis) {
    const auto n = fields.get<std::int16_t>(40 + 2 * axis);
    if (axis > 3) {
      // Several tools leave 0 behind the axes that count; the length of the file says that there is one volume.
      if (n != 1 && n != 0) {
        refuse(file, "is ", rank, "-D: field dim[", axis, "] is ", n,
               ", expected 1; split it and give one 3-D volume, e.g. with 'fslsplit'");
      }
      continue;
    }
    if (n < 1 || n > kMaxAxis)
      refuse(file, "field dim[", axis, "] is ", n, ", expected 1 to ", kMaxAxis, "; the file is damaged or no head");
    geometry.size[axis - 1] = n;
  }
  if (geometry.voxels() > kMaxVoxels) {
    refuse(file, "has ", geometry.voxels(), " voxels, expected at most ", kMaxVoxels, "; resample it to a coarser grid");
  }
}

std::optional<std::pair<NiftiType, std::size_t>> known_type(std::int16_t code) {
  switch (static_cast<NiftiType>(code)) {
    case NiftiType::u8:
    case NiftiType::i8: return std::pair{static_cast<NiftiType>(code), std::size_t{1}};
    case NiftiType::i16:
    case NiftiType::u16: return std::pair{static_cast<NiftiType>(code), std::size_t{2}};
    case NiftiType::i32:
    case NiftiType::u32:
    case NiftiType::f32: return std::pair{static_cast<NiftiType>(code), std::size_t{4}};
    case NiftiType::i64:
    case NiftiType::u64:
    case NiftiType::f64: return std::pair{static_cast<NiftiType>(code), std::size_t{8}};
  }
  return std::nullopt;
}

void read_type(const Fields& fields, std::string_view file, NiftiHeader& header) {
  const auto code = fields.get<std::int16_t>(70);
  const auto known = known_type(code);
  if (!known) {
    refuse(file, "field datatype is ", code, ", expected a scalar type (2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280);",
           " colour, vector and complex images are not volumes, so export a grey one");
  }
  header.type = known->first;
  header.voxel_bytes = known->second;
  const auto bits = fields.get<std::int16_t>(72);
  if (bits != static_cast<int>(8 * header.voxel_bytes)) {
    refuse(file, "field bitpix is ", bits, ", expected ", 8 * header.voxel_bytes, " for datatype ", code,
           "; the header is damaged");
  }
  const auto offset = static_cast<double>(fields.get<float>(108));
  if (!(offset >= 352 && offset <= kMaxVoxelOffset) || offset != std::floor(offset)) {
    refuse(file, "field vox_offset is ", offset, ", expected a whole number from 352; the header is damaged");
  }
  header.voxel_offset = static_cast<std::uint64_t>(offset);
  const auto slope = static_cast<double>(fields.get<float>(112));
  const auto intercept = static_cast<double>(fields.get<float>(116));
  if (std::isnan(slope) || slope == 0) {  // both mean "no scaling"
    if (std::isfinite(intercept) && intercept != 0)
      header.remarks.push_back(text("scl_inter is ", intercept, " without a slope and was not applied"));
    return;
  }
  if (!std::isfinite(slope) || !std::isfinite(intercept)) {
    refuse(file, "fields scl_slope and scl_inter are ", slope, " and ", intercept,
           ", expected finite numbers; the header is damaged");
  }
  header.scaled = slope != 1 || intercept != 0;
  header.slope = slope;
  header.intercept = intercept;
}

void read_spacing(const Fields& fields, std::string_view file, NiftiHeader& header, Geometry& geometry) {
  const int units = fields.get<std::int8_t>(123) & 7;
  if (units != 0 && units != 2) {
    refuse(file, "field xyzt_units says ",
           units == 1   ? "metres"
           : units == 3 ? "micrometres"
                        : "an unknown unit",
           ", expected millimetres; rewrite the header in millimetres");
  }
  if (units == 0) header.remarks.emplace_back("units are not stated, millimetres were taken");
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto spacing = static_cast<double>(fields.get<float>(80 + 4 * axis));
    if (!(spacing >= kMinSpacing && spacing <= kMaxSpacing)) {
      refuse(file, "field pixdim[", axis + 1, "] is ", spacing, ", expected ", kMinSpacing, " to ", kMaxSpacing,
             " mm; check the voxel size");
    }
    geometry.spacing[axis] = spacing;
  }
}

// max |R^T R - I|
double departure_from_rotation(const Matrix3& m) {
  double worst = 0;
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      const double dot = m[a] * m[b] + m[3 + a] * m[3 + b] + m[6 + a] * m[6 + b];
      worst = std::max(worst, std::abs(dot - (a == b ? 1.0 : 0.0)));
    }
  }
  return worst;
}

// From NIfTI's RAS to our LPS: x and y change sign.
void to_lps(Geometry& geometry) {
  for (std::size_t n = 0; n < 6; ++n) geometry.direction[n] = -geometry.direction[n];
  geometry.origin[0] = -geometry.origin[0];
  geometry.origin[1] = -geometry.origin[1];
}

Geometry from_sform(const Fields& fields, std::string_view file, Geometry geometry) {
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 4; ++column) {
      const auto value = static_cast<double>(fields.get<float>(280 + 16 * row + 4 * column));
      if (!std::isfinite(value)) refuse(file, "field srow holds ", value, ", expected finite numbers; the header is damaged");
      (column < 3 ? geometry.direction[3 * row + column] : geometry.origin[row]) = value;
    }
  }
  Matrix3& m = geometry.direction;
  for (std::size_t column = 0; column < 3; ++column) {
    const double length = std::sqrt(m[column] * m[column] + m[3 + column] * m[3 + column] + m[6 + column] * m[6 + column]);
    const double spacing = geometry.spacing[column];
    if (!(std::abs(length - spacing) <= 1e-3 * spacing)) {
      refuse(file, "the sform's voxel size along axis ", column + 1, " is ", length, " mm, expected ", spacing,
             " mm as field pixdim[", column + 1, "] says; repair the header");
    }
    geometry.spacing[column] = length;
    for (std::size_t row = 0; row < 3; ++row) m[3 * row + column] /= length;
  }
  const double departure = departure_from_rotation(m);
  if (departure > kMaxShear) {
    refuse(file, "the sform's axes are sheared (largest cosine ", departure, ", expected at most ", kMaxShear,
           "); resample the image to a rectangular grid");
  }
  m = nearest_rotation(m);
  to_lps(geometry);
  return geometry;
}

Geometry from_qform(const Fields& fields, std::string_view file, Geometry geometry) {
  std::array<double, 3> q;
  double norm = 0;
  for (std::size_t n = 0; n < 3; ++n) {
    q[n] = static_cast<double>(fields.get<float>(256 + 4 * n));
    geometry.origin[n] = static_cast<double>(fields.get<float>(268 + 4 * n));
    norm += q[n] * q[n];
    if (!std::isfinite(geometry.origin[n])) refuse(file, "field qoffset is not finite; the header is damaged");
  }
  if (!(norm <= 1.0 + 1e-5))
    refuse(file, "the quaternion of the qform has length ", std::sqrt(norm), ", expected at most 1; the header is damaged");
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

Geometry orientation(const Fields& fields, std::string_view file, const Geometry& grid, NiftiHeader& header) {
  const auto qcode = fields.get<std::int16_t>(252);
  const auto scode = fields.get<std::int16_t>(254);
  if (qcode <= 0 && scode <= 0) {
    refuse(file, "has no orientation: fields qform_code and sform_code are ", qcode, " and ", scode,
           ", expected one above 0; set it from the source images, it is never guessed");
  }
  if (scode <= 0) return from_qform(fields, file, grid);
  const Geometry geometry = from_sform(fields, file, grid);
  if (qcode <= 0) return geometry;
  const Geometry other = from_qform(fields, file, grid);
  const double distance =
      corner_distance(geometry, other) * std::min({geometry.spacing[0], geometry.spacing[1], geometry.spacing[2]});
  if (distance > kMaxFormDistance || determinant(geometry.direction) * determinant(other.direction) < 0) {
    refuse(file, "the sform (code ", scode, ") and the qform (code ", qcode, ") disagree by ", distance,
           " mm, expected at most ", kMaxFormDistance,
           " mm; decide which one is right and copy it over the other, e.g. with 'fslorient -copysform2qform'");
  }
  if (distance > kSilentFormDistance)
    header.remarks.push_back(text("sform and qform differ by ", fixed(distance, 2), " mm, the sform was taken"));
  return geometry;
}

template <class T>
void put(std::string& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
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

NiftiHeader parse_nifti_header(std::string_view bytes, std::string_view file) {
  NiftiHeader header;
  header.big_endian = byte_order(bytes, file);
  const Fields fields(bytes, header.big_endian);
  Geometry grid;
  read_size(fields, file, grid);
  read_type(fields, file, header);
  read_spacing(fields, file, header, grid);
  header.geometry = orientation(fields, file, grid, header);
  return header;
}

std::string nifti_header_bytes(const Geometry& geometry, NiftiType type) {
  const std::size_t voxel_bytes = type == NiftiType::u8 ? 1 : 4;
  std::string bytes(352, '\0');
  put<std::int32_t>(bytes, 0, 348);
  put<std::int16_t>(bytes, 40, 3);
  for (std::size_t axis = 0; axis < 7; ++axis) {
    put<std::int16_t>(bytes, 42 + 2 * axis, axis < 3 ? static_cast<std::int16_t>(geometry.size[axis]) : std::int16_t{1});
  }
  put<std::int16_t>(bytes, 70, static_cast<std::int16_t>(type));
  put<std::int16_t>(bytes, 72, static_cast<std::int16_t>(8 * voxel_bytes));
  Geometry ras = geometry;
  to_lps(ras);  // the same change of signs leads back
  const bool mirrored = determinant(ras.direction) < 0;
  put<float>(bytes, 76, mirrored ? -1.0F : 1.0F);
  for (std::size_t axis = 0; axis < 3; ++axis) put<float>(bytes, 80 + 4 * axis, static_cast<float>(geometry.spacing[axis]));
  put<float>(bytes, 108, 352.0F);
  put<float>(bytes, 112, 1.0F);
  put<std::int8_t>(bytes, 123, 2);   // millimetres
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
  std::memcpy(bytes.data() + 344, "n+1", 4);
  return bytes;
}

}  // namespace vitrine::imaging

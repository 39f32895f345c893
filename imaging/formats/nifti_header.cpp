#include "imaging/formats/nifti_header.h"

#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/nifti_fields.h"

namespace vitrine::imaging {
namespace {

constexpr double kMaxVoxelOffset = 16.0 * 1024 * 1024;  // extensions beyond 16 MiB are no plausible header

bool byte_order(std::string_view bytes, std::string_view file, NiftiHeader& header) {
  const auto little = Fields(bytes, false).get<std::int32_t>(0);
  const auto big = Fields(bytes, true).get<std::int32_t>(0);
  if (little == 540 || big == 540)
    refuse_header(file, "is NIfTI-2, expected NIfTI-1; convert it, e.g. with 'nifti_tool' or 'mri_convert'");
  if (little != 348 && big != 348) {
    refuse_header(file, "is not NIfTI: field sizeof_hdr is ", little, ", expected 348; give a .nii or .nii.gz file");
  }
  const std::string_view magic = bytes.substr(344, 4);
  if (magic == std::string_view("ni1\0", 4)) {
    header.is_pair = true;
  } else if (magic != std::string_view("n+1\0", 4)) {
    refuse_header(
        file,
        "has no NIfTI magic, so it is Analyze 7.5, where left and right are ambiguous; convert it to NIfTI from the source "
        "images");
  }
  return little != 348;
}

void read_size(const Fields& fields, std::string_view file, Geometry& geometry) {
  const auto rank = fields.get<std::int16_t>(40);
  if (rank < 3 || rank > 7) refuse_header(file, "field dim[0] is ", rank, ", expected 3 (a volume); give a 3-D image");
  for (std::size_t axis = 1; axis <= static_cast<std::size_t>(rank); ++axis) {
    const auto n = fields.get<std::int16_t>(40 + 2 * axis);
    if (axis > 3) {
      // Several tools leave 0 behind the axes that count; the length of the file says that there is one volume.
      if (n != 1 && n != 0) {
        refuse_header(file, "is ", rank, "-D: field dim[", axis, "] is ", n,
                      ", expected 1; split it and give one 3-D volume, e.g. with 'fslsplit'");
      }
      continue;
    }
    check_axis_size(n, text("dim[", axis, "]"), file);
    geometry.size[axis - 1] = n;
  }
  check_voxel_count(geometry, file);
}

bool is_known_type(std::int16_t code) {
  for (const std::int16_t known : {2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280}) {
    if (code == known) return true;
  }
  return false;
}

void read_type(const Fields& fields, std::string_view file, NiftiHeader& header) {
  const auto code = fields.get<std::int16_t>(70);
  if (!is_known_type(code)) {
    refuse_header(file, "field datatype is ", code, ", expected a scalar type (2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280);",
                  " colour, vector and complex images are not volumes, so export a grey one");
  }
  VoxelEncoding& encoding = header.encoding;
  encoding.type = static_cast<ScalarType>(code);
  const auto bits = fields.get<std::int16_t>(72);
  if (bits != static_cast<int>(8 * encoding.voxel_bytes())) {
    refuse_header(file, "field bitpix is ", bits, ", expected ", 8 * encoding.voxel_bytes(), " for datatype ", code,
                  "; the header is damaged");
  }
  const auto offset = static_cast<double>(fields.get<float>(108));
  const int least = header.is_pair ? 0 : 352;
  if (!(offset >= least && offset <= kMaxVoxelOffset) || offset != std::floor(offset)) {
    refuse_header(file, "field vox_offset is ", offset, ", expected a whole number from ", least, "; the header is damaged");
  }
  header.voxel_offset = static_cast<std::uint64_t>(offset);
  const auto slope = static_cast<double>(fields.get<float>(112));
  const auto intercept = static_cast<double>(fields.get<float>(116));
  if (std::isnan(slope) || slope == 0) {  // both mean "no scaling"
    if (std::isfinite(intercept) && intercept != 0)
      note(header.notes, text("scl_inter is ", intercept, " without a slope and was not applied"));
    return;
  }
  if (!std::isfinite(slope) || !std::isfinite(intercept)) {
    refuse_header(file, "fields scl_slope and scl_inter are ", slope, " and ", intercept,
                  ", expected finite numbers; the header is damaged");
  }
  encoding.scaled = slope != 1 || intercept != 0;
  encoding.slope = slope;
  encoding.intercept = intercept;
}

// What a length of the header is multiplied with to be in mm.
double read_unit(const Fields& fields, std::string_view file, NiftiHeader& header) {
  const int units = fields.get<std::int8_t>(123) & 7;
  if (units > 3) refuse_header(file, "field xyzt_units says an unknown unit of length (", units, "), expected millimetres (2)");
  header.units = units == 0 ? "not stated, mm taken" : units == 1 ? "metres" : units == 2 ? "mm" : "micrometres";
  if (units == 0) note(header.notes, "units are not stated, millimetres were taken");
  if (units == 0 || units == 2) return 1;
  warn(header.notes, text("field xyzt_units says ", header.units, ": lengths were converted to millimetres"));
  return units == 1 ? 1e3 : 1e-3;
}

void read_spacing(const Fields& fields, std::string_view file, double scale, NiftiHeader& header, Geometry& geometry) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double spacing = scale * static_cast<double>(fields.get<float>(80 + 4 * axis));
    check_spacing(spacing, text("pixdim[", axis + 1, "]", scale == 1 ? "" : text(" (in ", header.units, ", converted)")), file);
    geometry.spacing[axis] = spacing;
  }
  header.spacing_field = "pixdim[1..3]";
}

}  // namespace

NiftiHeader parse_nifti_header(std::string_view bytes, std::string_view file, const ReadOptions& options) {
  NiftiHeader header;
  header.encoding.big_endian = byte_order(bytes, file, header);
  const Fields fields(bytes, header.encoding.big_endian);
  Geometry grid;
  read_size(fields, file, grid);
  read_type(fields, file, header);
  const double scale = read_unit(fields, file, header);
  read_spacing(fields, file, scale, header, grid);
  header.geometry = nifti_place(fields, file, grid, scale, options, header);
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
  for (std::size_t axis = 0; axis < 3; ++axis) put<float>(bytes, 80 + 4 * axis, static_cast<float>(geometry.spacing[axis]));
  put<float>(bytes, 108, 352.0F);
  put<float>(bytes, 112, 1.0F);
  put<std::int8_t>(bytes, 123, 2);  // millimetres
  put_nifti_forms(geometry, bytes);
  std::memcpy(bytes.data() + 344, "n+1", 4);
  return bytes;
}

}  // namespace vitrine::imaging

// The 348-byte NIfTI-1 header, read by ourselves: what we accept, and the orientation we choose.
//
// ITK 5.2.1 takes the qform where the two forms conflict, assumes identity where neither is coded, reads the first volume of a
// 4-D file and turns NaN into 0, all in silence. So the header and the voxels are checked here, and every doubt is refused.
//
// Reference  R. W. Cox et al., "A (sort of) new image data format standard: NiFTI-1" (2004); nifti1.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

constexpr std::size_t kNiftiHeaderBytes = 348;

enum class NiftiType : std::int16_t {
  u8 = 2,
  i16 = 4,
  i32 = 8,
  f32 = 16,
  f64 = 64,
  i8 = 256,
  u16 = 512,
  u32 = 768,
  i64 = 1024,
  u64 = 1280
};

struct NiftiHeader {
  Geometry geometry;  // in LPS
  NiftiType type = NiftiType::f32;
  std::size_t voxel_bytes = 4;
  bool big_endian = false;
  bool scaled = false;  // value = slope * stored + intercept
  double slope = 1;
  double intercept = 0;
  std::uint64_t voxel_offset = 352;  // bytes before the first voxel
  std::vector<std::string> remarks;  // what it leaves open or contradicts, and what was taken

  std::uint64_t file_bytes() const { return voxel_offset + static_cast<std::uint64_t>(geometry.voxels()) * voxel_bytes; }
};

// `bytes` holds at least kNiftiHeaderBytes. DataError (file, field, found, expected, next step) on any flaw.
NiftiHeader parse_nifti_header(std::string_view bytes, std::string_view file);

// The header and the four bytes of "no extension" after it: float32 or uint8, little-endian, qform and sform alike.
std::string nifti_header_bytes(const Geometry& geometry, NiftiType type);

}  // namespace vitrine::imaging

// The 348-byte NIfTI-1 header, read by ourselves: what we accept, and the orientation we choose.
//
// ITK 5.2.1 takes the qform where the two forms conflict, assumes identity where neither is coded, reads the first volume of a
// 4-D file and turns NaN into 0, all in silence. So the header and the voxels are checked here, and every doubt is refused unless the
// options decide it. Metres and micrometres become millimetres with a warning.
//
// Reference  R. W. Cox et al., "A (sort of) new image data format standard: NiFTI-1" (2004); nifti1.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "imaging/formats/volume_file.h"
#include "imaging/formats/voxels.h"

namespace vitrine::imaging {

constexpr std::size_t kNiftiHeaderBytes = 348;

using NiftiType = ScalarType;

struct NiftiHeader {
  Geometry geometry;  // in LPS
  VoxelEncoding encoding;
  bool is_pair = false;                     // the voxels are in an .img file
  std::uint64_t voxel_offset = 352;         // bytes before the first voxel
  std::string spacing_field, place, units;  // which field was taken, as HeaderFacts names them
  Notes notes;                              // what it leaves open or contradicts, and what was taken

  std::uint64_t file_bytes() const {
    return voxel_offset + static_cast<std::uint64_t>(geometry.voxels()) * encoding.voxel_bytes();
  }
};

// `bytes` holds at least kNiftiHeaderBytes. DataError (file, field, found, expected, next step) on any flaw that the options do not decide.
NiftiHeader parse_nifti_header(std::string_view bytes, std::string_view file, const ReadOptions& options = {});

// The header and the four bytes of "no extension" after it: float32 or uint8, little-endian, qform and sform alike.
std::string nifti_header_bytes(const Geometry& geometry, NiftiType type);

}  // namespace vitrine::imaging

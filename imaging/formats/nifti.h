// NIfTI-1 files (.nii, .nii.gz), read and written by ourselves (imaging/formats/nifti_header.h says why).
//
// Memory     the voxels that have arrived, twice while they are put together, and a piece; nothing is reserved for what a header announces
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

inline constexpr std::uint64_t kMaxNiftiBytes = std::uint64_t{3} << 30;

struct NiftiFile {
  Volume volume;                     // in the file's own order of voxels
  std::string sha256;                // of the file
  std::vector<std::string> remarks;  // what the header leaves open or contradicts, and what was taken
};

// What a file announces before a voxel of it is read.
struct NiftiClaim {
  Geometry geometry;     // as stored
  double inflation = 1;  // bytes that are announced for each byte of the file
};
using ClaimCheck = std::function<void(const NiftiClaim&)>;  // throws when the volume is none that is wanted

// DataError (file, field, found, expected) for everything docs/imaging.md lists: not NIfTI, truncated, 4-D, absurd sizes or spacing, no
// orientation, non-finite voxels. Interrupted.
NiftiFile read_nifti_file(const std::filesystem::path& path, const ClaimCheck& check = {});
Volume read_nifti(const std::filesystem::path& path);

// Writes float32 or, for masks, uint8; deflated when the name ends in .gz. FileError when it cannot.
void write_nifti(const std::filesystem::path& path, const Volume& volume);
void write_mask_nifti(const std::filesystem::path& path, const Mask& mask);

}  // namespace vitrine::imaging

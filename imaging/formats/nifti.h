// NIfTI-1 files (.nii, .nii.gz, pairs of .hdr and .img), read and written by ourselves (imaging/formats/nifti_header.h says why).
//
// Pairs      either file may be named; the other lies beside it, compressed or not. Analyze 7.5 is refused: its left and right are ambiguous
#pragma once

#include <cstdint>
#include <filesystem>

#include "imaging/formats/volume_file.h"

namespace vitrine::imaging {

inline constexpr std::uint64_t kMaxNiftiBytes = kMaxVolumeFileBytes;

// DataError (file, field, found, expected) for everything docs/imaging.md lists: not NIfTI, truncated, 4-D, absurd sizes or spacing, no
// orientation, non-finite voxels. Interrupted.
VolumeFile read_nifti_file(const std::filesystem::path& path, const ReadOptions& options = {}, const ClaimCheck& check = {});
Volume read_nifti(const std::filesystem::path& path);

// Writes float32 or, for masks, uint8; deflated when the name ends in .gz. FileError when it cannot.
void write_nifti(const std::filesystem::path& path, const Volume& volume);
void write_mask_nifti(const std::filesystem::path& path, const Mask& mask);

}  // namespace vitrine::imaging

// One of a subject's files as the steps use it: in LPS order, with what is to be remembered about the file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/formats/nifti.h"
#include "imaging/orientation.h"

namespace vitrine::imaging {

struct ReadVolume {
  Volume volume;
  StorageOrder order;                // of the file
  Geometry stored;                   // of the file: where results that are written beside it lie
  std::string file_sha256;           // of the file's bytes
  std::string voxels_sha256;         // of sizes and values in LPS order: equal for copies that were compressed or turned anew
  std::vector<std::string> remarks;  // of the header
};

// DataError as read_nifti_file. `check` sees the geometry in LPS order, before a voxel is read. Interrupted.
ReadVolume read_volume(const std::filesystem::path& path, const ClaimCheck& check = {});

// The same, and DataError when all voxels hold one value, or when so little stands for so many voxels that nearly all must (no image of a
// head shrinks to a 256th: it would be inflated to the end for nothing).
ReadVolume read_series(const std::filesystem::path& path);

}  // namespace vitrine::imaging

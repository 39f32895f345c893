// A box of voxels out of a subject's file, for whoever needs a few: as read_volume would give them.
//
// Cost       a NIfTI-1 file that stands alone is read to the last voxel of the box when it is compressed, and only there when it is not;
//            other formats are read whole
#pragma once

#include <filesystem>
#include <string>

#include "imaging/orientation.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct VoxelBox {
  std::array<std::int64_t, 3> low{}, size{};  // in LPS order; of size 0: no voxel
  bool empty() const { return size[0] <= 0 || size[1] <= 0 || size[2] <= 0; }
};

struct VolumePart {
  VoxelBox box;
  Geometry whole;           // of the file, in LPS order
  StorageOrder order;       // of the file
  std::vector<float> data;  // of the box, i fastest
  std::string file_sha256;  // as read_volume gives it

  float at(std::int64_t i, std::int64_t j, std::int64_t k) const {  // indices of the whole volume
    return data[static_cast<std::size_t>(((k - box.low[2]) * box.size[1] + j - box.low[1]) * box.size[0] + i - box.low[0])];
  }
};

// DataError as read_volume, and for a box that does not lie inside the volume. Values that are not finite are 0, as read_volume has them where
// it accepts the file. Interrupted.
VolumePart read_volume_part(const std::filesystem::path& path, const VoxelBox& box);

}  // namespace vitrine::imaging

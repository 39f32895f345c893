// The part of a head that is looked at: what lies beyond it need not be made.
#pragma once

#include <cstdint>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

class ScannedHead;

// Where brain or tumour may be, in T1c's space: the skull's inside, in cells of 4 mm, and a cell more.
class Region {
 public:
  explicit Region(const ScannedHead& head);
  bool holds(const Vec3& point) const;

 private:
  Mask cells_;
};

// The voxels of `source`, 1 or 0, that resample (imaging/volume.h) reads for the voxels of `looked_at` that are not 0: their neighbours, and those
// that the blur before it mixes into them. `transform` leads from the grid to `source`.
std::vector<std::uint8_t> voxels_behind(const Volume& looked_at, const Geometry& source, const RigidTransform& transform);

}  // namespace vitrine::imaging

// The part of a head that is looked at: what lies beyond it need not be made.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

class ScannedHead;

// Everything within `reach_mm` of the brain, and within `lesion_reach_mm` of the surface of a tumour, in T1c's space: at least that, in cells of 4 mm.
class Region {
 public:
  Region(const ScannedHead& head, double reach_mm, double lesion_reach_mm);
  bool holds(const Vec3& point) const;

 private:
  Mask cells_;
};

}  // namespace vitrine::imaging

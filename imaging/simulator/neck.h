// What the head of imaging/simulator/anatomy.h lacks: a neck below its last slice, and the choroid plexus.
#pragma once

#include "imaging/simulator/anatomy.h"

namespace vitrine::imaging {

// Where they lie in an anatomy, in its own space (mm, LPS).
class NeckAndPlexus {
 public:
  explicit NeckAndPlexus(const Anatomy& anatomy);

  // Below this height there is no head: the neck begins.
  double top_mm() const { return top_; }
  // Skin, fat below it, muscle with planes of fat, vertebrae with discs, the canal with fluid and cord, airway and four vessels; the jaw and
  // the nape run out within 30 mm. Neither brain nor inside the skull.
  TissueBytes neck_at(const Vec3& head_point) const;
  // Share of choroid plexus in the trigones of the lateral ventricles; it lies in fluid only.
  double plexus_at(const Vec3& head_point) const;

 private:
  const Anatomy& anatomy_;
  double top_ = 0;
  Vec3 cord_{};  // where the cord leaves the head
};

}  // namespace vitrine::imaging

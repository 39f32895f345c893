// The template's head laid over a patient's by an affine map: mutual information of the template's classes and the volume's intensities.
//
// Samples    nodes of the template in the brain and up to 20 mm around it, only 6 mm where its surface faces down: face and neck are never looked at
// Search     about 1,400 starts below the top of the head and about the middle of the field of view: turns of up to 30 degrees, shifts, two sizes, at 8 mm;
//            the best six are refined (rigid and size, then affine), the best of them at 4 mm. Powell's line searches, values only
// Prior      scales within about 15 %, shears within 0.1: a head, not a deformed one
// Reference  Viola & Wells 1997, doi 10.1023/A:1007958904918; Powell 1964, doi 10.1093/comjnl/7.2.155
#pragma once

#include <array>

#include "imaging/template/head_template.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// Points of the template to points of the patient: matrix * p + shift.
struct AffineMap {
  Matrix3 matrix{1, 0, 0, 0, 1, 0, 0, 0, 1};
  Vec3 shift{0, 0, 0};

  Vec3 apply(const Vec3& p) const {
    const Vec3 q = times(matrix, p);
    return {q[0] + shift[0], q[1] + shift[1], q[2] + shift[2]};
  }
  AffineMap inverse() const;  // InternalError for a matrix that has none
};

struct HeadRegistration {
  AffineMap map;
  double information = 0;                // nats, at 4 mm
  double covered = 1;                    // share of the template's brain inside the field of view
  std::array<double, 3> scale{1, 1, 1};  // along the template's axes
  double head_top = 0;                   // mm, the highest place that is head
};

// `volume`: of about 4 mm, in LPS order. Interrupted.
HeadRegistration register_head(const HeadTemplate& head, const Volume& volume);

}  // namespace vitrine::imaging

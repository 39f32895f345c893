// The template's head laid over a patient's by an affine map: the mutual information of what a node is and which intensity it meets.
//
// Samples    the same nodes of the template for every map, brain and 30 mm around it down to the foramen magnum: CSF with meninges, grey matter, white
//            matter, soft tissue, bone, air. A small or a large head cannot choose what it is judged by
// Search     about 1,200 starts below the top of the head and about the middle of the field of view: turns of up to 30 degrees, shifts, two sizes, at
//            12 mm; ten are refined at 8 mm (rigid and size), the best four there (affine), the best of them at 4 mm. Powell's line searches, values only
// Prior      scales within about 10 % of 0.94 (MNI152 is larger than most heads), shears within 0.06, turns within 20 degrees; what lies outside of the field of view costs a little
// Reference  Viola & Wells 1997, doi 10.1023/A:1007958904918; Powell 1964, doi 10.1093/comjnl/7.2.155
#pragma once

#include <array>

#include "imaging/brain/head_template.h"
#include "imaging/prep_kernels.h"
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

// A volume as the kernels see it through a map.
kernels::MappedVolume mapped(const Volume& volume, const AffineMap& map);

struct HeadRegistration {
  AffineMap map;
  double information = 0;                // nats, at 4 mm
  double covered = 1;                    // share of the template's brain inside the field of view
  std::array<double, 3> scale{1, 1, 1};  // along the template's axes
};

// `volume`: of about 4 mm, in LPS order. Interrupted.
HeadRegistration register_head(const HeadTemplate& head, const Volume& volume);

}  // namespace vitrine::imaging

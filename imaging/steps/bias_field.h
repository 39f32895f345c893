// Correction of the smooth intensity field of the receive coils.
//
// Model      v = field * (mean of the voxel's tissue class + noise) inside the brain. The logarithm of the field is a tensor product of cubic
//            B-splines (knots of about 50 mm) with a penalty on bending: a coil's sensitivity varies over the coil's own size, some 100
//            mm, and not with the gyri. Alternated, as Wells et al. 1996 (doi 10.1109/42.511747) and Ashburner and Friston 2005 (doi
//            10.1016/j.neuroimage.2005.02.018) do:
//            classes   a mixture of normal distributions of v / field, 12 classes and a uniform one (steps/tissue_classes.h)
//            field     least squares of two sorts of evidence, each normalised to weight 1:
//                      what the classes expect of a place, by their precision (mean / deviation)^2;
//                      pairs of places 9 and 18 mm apart along an axis that hold one tissue: there the logarithms differ by the field alone.
//                      Which pairs do is told by a redescending weight exp(-r^2 / 2 s^2) whose s shrinks from 0.2 to 0.04 (graduated
//                      non-convexity, Blake and Zisserman 1987). Pairs need no classes: they start the fit, and hold it where a tissue
//                      itself varies (brainstem, cerebellum, deep grey matter).
// Stiffness  of the bending, fixed; where the field found so far bends less than 8e-10 mm^-4, about what 15 % from end to end do, in inverse
//            proportion up to 20 times stiffer: a field that is hardly there should not follow the tissue
// Places     means over cells of about 3 mm; cells whose own variance exceeds the noise's hold two tissues and count less.
// Lesion     with 4 mm around it has no weight: the field passes over it as its surroundings and the bending say.
// Kept       the median inside the brain. corrected * field = volume at every voxel. Voxels that are not above 0 have no weight.
// Order      every sum runs in one stated order, in double: the same bits everywhere
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/steps/spline_field.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// The field of a correction by the numbers that it was drawn from: some hundred coefficients instead of a volume.
struct BiasModel {
  Vec3 low{}, high{};                // of the spline's box, mm along the axes of the grid
  double knot_mm = 0;                // of SplineField
  std::vector<double> coefficients;  // of the logarithm
  double mean_log = 0, scale = 1;    // field = scale * exp(spline - mean_log)
};

// The field of a model at single voxels: the bits of BiasCorrection::field.
class BiasFieldAt {
 public:
  // DataError when there are not as many coefficients as the box asks for.
  BiasFieldAt(const BiasModel& model, const Vec3& spacing);
  float at(std::int64_t i, std::int64_t j, std::int64_t k) const;

 private:
  BiasModel model_;
  Vec3 spacing_;
  SplineField spline_;
};

struct BiasCorrection {
  Volume corrected;
  Volume field;                          // positive; its scale is such that the median inside the mask stays
  double field_low = 1, field_high = 1;  // 1 % and 99 % quantile inside the mask, by the field's geometric mean there
  int steps = 0;                         // of the alternation
  double used_share = 1;                 // of the brain's voxels that the fit has seen
  BiasModel model;                       // of `field`; of N4's there is none
};

// What correction makes of a value where the field is `field`.
float without_bias(float value, float field);

struct BiasOptions {
  double cell_mm = 3;
  double knot_mm = 50;
  double stiffness = 1e4;       // mm^4: of the mean squared second derivative of the log field against its mean squared error
  double pair_weight = 5;       // of the pairs against the classes
  double lesion_margin_mm = 4;  // around the lesion, without weight
  int classes = 12;
  int steps = 20;  // at most; fewer when a step changes the field by less than 0.02 % (root mean square)
};

// The field inside `brain`, which is 0 or 1 on the volume's grid; `lesion` likewise, or empty (no voxels). Outside the brain's box the field
// is that of the box's border. DataError when the mask is empty, the volume is constant inside it, most of it is not above 0, or
// fewer than 200 cells are left; `what` names the volume.
BiasCorrection correct_bias(const Volume& volume, const Mask& brain, const Mask& lesion, const BiasOptions& options,
                            const std::string& what);

Json record(const BiasCorrection& correction);

struct N4Options {
  double grid_mm = 4;   // of the averaged volume that the field is fitted on
  unsigned levels = 3;  // of the spline's lattice, each twice as fine
  unsigned iterations = 30;
};

// The same by N4 (Tustison et al. 2010, doi 10.1109/TMI.2010.2046908), ITK's, as other tools have it: `mri bias --method n4`. The log field is fitted on the averaged volume, whose values are shifted above 0, and interpolated linearly. DataError when the
// volume is constant inside the mask.
BiasCorrection correct_bias(const Volume& volume, const Mask& mask, const std::string& what, const N4Options& options = {});

}  // namespace vitrine::imaging

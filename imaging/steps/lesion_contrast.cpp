#include "imaging/steps/lesion_contrast.h"

#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kGridMm = 2, kNearMm = 4, kFarMm = 12;
constexpr float kPart = 0.25F;  // of a coarse voxel that makes it lesion
constexpr std::size_t kFewest = 8;

Mask at_least(Volume share, float least) {
  for (float& v : share.data) v = v >= least ? 1.0f : 0.0f;
  return share;
}

}  // namespace

LesionContrast lesion_contrast(const Volume& t1c, const Mask& brain, const Mask& lesion) {
  const Geometry grid = coarse_grid(t1c.geometry, kGridMm);
  const Volume coarse = averaged(t1c, grid);
  const Mask inside = at_least(averaged(brain, grid), 0.5f), marked = at_least(averaged(lesion, grid), kPart);
  const Mask near = dilated(marked, kNearMm), far = dilated(marked, kFarMm);
  std::vector<float> in_brain, in_lesion, around;
  for (std::size_t i = 0; i < coarse.data.size(); ++i) {
    if (marked.data[i] != 0) in_lesion.push_back(coarse.data[i]);
    if (inside.data[i] == 0) continue;
    in_brain.push_back(coarse.data[i]);
    if (far.data[i] != 0 && near.data[i] == 0) around.push_back(coarse.data[i]);
  }
  LesionContrast result;
  const double width = quantile(in_brain, 0.9) - quantile(in_brain, 0.1);
  if (in_lesion.size() < kFewest || around.size() < kFewest || !(width > 0)) return result;
  result.measured = true;
  result.above_surroundings = (quantile(in_lesion, 0.5) - quantile(around, 0.5)) / width;
  result.brightest = (quantile(in_lesion, 0.9) - quantile(in_brain, 0.5)) / width;
  return result;
}

Notes lesion_contrast_notes(const LesionContrast& c) {
  Notes notes;
  if (!c.measured || c.above_surroundings >= kLeastAbove || c.brightest >= kLeastBrightest) return notes;
  warn(notes, text("the lesion mask marks nothing that enhances: on T1c it lies ", fixed(c.above_surroundings, 2),
                   " above its surroundings, its brightest tenth from ", fixed(c.brightest, 2),
                   " above the brain's median (in widths of the brain's values), expected at least ", fixed(kLeastAbove, 1),
                   " or ", fixed(kLeastBrightest, 1),
                   "; check that the mask is of this patient and this T1c, and that contrast agent was given"));
  return notes;
}

}  // namespace vitrine::imaging

#include "imaging/brain/surface.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "imaging/brain/brain.h"
#include "imaging/brain/running_means.h"
#include "imaging/brain/tissue_map.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr float kDeep = -8;  // mm from the template's surface
constexpr float kFarDark = 0.5f,
                kFarBright = -1.6f;  // mm: around bright CSF the template ends at the skull, which lies that much farther out
constexpr double kOpening = 2, kClosing = 6;
constexpr double kSurfaceSigma = 1.5;  // mm, of the smooth field

}  // namespace

BrainSurface find_surface(const HeadTemplate& head, const HeadFit& fit, const Volume& fine) {
  Mask tissue = tissue_map(head, fit, part_in(fine, fit.field.geometry));
  Volume distance = tissue;
  each_voxel(tissue.geometry, [&](std::size_t at, const Vec3& p) { distance.data[at] = head.at(fit.on_template(p)).distance; });
  Volume rest = tissue;
  each_voxel(tissue.geometry,
             [&](std::size_t at, const Vec3& p) { rest.data[at] = head.at(fit.to_template.apply(p)).distance; });
  const float far = fit.csf_is_bright() ? kFarBright : kFarDark;
  Mask model = distance;
  for (std::size_t at = 0; at < tissue.data.size(); ++at) {
    const float d = distance.data[at];
    tissue.data[at] = d < kDeep || rest.data[at] < kDeep || (d < far && tissue.data[at] >= 0.5f) ? 1.0f : 0.0f;
    model.data[at] = d <= 0 ? 1.0f : 0.0f;
  }
  Mask hull = filled(closed(largest_part(opened(tissue, kOpening)), kClosing));
  BrainSurface surface;
  Mask common = model;
  for (std::size_t at = 0; at < hull.data.size(); ++at) {
    if (distance.data[at] >= far && rest.data[at] >= kDeep) hull.data[at] = 0;
    common.data[at] = model.data[at] * hull.data[at];
  }
  surface.template_ml = volume_ml(model);
  surface.tissue_ml = volume_ml(hull);
  surface.common_ml = volume_ml(common);
  surface.inside = smoothed(std::move(hull), kSurfaceSigma);
  return surface;
}

}  // namespace vitrine::imaging

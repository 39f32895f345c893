#include "imaging/steps/brain_surface.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"
#include "imaging/steps/running_means.h"

namespace vitrine::imaging {
namespace {

constexpr float kDeep = -8, kFar = 5;  // mm from the template's surface
constexpr float kBrightReach = 1.5f;   // mm: farther outside, what is brighter than tissue is no lesion
constexpr double kOpening = 2.5, kClosing = 6;
constexpr double kSurfaceSigma = 1.5;  // mm, of the smooth field

// The part of `fine` around the fit's grid.
Volume around_brain(const Volume& fine, const Geometry& box) {
  Vec3 low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t c = 0; c < 3; ++c) index[c] = corner >> c & 1 ? static_cast<double>(box.size[c]) - 0.5 : -0.5;
    const Vec3 q = fine.geometry.to_index(box.to_physical(index));
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], q[c]);
      high[c] = std::max(high[c], q[c]);
    }
  }
  std::array<std::int64_t, 3> first{}, size{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double last = static_cast<double>(fine.geometry.size[c] - 1);
    first[c] = static_cast<std::int64_t>(std::clamp(std::ceil(low[c]), 0.0, last));
    size[c] = static_cast<std::int64_t>(std::clamp(std::floor(high[c]), 0.0, last)) - first[c] + 1;
  }
  return part_of(fine, first, size);
}

template <class Work>
void each_voxel(const Geometry& g, const Work& work) {
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt("brain extraction");
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at)
        work(at, g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
    }
  }
}

// Limits of what shows brain tissue.
struct Limits {
  double low, high, brightest;
};

Limits tissue_limits(const HeadFit& fit, const Volume& corrected, const Volume& distance, bool csf_is_bright) {
  const double grey = fit.levels[kGrey].mean, white = fit.levels[kWhite].mean;
  std::vector<float> ring;
  for (std::size_t at = 0; at < corrected.data.size(); ++at) {
    if (distance.data[at] > 1 && distance.data[at] < 5) ring.push_back(corrected.data[at]);
  }
  if (csf_is_bright) {
    const double csf = fit.levels[kCsf].mean, skull = quantile(ring, 0.1);
    return {0.5 * (skull + std::min(grey, white)), 0.5 * (std::max(grey, white) + csf), 1e30};
  }
  return {0.5 * (quantile(ring, 0.35) + std::min(grey, white)), fit.brightest_tissue(), fit.brightest_tissue()};
}

}  // namespace

BrainSurface find_surface(const HeadTemplate& head, const HeadFit& fit, const Volume& fine, bool csf_is_bright) {
  Volume corrected = around_brain(fine, fit.field.geometry);
  const Geometry g = corrected.geometry;
  Volume distance{g, std::vector<float>(corrected.data.size())};
  each_voxel(g, [&](std::size_t at, const Vec3& p) {
    corrected.data[at] /= interpolated(fit.field, fit.field.geometry.to_index(p));
    distance.data[at] = head.at(fit.on_template(p)).distance;
  });
  const Limits limits = tissue_limits(fit, corrected, distance, csf_is_bright);
  Mask tissue = distance, model = distance;
  for (std::size_t at = 0; at < corrected.data.size(); ++at) {
    const double v = static_cast<double>(corrected.data[at]);
    const float d = distance.data[at];
    const bool shows = v > limits.low && (v < limits.high || (v > limits.brightest && d < kBrightReach));
    tissue.data[at] = d < kDeep || (d < kFar && shows) ? 1.0f : 0.0f;
    model.data[at] = d <= 0 ? 1.0f : 0.0f;
  }
  Mask hull = filled(closed(largest_part(opened(tissue, kOpening)), kClosing));
  BrainSurface surface;
  Mask common = model;
  for (std::size_t at = 0; at < hull.data.size(); ++at) {
    if (distance.data[at] >= kFar) hull.data[at] = 0;
    common.data[at] = model.data[at] * hull.data[at];
  }
  surface.template_ml = volume_ml(model);
  surface.tissue_ml = volume_ml(hull);
  surface.common_ml = volume_ml(common);
  surface.inside = smoothed(std::move(hull), kSurfaceSigma);
  return surface;
}

}  // namespace vitrine::imaging

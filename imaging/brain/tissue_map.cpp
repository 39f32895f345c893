#include "imaging/brain/tissue_map.h"

#include <algorithm>
#include <cmath>

#include "imaging/brain/running_means.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kSheetMm = 1.5, kBridgeMm = 2.5, kPocketMm = 6;
constexpr float kDeep = -14;  // mm: whatever it shows, this is brain
constexpr float kUnknown = 0.5f;
constexpr float kFarthest = 6;  // mm from the brain's surface

// The largest part of what is tissue or deep in the brain once bridges are cut, and what lies close to it.
Mask connected_to_brain(const HeadTemplate& head, const HeadFit& fit, const Volume& tissue) {
  Mask mask = tissue;
  each_voxel(mask.geometry, [&](std::size_t at, const Vec3& place) {
    const float distance = head.at(fit.on_template(place)).distance;
    mask.data[at] = distance < kDeep || (tissue.data[at] >= 0.5f && distance < kFarthest) ? 1.0f : 0.0f;
  });
  return dilated(largest_part(eroded(mask, kBridgeMm)), kBridgeMm + kSheetMm);
}

}  // namespace

Volume tissue_map(const HeadTemplate& head, const HeadFit& fit, const Volume& volume) {
  Volume tissue = volume, bright = volume;
  const Geometry& lattice = fit.field.geometry;
  each_voxel(volume.geometry, [&](std::size_t at, const Vec3& place) {
    const Vec3 q = lattice.to_index(place);
    const float field = lattice.holds(q) ? interpolated(fit.field, q) : 1.0f;
    const auto bin = static_cast<std::size_t>(fit.scale.place(volume.data[at] / field) + 0.5f);
    bright.data[at] = fit.bright[bin] ? 1.0f : 0.0f;
    tissue.data[at] = fit.bright[bin] ? 0.0f : fit.tissue[bin];
  });
  bright = without_sheets(std::move(bright), kSheetMm);
  for (std::size_t v = 0; v < bright.data.size(); ++v) tissue.data[v] = std::max(tissue.data[v], bright.data[v]);
  tissue = without_sheets(std::move(tissue), kSheetMm);
  const Mask connected = connected_to_brain(head, fit, tissue);
  Mask solid = tissue;
  for (std::size_t v = 0; v < solid.data.size(); ++v)
    solid.data[v] = tissue.data[v] >= 0.5f && connected.data[v] != 0 ? 1.0f : 0.0f;
  const Mask hull = filled(closed(solid, kPocketMm)), near_bright = dilated(bright, kPocketMm);
  for (std::size_t v = 0; v < bright.data.size(); ++v) {
    if (bright.data[v] != 0) tissue.data[v] = std::min(tissue.data[v], kUnknown);
    tissue.data[v] *= connected.data[v];
    if (hull.data[v] != 0 && near_bright.data[v] != 0) tissue.data[v] = std::max(tissue.data[v], kUnknown);
  }
  return tissue;
}

Volume averaged_onto(const Volume& volume, const Geometry& grid) {
  Volume sum{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  std::vector<float> count(sum.data.size());
  each_voxel(volume.geometry, [&](std::size_t at, const Vec3& place) {
    const Vec3 q = grid.to_index(place);
    if (!grid.holds(q)) return;
    const std::size_t cell = nearest_voxel(grid, q);
    sum.data[cell] += volume.data[at];
    count[cell] += 1;
  });
  for (std::size_t c = 0; c < count.size(); ++c) sum.data[c] /= std::max(count[c], 1.0f);
  return sum;
}

}  // namespace vitrine::imaging

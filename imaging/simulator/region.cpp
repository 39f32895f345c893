#include "imaging/simulator/region.h"

#include <algorithm>
#include <cmath>

#include "imaging/simulator/scan.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kCell = 4;  // mm
constexpr double kDiagonal =
    1.7320508 * kCell;       // from a point to the centre of its cell, and from there to what was looked at: half each
constexpr double kBump = 5;  // cosines that a surface is made of (imaging/simulator/lesion.h)

}  // namespace

Region::Region(const ScannedHead& head, double reach_mm, double lesion_reach_mm) {
  const double margin = reach_mm + kDiagonal + kCell;
  const Anatomy& anatomy = head.anatomy();
  Geometry grid;
  for (std::size_t c = 0; c < 3; ++c) {
    constexpr double kBeyond = 24;  // how far a deformed brain reaches beyond the anatomy's box
    grid.spacing[c] = kCell;
    grid.origin[c] = anatomy.brain_low[c] - kBeyond - margin;
    grid.size[c] =
        static_cast<std::int64_t>(std::ceil((anatomy.brain_high[c] - anatomy.brain_low[c] + 2 * (kBeyond + margin)) / kCell));
  }
  cells_ = {grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  const auto each_cell = [&](const auto& work) {
    for (std::int64_t at = 0; at < grid.voxels(); ++at) {
      const Vec3 p =
          grid.to_physical({static_cast<double>(at % grid.size[0]), static_cast<double>(at / grid.size[0] % grid.size[1]),
                            static_cast<double>(at / (grid.size[0] * grid.size[1]))});
      work(p, cells_.data[static_cast<std::size_t>(at)]);
    }
  };
  each_cell([&](const Vec3& p, float& cell) { cell = head.tissue(p)[brain] > 0 ? 1.0f : 0.0f; });
  cells_ = dilated(cells_, reach_mm + kDiagonal);
  each_cell([&](const Vec3& p, float& cell) {
    for (const Lesion& l : head.patient().lesions) {
      const double radius = l.latents.radius_mm * (1 + kBump * l.latents.irregularity) + lesion_reach_mm + kDiagonal;
      const double x = p[0] - l.centre[0], y = p[1] - l.centre[1], z = p[2] - l.centre[2];
      if (x * x + y * y + z * z < radius * radius) cell = 1;
    }
  });
}

bool Region::holds(const Vec3& point) const {
  const Vec3 index = cells_.geometry.to_index(point);
  std::array<std::int64_t, 3> at;
  for (std::size_t c = 0; c < 3; ++c) {
    at[c] = static_cast<std::int64_t>(std::floor(index[c] + 0.5));
    if (at[c] < 0 || at[c] >= cells_.geometry.size[c]) return false;
  }
  return cells_.at(at[0], at[1], at[2]) > 0;
}

}  // namespace vitrine::imaging

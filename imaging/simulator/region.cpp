#include "imaging/simulator/region.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/simulator/scan.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kCell = 4;  // mm
constexpr double kDiagonal =
    1.7320508 * kCell;              // from a point to the centre of its cell, and from there to what was looked at: half each
constexpr double kBump = 5;         // cosines that a surface is made of (imaging/simulator/lesion.h)
constexpr double kBeyond = 24;      // mm: how far a deformed brain reaches beyond the anatomy's box
constexpr double kRounding = 0.01;  // voxels: headers are rounded (imaging/orientation.h)
constexpr double kBlurWidths = 2;   // full widths at half maximum that the Gaussian before interpolation reaches, and more

// Marks everything within `reach` voxels along one axis of what is marked.
void widen(std::vector<std::uint8_t>& marked, const std::array<std::int64_t, 3>& size, std::size_t axis, std::int64_t reach) {
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  const std::int64_t n = size[axis], step = stride[axis], lines = size[0] * size[1] * size[2] / n;
  std::vector<std::uint8_t> line(static_cast<std::size_t>(n));
  for (std::int64_t l = 0; l < lines; ++l) {
    if (l % 4096 == 0) check_interrupt("simulation");
    std::uint8_t* const first = marked.data() + l / step * step * n + l % step;
    for (std::int64_t i = 0; i < n; ++i) line[static_cast<std::size_t>(i)] = first[i * step];
    for (std::int64_t i = 0; i < n; ++i) {
      if (line[static_cast<std::size_t>(i)] == 0) continue;
      const bool inside =
          i > 0 && i + 1 < n && line[static_cast<std::size_t>(i - 1)] != 0 && line[static_cast<std::size_t>(i + 1)] != 0;
      if (inside) continue;  // its neighbours reach further
      for (std::int64_t d = std::max(-reach, -i); d <= std::min(reach, n - 1 - i); ++d) first[(i + d) * step] = 1;
    }
  }
}

}  // namespace

Region::Region(const ScannedHead& head) {
  const Anatomy& anatomy = head.anatomy();
  Geometry grid;
  for (std::size_t c = 0; c < 3; ++c) {
    grid.spacing[c] = kCell;
    grid.origin[c] = anatomy.brain_low[c] - kBeyond;
    grid.size[c] =
        static_cast<std::int64_t>(std::ceil((anatomy.brain_high[c] - anatomy.brain_low[c] + 2 * kBeyond) / kCell)) + 1;
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
  each_cell([&](const Vec3& p, float& cell) { cell = head.tissue(p)[intracranial] > 0 ? 1.0f : 0.0f; });
  cells_ = dilated(cells_, kDiagonal);
  each_cell([&](const Vec3& p, float& cell) {
    for (const Lesion& l : head.patient().lesions) {
      const double radius = l.latents.radius_mm * (1 + kBump * l.latents.irregularity) + kDiagonal;
      const double x = p[0] - l.centre[0], y = p[1] - l.centre[1], z = p[2] - l.centre[2];
      if (x * x + y * y + z * z < radius * radius) cell = 1;
    }
  });
}

bool Region::holds(const Vec3& point) const {
  const Geometry& g = cells_.geometry;
  std::array<std::int64_t, 3> at;
  for (std::size_t c = 0; c < 3; ++c) {
    const double x = (point[c] - g.origin[c]) * (1 / kCell) + 0.5;
    if (!(x >= 0 && x < static_cast<double>(g.size[c]))) return false;
    at[c] = static_cast<std::int64_t>(x);
  }
  return cells_.at(at[0], at[1], at[2]) > 0;
}

std::vector<std::uint8_t> voxels_behind(const Volume& looked_at, const Geometry& source, const RigidTransform& transform) {
  const Geometry& grid = looked_at.geometry;
  const RigidMap map = transform.map();
  std::vector<std::uint8_t> marked(static_cast<std::size_t>(source.voxels()));
  std::size_t at = 0;
  for (std::int64_t k = 0; k < grid.size[2]; ++k) {
    check_interrupt("simulation");
    for (std::int64_t j = 0; j < grid.size[1]; ++j) {
      for (std::int64_t i = 0; i < grid.size[0]; ++i, ++at) {
        if (looked_at.data[at] == 0) continue;
        const Vec3 x = source.to_index(
            map.apply(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)})));
        std::array<std::int64_t, 3> low, high;
        for (std::size_t c = 0; c < 3; ++c) {
          low[c] = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(x[c] - kRounding)));
          high[c] = std::min(source.size[c] - 1, static_cast<std::int64_t>(std::floor(x[c] + kRounding)) + 1);
        }
        for (std::int64_t c = low[2]; c <= high[2]; ++c) {
          for (std::int64_t b = low[1]; b <= high[1]; ++b) {
            for (std::int64_t a = low[0]; a <= high[0]; ++a)
              marked[static_cast<std::size_t>((c * source.size[1] + b) * source.size[0] + a)] = 1;
          }
        }
      }
    }
  }
  const Vec3 fwhm = blur_fwhm(source, grid, transform);
  for (std::size_t c = 0; c < 3; ++c) {
    if (fwhm[c] > 0)
      widen(marked, source.size, c, static_cast<std::int64_t>(std::ceil(kBlurWidths * fwhm[c] / source.spacing[c])));
  }
  return marked;
}

}  // namespace vitrine::imaging

#include "imaging/scan/head_region.h"

#include <algorithm>
#include <cmath>

#include "imaging/steps/axial.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"

namespace vitrine::imaging {
namespace {

constexpr double kSpacing = 3;                               // mm
constexpr double kStrippedMl = 2000, kStrippedZeros = 0.35;  // a head with scalp and face has over 3 litres

// Sets what lies between two set voxels along one of the axes 0 and 1.
std::vector<bool> between(const Mask& bright, std::size_t axis) {
  const auto& n = bright.geometry.size;
  std::vector<bool> out(bright.data.size());
  const std::int64_t stride = axis == 0 ? 1 : n[0], across = axis == 0 ? n[0] : 1;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    for (std::int64_t line = 0; line < n[1 - axis]; ++line) {
      const std::int64_t start = k * n[0] * n[1] + line * across;
      std::int64_t first = -1, last = -1;
      for (std::int64_t i = 0; i < n[axis]; ++i) {
        if (bright.data[static_cast<std::size_t>(start + i * stride)] == 0) continue;
        if (first < 0) first = i;
        last = i;
      }
      for (std::int64_t i = first; first >= 0 && i <= last; ++i) out[static_cast<std::size_t>(start + i * stride)] = true;
    }
  }
  return out;
}

}  // namespace

bool HeadRegion::looks_stripped() const { return ml < kStrippedMl && zero_share > kStrippedZeros; }

HeadRegion head_region(const Volume& image) {
  HeadRegion head;
  const double low = quantile(image.data, 0.02), high = quantile(image.data, 0.98), threshold = low + 0.1 * (high - low);
  head.inside = averaged(image, coarse_grid(image.geometry, kSpacing));
  for (float& v : head.inside.data) v = static_cast<double>(v) > threshold ? 1.0F : 0.0F;
  const std::vector<bool> across = between(head.inside, 0), along = between(head.inside, 1);
  for (std::size_t at = 0; at < across.size(); ++at) head.inside.data[at] = across[at] && along[at] ? 1.0F : 0.0F;
  head.ml = volume_ml(head.inside);
  const auto& n = head.inside.geometry.size;
  std::int64_t widest = 0;
  for (std::int64_t row = 0; row < n[1] * n[2]; ++row) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n[0]; ++i) count += head.inside.data[static_cast<std::size_t>(row * n[0] + i)] != 0 ? 1 : 0;
    widest = std::max(widest, count);
  }
  head.width_mm = static_cast<double>(widest) * head.inside.geometry.spacing[0];
  head.zero_share =
      static_cast<double>(std::count(image.data.begin(), image.data.end(), 0.0F)) / static_cast<double>(image.data.size());
  return head;
}

double share_outside(const Mask& mask, const HeadRegion& head) {
  const auto& n = mask.geometry.size;
  double all = 0, outside = 0;
  for (std::int64_t at = 0; at < mask.geometry.voxels(); ++at) {
    if (mask.data[static_cast<std::size_t>(at)] == 0) continue;
    const auto p = nearest_voxel(mask.geometry, {at % n[0], at / n[0] % n[1], at / (n[0] * n[1])}, head.inside.geometry);
    ++all;
    outside += head.inside.at(p[0], p[1], p[2]) != 0 ? 0 : 1;
  }
  return all > 0 ? outside / all : 0;
}

}  // namespace vitrine::imaging

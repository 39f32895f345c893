#include "imaging/steps/grid.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"

namespace vitrine::imaging {

void check_same_grid(const Geometry& found, const Geometry& expected, const std::string& found_name,
                     const std::string& expected_name, Notes& notes) {
  constexpr double kTolerance = 0.5, kSilent = 0.02;  // voxels at the corners
  const double off = corner_distance(found, expected);
  const auto size_of = [](const Geometry& g) { return text(g.size[0], " x ", g.size[1], " x ", g.size[2]); };
  if (off > kTolerance)
    throw DataError(text(found_name, " lies on another grid than ", expected_name, ": ", size_of(found),
                         " voxels (to the left, back, top) against ", size_of(expected),
                         std::isfinite(off) ? text(", corners up to ", fixed(off, 2), " voxels apart") : std::string(),
                         "; resample it to that grid"));
  if (off > kSilent)
    warn(notes,
         text(found_name, " lies ", fixed(off, 2), " voxels off the grid of ", expected_name, "; it was taken to lie on it"));
}

Geometry coarse_grid(const Geometry& g, double spacing_mm) {
  Geometry coarse = g;
  Vec3 first{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double extent = static_cast<double>(g.size[axis]) * g.spacing[axis];
    const double wanted = std::max(spacing_mm, g.spacing[axis]);
    coarse.size[axis] = std::max<std::int64_t>(1, std::llround(extent / wanted));
    coarse.spacing[axis] = extent / static_cast<double>(coarse.size[axis]);
    first[axis] = coarse.spacing[axis] / g.spacing[axis] / 2 - 0.5;  // index of the first coarse centre on the fine grid
  }
  coarse.origin = g.to_physical(first);
  return coarse;
}

Volume averaged(const Volume& volume, const Geometry& coarse) {
  const auto& fine = volume.geometry.size;
  std::vector<double> sum(static_cast<std::size_t>(coarse.voxels()));
  std::vector<int> count(sum.size());
  const auto place = [&](std::int64_t i, std::size_t axis) { return i * coarse.size[axis] / fine[axis]; };
  std::size_t at = 0;
  for (std::int64_t k = 0; k < fine[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < fine[1]; ++j) {
      const std::int64_t row = (place(k, 2) * coarse.size[1] + place(j, 1)) * coarse.size[0];
      for (std::int64_t i = 0; i < fine[0]; ++i, ++at) {
        const auto cell = static_cast<std::size_t>(row + place(i, 0));
        sum[cell] += static_cast<double>(volume.data[at]);
        ++count[cell];
      }
    }
  }
  Volume result{coarse, std::vector<float>(sum.size())};
  for (std::size_t c = 0; c < sum.size(); ++c) result.data[c] = count[c] > 0 ? static_cast<float>(sum[c] / count[c]) : 0.0f;
  return result;
}

// The value of a rank by counting, 16 bits of the values' order at a time: exact, and it can be interrupted, which std::nth_element cannot.
double quantile(const std::vector<float>& values, double share) {
  if (values.empty()) return 0;
  auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  const auto key_of = [](float v) {  // rises with the value
    const auto bits = std::bit_cast<std::uint32_t>(v);
    return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  };
  constexpr std::size_t kPiece = std::size_t{1} << 22;
  std::uint32_t high = 0, low = 0;
  for (int half = 0; half < 2; ++half) {
    std::vector<std::size_t> count(1u << 16);
    for (std::size_t first = 0; first < values.size(); first += kPiece) {
      check_interrupt("preparation");
      for (std::size_t i = first; i < std::min(values.size(), first + kPiece); ++i) {
        const std::uint32_t key = key_of(values[i]);
        if (half == 0) {
          ++count[key >> 16];
        } else if (key >> 16 == high) {
          ++count[key & 0xffffu];
        }
      }
    }
    std::uint32_t at = 0;
    while (rank >= count[at]) rank -= count[at++];
    (half == 0 ? high : low) = at;
  }
  const std::uint32_t key = high << 16 | low;
  return static_cast<double>(std::bit_cast<float>(key >> 31 != 0 ? key & 0x7fffffffu : ~key));
}

Volume winsorized(const Volume& volume, double low, double high) {
  const auto a = static_cast<float>(quantile(volume.data, low)), b = static_cast<float>(quantile(volume.data, high));
  Volume result = volume;
  for (float& v : result.data) v = std::clamp(v, a, std::max(a, b));
  return result;
}

}  // namespace vitrine::imaging

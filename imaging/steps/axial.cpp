#include "imaging/steps/axial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/orientation.h"

namespace vitrine::imaging {
namespace {

constexpr double kSquare = 1.5;                    // longer side of a pixel over the shorter one, and over the slices' distance
constexpr double kCosineOff = 0.9961946980917455;  // of kMostDegreesOffAxial
constexpr double kWidestVoxel = 10;                // mm

// The box that holds all voxels of a grid, in LPS.
struct Box {
  Vec3 low, high;
};

Box box_of(const Geometry& g) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  Box box{{kFar, kFar, kFar}, {-kFar, -kFar, -kFar}};
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t c = 0; c < 3; ++c) index[c] = (corner >> c & 1) != 0 ? static_cast<double>(g.size[c]) - 0.5 : -0.5;
    const Vec3 p = g.to_physical(index);
    for (std::size_t c = 0; c < 3; ++c) {
      box.low[c] = std::min(box.low[c], p[c]);
      box.high[c] = std::max(box.high[c], p[c]);
    }
  }
  return box;
}

// Axis-aligned voxels of this spacing over the box, in its middle; the origin in whole micrometres.
Geometry grid_over(const Box& box, const Vec3& spacing) {
  Geometry g;
  g.spacing = spacing;
  for (std::size_t c = 0; c < 3; ++c) {
    const double extent = box.high[c] - box.low[c];
    g.size[c] = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(extent / spacing[c] - 1e-3)));
    const double first = (box.low[c] + box.high[c]) / 2 - static_cast<double>(g.size[c] - 1) * spacing[c] / 2;
    g.origin[c] = std::round(first * 1e3) / 1e3 + 0.0;
  }
  return g;
}

std::string size_text(const Vec3& s) { return text(fixed(s[0], 2), " x ", fixed(s[1], 2), " x ", fixed(s[2], 2), " mm"); }

// Pixels and slices as the header of axial.h says, grown together until the grid keeps to its bound.
Geometry recut_grid(const Geometry& t1c, const AxialOptions& options) {
  const double finest = std::min({t1c.spacing[0], t1c.spacing[1], t1c.spacing[2]});
  const double pixel = std::max(finest, options.finest_pixel_mm);
  const double slice = std::max(finest, std::clamp(t1c.spacing[2], options.finest_slice_mm, options.widest_slice_mm));
  const Box box = box_of(t1c);
  for (double growth = 1;; growth *= 1.01) {
    const Vec3 spacing{pixel * growth, pixel * growth, slice * growth};
    if (!(std::max(spacing[0], spacing[2]) <= kWidestVoxel)) {
      throw DataError(text("T1c has to be re-cut to axial slices, and its box of ",
                           size_text({box.high[0] - box.low[0], box.high[1] - box.low[1], box.high[2] - box.low[2]}),
                           " would need voxels of more than ", kWidestVoxel, " mm; check its spacing, or cut it to the head"));
    }
    double voxels = 1;  // in double: no product of sizes overflows
    for (std::size_t c = 0; c < 3; ++c) voxels *= std::ceil((box.high[c] - box.low[c]) / spacing[c]);
    if (voxels <= static_cast<double>(options.most_voxels)) return grid_over(box, spacing);
  }
}

using Index = std::array<std::int64_t, 3>;

// Connected parts of a labelled volume, numbered from 1 in the order of their first voxels, and the voxels of each.
struct Parts {
  std::vector<std::int32_t> number;
  std::vector<std::vector<std::int64_t>> voxels{{}};
};

Parts parts_of(const Volume& labels) {
  const Index& n = labels.geometry.size;
  Parts parts;
  parts.number.resize(labels.data.size());
  for (std::int64_t first = 0; first < labels.geometry.voxels(); ++first) {
    if (first % (n[0] * n[1]) == 0) check_interrupt("preparation");
    const float label = labels.data[static_cast<std::size_t>(first)];
    if (label == 0 || parts.number[static_cast<std::size_t>(first)] != 0) continue;
    const auto number = static_cast<std::int32_t>(parts.voxels.size());
    std::vector<std::int64_t> found{first};
    parts.number[static_cast<std::size_t>(first)] = number;
    for (std::size_t next = 0; next < found.size(); ++next) {
      if (next % 65536 == 0) check_interrupt("preparation");
      const Index at{found[next] % n[0], found[next] / n[0] % n[1], found[next] / (n[0] * n[1])};
      for (std::int64_t k = std::max<std::int64_t>(at[2] - 1, 0); k <= std::min(at[2] + 1, n[2] - 1); ++k) {
        for (std::int64_t j = std::max<std::int64_t>(at[1] - 1, 0); j <= std::min(at[1] + 1, n[1] - 1); ++j) {
          for (std::int64_t i = std::max<std::int64_t>(at[0] - 1, 0); i <= std::min(at[0] + 1, n[0] - 1); ++i) {
            const std::int64_t other = (k * n[1] + j) * n[0] + i;
            if (labels.data[static_cast<std::size_t>(other)] != label || parts.number[static_cast<std::size_t>(other)] != 0)
              continue;
            parts.number[static_cast<std::size_t>(other)] = number;
            found.push_back(other);
          }
        }
      }
    }
    parts.voxels.push_back(std::move(found));
  }
  return parts;
}

// The eight voxels around a place, with their weights.
struct Around {
  std::array<std::int64_t, 8> voxel;
  std::array<double, 8> weight;
};

Around around(const Vec3& p, const Index& size) {
  std::array<std::array<std::int64_t, 2>, 3> at;
  std::array<std::array<double, 2>, 3> w;
  for (std::size_t c = 0; c < 3; ++c) {
    const double clamped = std::clamp(p[c], 0.0, static_cast<double>(size[c] - 1));
    at[c][0] = static_cast<std::int64_t>(clamped);
    at[c][1] = std::min(at[c][0] + 1, size[c] - 1);
    w[c][1] = clamped - static_cast<double>(at[c][0]);
    w[c][0] = 1 - w[c][1];
  }
  Around a;
  for (std::size_t n = 0; n < 8; ++n) {
    const std::size_t i = n & 1, j = n >> 1 & 1, k = n >> 2;
    a.voxel[n] = (at[2][k] * size[1] + at[1][j]) * size[0] + at[0][i];
    a.weight[n] = w[0][i] * w[1][j] * w[2][k];
  }
  return a;
}

// The label of a place; 0 where less than half is marked.
float label_at(const Around& a, const std::vector<float>& data) {
  float best = 0;
  double most = 0, marked = 0;
  for (std::size_t n = 0; n < 8; ++n) {
    const float label = data[static_cast<std::size_t>(a.voxel[n])];
    if (label == 0) continue;
    marked += a.weight[n];
    double share = 0;
    for (std::size_t m = 0; m < 8; ++m) share += data[static_cast<std::size_t>(a.voxel[m])] == label ? a.weight[m] : 0;
    if (share > most || (share == most && label < best)) most = share, best = label;
  }
  return marked >= 0.5 ? best : 0;
}

// The voxels of the grid that marked voxels can reach: the box around them, mapped.
std::array<Index, 2> reach_of(const Parts& parts, const Geometry& from, const Geometry& grid) {
  constexpr double kFar = 1e9;
  Vec3 low{kFar, kFar, kFar}, high{-kFar, -kFar, -kFar}, first = low, last = high;
  for (const auto& voxels : parts.voxels) {
    for (const std::int64_t at : voxels) {
      const Index p{at % from.size[0], at / from.size[0] % from.size[1], at / (from.size[0] * from.size[1])};
      for (std::size_t c = 0; c < 3; ++c) {
        low[c] = std::min(low[c], static_cast<double>(p[c]) - 1);
        high[c] = std::max(high[c], static_cast<double>(p[c]) + 1);
      }
    }
  }
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t c = 0; c < 3; ++c) index[c] = (corner >> c & 1) != 0 ? high[c] : low[c];
    const Vec3 p = grid.to_index(from.to_physical(index));
    for (std::size_t c = 0; c < 3; ++c) {
      first[c] = std::min(first[c], p[c]);
      last[c] = std::max(last[c], p[c]);
    }
  }
  std::array<Index, 2> reach;
  for (std::size_t c = 0; c < 3; ++c) {
    const double most = static_cast<double>(grid.size[c]) - 1;
    reach[0][c] = static_cast<std::int64_t>(std::clamp(std::floor(first[c]), 0.0, most));
    reach[1][c] = static_cast<std::int64_t>(std::clamp(std::ceil(last[c]), 0.0, most));
  }
  return reach;
}

// A part that no voxel of the grid shows marks those nearest to its own, other labels excepted unless nothing else is left.
void mark_nearest(Volume& out, const Volume& labels, const std::vector<std::int64_t>& voxels) {
  const Index &n = labels.geometry.size, &m = out.geometry.size;
  const auto place = [&](std::int64_t at) {
    const Index p = nearest_voxel(labels.geometry, {at % n[0], at / n[0] % n[1], at / (n[0] * n[1])}, out.geometry);
    return static_cast<std::size_t>((p[2] * m[1] + p[1]) * m[0] + p[0]);
  };
  const float label = labels.data[static_cast<std::size_t>(voxels.front())];
  bool is_there = false;
  for (const std::int64_t at : voxels) {
    float& v = out.data[place(at)];
    if (v == 0) v = label;
    is_there = is_there || v == label;
  }
  if (!is_there) out.data[place(voxels.front())] = label;
}

}  // namespace

AxialGrid axial_grid(const Geometry& t1c, const AxialOptions& options) {
  AxialGrid result{t1c, false, storage_order(t1c).most_degrees_off(), {}};
  const Vec3& s = t1c.spacing;
  const double longer = std::max(s[0], s[1]), shorter = std::min(s[0], s[1]);
  const bool oblique = std::min({t1c.direction[0], t1c.direction[4], t1c.direction[8]}) < kCosineOff;
  const bool other_plane = longer > kSquare * shorter && longer > kSquare * s[2];
  if (!oblique && !other_plane) {
    result.why = text("T1c's slices lie ", fixed(result.degrees, 1), " degrees off axial, its voxels measure ", size_text(s),
                      ": its own grid was kept");
    return result;
  }
  result.recut = true;
  result.grid = recut_grid(t1c, options);
  const std::string what =
      oblique ? text("lies ", fixed(result.degrees, 1), " degrees off axial")
              : text("was acquired in ", s[0] > s[1] ? "sagittal" : "coronal", " slices (voxels of ", size_text(s), ")");
  result.why = text("T1c ", what, ": it was cut anew to axial slices, voxels of ", size_text(result.grid.spacing));
  return result;
}

std::array<std::int64_t, 3> nearest_voxel(const Geometry& from, const std::array<std::int64_t, 3>& index, const Geometry& to) {
  const Vec3 p = to.to_index(
      from.to_physical({static_cast<double>(index[0]), static_cast<double>(index[1]), static_cast<double>(index[2])}));
  Index out;
  for (std::size_t c = 0; c < 3; ++c)
    out[c] = static_cast<std::int64_t>(std::clamp(std::floor(p[c] + 0.5), 0.0, static_cast<double>(to.size[c] - 1)));
  return out;
}

Volume recut_labels(const Volume& labels, const Geometry& grid) {
  const Geometry& from = labels.geometry;
  const Parts parts = parts_of(labels);
  Volume out{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()), 0.0F)};
  if (parts.voxels.size() == 1) return out;
  std::vector<bool> shown(parts.voxels.size());
  const auto [first, last] = reach_of(parts, from, grid);
  for (std::int64_t k = first[2]; k <= last[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = first[1]; j <= last[1]; ++j) {
      for (std::int64_t i = first[0]; i <= last[0]; ++i) {
        const Vec3 p =
            from.to_index(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        if (!from.holds(p)) continue;
        const Around a = around(p, from.size);
        const float label = label_at(a, labels.data);
        if (label == 0) continue;
        out.at(i, j, k) = label;
        for (std::size_t n = 0; n < 8; ++n) {
          const auto v = static_cast<std::size_t>(a.voxel[n]);
          if (labels.data[v] == label && a.weight[n] > 0) shown[static_cast<std::size_t>(parts.number[v])] = true;
        }
      }
    }
  }
  for (std::size_t part = 1; part < parts.voxels.size(); ++part) {
    if (!shown[part]) mark_nearest(out, labels, parts.voxels[part]);
  }
  return out;
}

}  // namespace vitrine::imaging

#include "imaging/qc_planes.h"

#include <algorithm>
#include <cmath>

#include "imaging/steps/grid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kEdgeSigma = 1.5;  // pixels
constexpr double kStrongShare = 0.93, kWeakShare = 0.85;
constexpr int kMostPerPixel = 4;  // values averaged along each axis of a pixel

struct Axes {
  std::size_t across, down;  // of the volume, along the picture's columns and rows
  bool upwards;              // the axis grows to the top
};

Axes axes_of(Plane plane) {
  switch (plane) {
    case Plane::axial: return {0, 1, false};
    case Plane::coronal: return {0, 2, true};
    default: return {1, 2, true};
  }
}

// Voxels to the left and right of a place, and the weight of the right one. Beyond the volume the outermost voxel holds on.
struct Between {
  std::int64_t first = 0, second = 0;
  double weight = 0;
};

Between between(double index, std::int64_t size) {
  const double inside = std::clamp(index, 0.0, static_cast<double>(size - 1));
  const auto first = static_cast<std::int64_t>(std::floor(inside));
  return {first, std::min(first + 1, size - 1), inside - static_cast<double>(first)};
}

// The places of one axis whose values a pixel is the mean of, for all pixels along it.
std::vector<std::vector<Between>> places_along(const PlaneView& view, const Geometry& g, std::size_t axis, int pixels,
                                               bool reversed) {
  const double spacing = g.spacing[axis];
  const int count = std::clamp(static_cast<int>(std::ceil(view.mm / spacing - 1e-9)), 1, kMostPerPixel);
  std::vector<std::vector<Between>> places(static_cast<std::size_t>(pixels));
  for (int x = 0; x < pixels; ++x) {
    for (int s = 0; s < count; ++s) {
      const double mm = (x + (s + 0.5) / count) * view.mm;
      const double index = reversed ? static_cast<double>(view.box.high[axis]) + 0.5 - mm / spacing
                                    : static_cast<double>(view.box.low[axis]) - 0.5 + mm / spacing;
      places[static_cast<std::size_t>(x)].push_back(between(index, g.size[axis]));
    }
  }
  return places;
}

template <class Value>
std::vector<float> sampled_values(const Volume& volume, const PlaneView& view, const Value& value) {
  const auto& n = volume.geometry.size;
  const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
  const Axes axes = axes_of(view.plane);
  const std::int64_t start = view.slice * stride[cut_axis(view.plane)];
  const auto columns = places_along(view, volume.geometry, axes.across, view.width, false);
  const auto rows = places_along(view, volume.geometry, axes.down, view.height, axes.upwards);
  const auto at = [&](std::int64_t across, std::int64_t down) -> double {
    return value(volume.data[static_cast<std::size_t>(start + across * stride[axes.across] + down * stride[axes.down])]);
  };
  std::vector<float> out;
  out.reserve(columns.size() * rows.size());
  for (const auto& row : rows) {
    for (const auto& column : columns) {
      double sum = 0;
      for (const Between& r : row) {
        for (const Between& c : column) {
          const double above = at(c.first, r.first) * (1 - c.weight) + at(c.second, r.first) * c.weight;
          const double below = at(c.first, r.second) * (1 - c.weight) + at(c.second, r.second) * c.weight;
          sum += above * (1 - r.weight) + below * r.weight;
        }
      }
      out.push_back(static_cast<float>(sum / static_cast<double>(row.size() * column.size())));
    }
  }
  return out;
}

std::vector<double> smoothed_along(const std::vector<double>& values, int width, int height, int dx, int dy) {
  const int reach = static_cast<int>(std::ceil(3 * kEdgeSigma));
  std::vector<double> kernel;
  double total = 0;
  for (int d = -reach; d <= reach; ++d) {
    kernel.push_back(exp_portable(-0.5 * d * d / (kEdgeSigma * kEdgeSigma)));
    total += kernel.back();
  }
  std::vector<double> out;
  out.reserve(values.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double sum = 0;
      for (int d = -reach; d <= reach; ++d) {
        const int from_x = std::clamp(x + d * dx, 0, width - 1), from_y = std::clamp(y + d * dy, 0, height - 1);
        sum += kernel[static_cast<std::size_t>(d + reach)] * values[static_cast<std::size_t>(from_y * width + from_x)];
      }
      out.push_back(sum / total);
    }
  }
  return out;
}

// Length of the gradient, 0 where a neighbour along it has a larger one.
std::vector<float> ridges(const std::vector<double>& v, int width, int height, std::vector<float>& lengths) {
  const auto place = [&](int x, int y) {
    return static_cast<std::size_t>(std::clamp(y, 0, height - 1) * width + std::clamp(x, 0, width - 1));
  };
  std::vector<double> gx(v.size()), gy(v.size());
  lengths.assign(v.size(), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t at = place(x, y);
      gx[at] = (v[place(x + 1, y)] - v[place(x - 1, y)]) / 2;
      gy[at] = (v[place(x, y + 1)] - v[place(x, y - 1)]) / 2;
      lengths[at] = static_cast<float>(std::sqrt(gx[at] * gx[at] + gy[at] * gy[at]));
    }
  }
  std::vector<float> out(v.size(), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t at = place(x, y);
      const double ax = std::abs(gx[at]), ay = std::abs(gy[at]);
      // The neighbour nearest to the gradient's direction: 0.414 is the tangent of 22.5 degrees.
      const int dx = ax > 0.414 * ay ? (gx[at] < 0 ? -1 : 1) : 0, dy = ay > 0.414 * ax ? (gy[at] < 0 ? -1 : 1) : 0;
      const float ahead = lengths[place(x + dx, y + dy)], behind = lengths[place(x - dx, y - dy)];
      if (lengths[at] > behind && lengths[at] >= ahead) out[at] = lengths[at];
    }
  }
  return out;
}

}  // namespace

std::size_t cut_axis(Plane plane) { return plane == Plane::axial ? 2 : plane == Plane::coronal ? 1 : 0; }

std::array<char, 4> side_letters(Plane plane) {
  switch (plane) {
    case Plane::axial: return {'R', 'L', 'A', 'P'};
    case Plane::coronal: return {'R', 'L', 'S', 'I'};
    default: return {'A', 'P', 'S', 'I'};
  }
}

PlaneView plane_view(const Geometry& grid, Plane plane, std::int64_t slice, const VoxelBox& box, double mm) {
  const Axes axes = axes_of(plane);
  const auto pixels = [&](std::size_t axis) {
    const double extent = static_cast<double>(box.high[axis] - box.low[axis] + 1) * grid.spacing[axis];
    return std::max(1, static_cast<int>(std::lround(extent / mm)));
  };
  return {plane, slice, box, mm, pixels(axes.across), pixels(axes.down)};
}

std::vector<float> sampled(const Volume& volume, const PlaneView& view) {
  return sampled_values(volume, view, [](float v) { return static_cast<double>(v); });
}

std::vector<std::uint8_t> sampled_mask(const Mask& mask, const PlaneView& view) {
  std::vector<std::uint8_t> out;
  for (const float share : sampled_values(mask, view, [](float v) { return v != 0 ? 1.0 : 0.0; }))
    out.push_back(share >= 0.5f ? 1 : 0);
  return out;
}

std::vector<std::uint8_t> outline(const std::vector<std::uint8_t>& region, int width, int height) {
  std::vector<std::uint8_t> out(region.size(), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto at = static_cast<std::size_t>(y * width + x);
      const bool at_border = (x > 0 && region[at - 1] == 0) || (x + 1 < width && region[at + 1] == 0) ||
                             (y > 0 && region[at - static_cast<std::size_t>(width)] == 0) ||
                             (y + 1 < height && region[at + static_cast<std::size_t>(width)] == 0);
      out[at] = region[at] != 0 && at_border ? 1 : 0;
    }
  }
  return out;
}

std::vector<std::uint8_t> edges(const std::vector<float>& values, int width, int height) {
  std::vector<double> v(values.begin(), values.end());
  v = smoothed_along(smoothed_along(v, width, height, 1, 0), width, height, 0, 1);
  std::vector<float> lengths;
  const std::vector<float> ridge = ridges(v, width, height, lengths);
  const double strong = quantile(lengths, kStrongShare), weak = quantile(lengths, kWeakShare);
  std::vector<std::uint8_t> out(values.size(), 0);
  std::vector<std::size_t> open;
  const auto take = [&](std::size_t at) {
    out[at] = 1;
    open.push_back(at);
  };
  for (std::size_t at = 0; at < ridge.size(); ++at) {
    if (ridge[at] > 0 && ridge[at] >= strong && out[at] == 0) take(at);
    while (!open.empty()) {
      const int x = static_cast<int>(open.back()) % width, y = static_cast<int>(open.back()) / width;
      open.pop_back();
      for (int d = 0; d < 9; ++d) {
        const int nx = x + d % 3 - 1, ny = y + d / 3 - 1;
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const auto next = static_cast<std::size_t>(ny * width + nx);
        if (out[next] == 0 && ridge[next] > 0 && ridge[next] >= weak) take(next);
      }
    }
  }
  return out;
}

}  // namespace vitrine::imaging

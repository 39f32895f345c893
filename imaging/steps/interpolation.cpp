#include "imaging/steps/interpolation.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/steps/rigid.h"
#include "imaging/steps/smoothing.h"

namespace vitrine::imaging {
namespace {

constexpr double kFwhm = 2.3548200450309493;  // of a Gaussian, in standard deviations
const double kPole = std::sqrt(3.0) - 2;      // of the cubic B-spline's inverse

// Coefficients of the spline through n values, `step` apart, in place. The causal sum over the mirrored line is cut where it is below float's precision.
void spline_line(float* line, std::int64_t n, std::int64_t step, std::vector<double>& c) {
  if (n < 2) return;
  c.resize(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) c[static_cast<std::size_t>(i)] = 6 * static_cast<double>(line[i * step]);
  const auto at = [&](std::int64_t i) {  // mirrored about both ends
    const std::int64_t period = 2 * (n - 1), m = i % period;
    return c[static_cast<std::size_t>(m < n ? m : period - m)];
  };
  double first = 0, power = 1;
  for (std::int64_t i = 0; i < 30; ++i, power *= kPole) first += power * at(i);
  c[0] = first;
  for (std::size_t i = 1; i < c.size(); ++i) c[i] += kPole * c[i - 1];
  const std::size_t last = c.size() - 1;
  c[last] = kPole / (kPole * kPole - 1) * (c[last] + kPole * c[last - 1]);
  for (std::size_t i = last; i-- > 0;) c[i] = kPole * (c[i + 1] - c[i]);
  for (std::int64_t i = 0; i < n; ++i) line[i * step] = static_cast<float>(c[static_cast<std::size_t>(i)]);
}

Volume spline_coefficients(Volume v) {
  const auto& size = v.geometry.size;
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  std::vector<double> line;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
    for (std::int64_t q = 0; q < size[b]; ++q) {
      check_interrupt("resampling");
      for (std::int64_t p = 0; p < size[a]; ++p)
        spline_line(v.data.data() + p * stride[a] + q * stride[b], size[axis], stride[axis], line);
    }
  }
  return v;
}

struct SplineTaps {
  std::array<std::int64_t, 4> offset;
  std::array<double, 4> weight;

  SplineTaps(double at, std::int64_t n, std::int64_t stride) {
    const double low = std::floor(at), t = at - low, u = 1 - t;
    weight = {u * u * u / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * u * u * u - 6 * u * u + 4) / 6, t * t * t / 6};
    for (std::int64_t k = 0; k < 4; ++k) {
      std::int64_t i = static_cast<std::int64_t>(low) - 1 + k;
      if (n == 1) i = 0;
      if (i < 0) i = -i;
      if (i >= n) i = 2 * (n - 1) - i;
      offset[static_cast<std::size_t>(k)] = std::clamp<std::int64_t>(i, 0, n - 1) * stride;
    }
  }
};

double spline_at(const Volume& c, const Vec3& p) {
  const auto& size = c.geometry.size;
  const SplineTaps x(std::clamp(p[0], 0.0, static_cast<double>(size[0] - 1)), size[0], 1),
      y(std::clamp(p[1], 0.0, static_cast<double>(size[1] - 1)), size[1], size[0]),
      z(std::clamp(p[2], 0.0, static_cast<double>(size[2] - 1)), size[2], size[0] * size[1]);
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    double plane = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const float* row = c.data.data() + z.offset[k] + y.offset[j];
      double line = 0;
      for (std::size_t i = 0; i < 4; ++i) line += x.weight[i] * static_cast<double>(row[x.offset[i]]);
      plane += y.weight[j] * line;
    }
    sum += z.weight[k] * plane;
  }
  return sum;
}

Volume resample_cubic(const Volume& moving, const Geometry& grid, const RigidTransform& transform) {
  const auto [least, most] = std::minmax_element(moving.data.begin(), moving.data.end());
  const double low = static_cast<double>(*least), high = static_cast<double>(*most);
  const Volume coefficients = spline_coefficients(moving);
  const RigidMap map = transform.map();
  const Geometry& g = moving.geometry;
  Volume out{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  std::size_t n = 0;
  for (std::int64_t k = 0; k < grid.size[2]; ++k) {
    check_interrupt("resampling");
    for (std::int64_t j = 0; j < grid.size[1]; ++j) {
      for (std::int64_t i = 0; i < grid.size[0]; ++i, ++n) {
        const Vec3 p =
            g.to_index(map.apply(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)})));
        if (g.holds(p)) out.data[n] = static_cast<float>(std::clamp(spline_at(coefficients, p), low, high));
      }
    }
  }
  return out;
}

// Smoothed along the axes of `moving` along which the grid's voxels are longer.
Volume without_aliasing(const Volume& moving, const Geometry& grid, const RigidTransform& transform) {
  constexpr double kClearly = 1.05;
  const Matrix3 to_moving = transform.rotation();
  Vec3 sigma{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    // The length of the grid's voxels along this axis, as the root of the mean square.
    const Vec3 along{moving.geometry.direction[axis], moving.geometry.direction[3 + axis], moving.geometry.direction[6 + axis]};
    const Vec3 in_grid = transpose_times(grid.direction, transpose_times(to_moving, along));
    double square = 0;
    for (std::size_t c = 0; c < 3; ++c) square += in_grid[c] * grid.spacing[c] * in_grid[c] * grid.spacing[c];
    const double own = moving.geometry.spacing[axis];
    if (std::sqrt(square) > kClearly * own) sigma[axis] = std::sqrt(square - own * own) / kFwhm;
  }
  return gaussian_smoothed(moving, sigma);
}

}  // namespace

const char* name_of(Interpolation interpolation) { return interpolation == Interpolation::cubic ? "cubic" : "linear"; }

Interpolation interpolation_named(const std::string& name) {
  for (const Interpolation i : {Interpolation::linear, Interpolation::cubic}) {
    if (name == name_of(i)) return i;
  }
  throw UsageError(text("the interpolation is '", printable(name), "', linear or cubic was expected"));
}

Volume resample_series(const Volume& moving, const Geometry& grid, const RigidTransform& transform,
                       Interpolation interpolation) {
  const Volume smooth = without_aliasing(moving, grid, transform);
  return interpolation == Interpolation::cubic ? resample_cubic(smooth, grid, transform)
                                               : resample_linear(smooth, grid, transform);
}

}  // namespace vitrine::imaging

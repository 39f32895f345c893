// resample, coverage, resample_linear and resample_nearest of imaging/volume.h.
//
// Rows       of the output are cut into the part outside the field of view, a border where indices are clamped, and the inner part, where
//            nothing has to be asked. A voxel's place is ((start + k) + j) + i steps whichever part it lies in: the parts give equal bits.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/printable.h"
#include "imaging/steps/index_map.h"
#include "imaging/steps/spline.h"
#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

struct Range {
  std::int64_t first = 0, last = 0;  // the last is not among them
};

// The places of a row whose index lies in [low, high] (or [low, high), where `open`) along every axis: one run, since each rises or falls
// along the row. Worked out, then put right by looking.
class RowRange {
 public:
  RowRange(const Vec3& row, const Vec3& step, const Vec3& low, const Vec3& high, bool open)
      : row_(row), step_(step), low_(low), high_(high), open_(open) {}

  Range within(Range whole) const {
    Range r = whole;
    for (std::size_t c = 0; c < 3 && r.first < r.last; ++c) r = along(c, r);
    return r.first < r.last ? r : Range{whole.first, whole.first};
  }

 private:
  bool holds(std::size_t c, std::int64_t i) const {
    const double p = row_[c] + step_[c] * static_cast<double>(i);
    return p >= low_[c] && (open_ ? p < high_[c] : p <= high_[c]);
  }
  bool is_below(std::size_t c, std::int64_t i) const { return row_[c] + step_[c] * static_cast<double>(i) < low_[c]; }

  Range along(std::size_t c, Range r) const {
    if (step_[c] == 0) return holds(c, r.first) ? r : Range{r.first, r.first};
    const double a = (low_[c] - row_[c]) / step_[c], b = (high_[c] - row_[c]) / step_[c];
    const auto clamped = [&](double v) {
      return static_cast<std::int64_t>(std::clamp(std::floor(v), static_cast<double>(r.first), static_cast<double>(r.last)));
    };
    Range out{clamped(std::min(a, b)), clamped(std::max(a, b))};
    const bool rising = step_[c] > 0;
    while (out.first > r.first && holds(c, out.first - 1)) --out.first;
    while (out.first < r.last && !holds(c, out.first) && is_below(c, out.first) == rising) ++out.first;
    out.last = std::max(out.last, out.first);
    while (out.last < r.last && holds(c, out.last)) ++out.last;
    while (out.last > out.first && !holds(c, out.last - 1)) --out.last;
    return out;
  }

  Vec3 row_, step_, low_, high_;
  bool open_;
};

// The value at a place, and at one whose neighbours all lie inside the volume.
class Linear {
 public:
  explicit Linear(const Volume& moving)
      : data_(moving.data.data()), size_(moving.geometry.size), stride_{1, size_[0], size_[0] * size_[1]} {}

  static constexpr double kReach = 1;  // from the last inner place to the last voxel
  static constexpr double kBefore = 0;

  float inner(const Vec3& p) const {
    LinearPlace place;
    for (std::size_t c = 0; c < 3; ++c) {
      place.low[c] = static_cast<std::int64_t>(p[c]);
      place.weight[c] = p[c] - static_cast<double>(place.low[c]);
    }
    return value(place, stride_);
  }
  float at(const Vec3& p) const {
    const LinearPlace place = linear_place(p, size_);
    std::array<std::int64_t, 3> next;
    for (std::size_t c = 0; c < 3; ++c) next[c] = place.next[c] * stride_[c];
    return value(place, next);
  }

 private:
  float value(const LinearPlace& place, const std::array<std::int64_t, 3>& next) const {
    const auto& low = place.low;
    return trilinear(data_ + (low[2] * size_[1] + low[1]) * size_[0] + low[0], place.weight, next);
  }

  const float* data_;
  std::array<std::int64_t, 3> size_, stride_;
};

class Nearest {
 public:
  explicit Nearest(const Volume& moving) : moving_(moving) {}
  static constexpr double kReach = 0, kBefore = 0;

  float at(const Vec3& p) const {
    const std::array<std::int64_t, 3>& size = moving_.geometry.size;
    std::array<std::int64_t, 3> index;
    for (std::size_t c = 0; c < 3; ++c)
      index[c] = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(p[c] + 0.5)), 0, size[c] - 1);
    return moving_.at(index[0], index[1], index[2]);
  }
  float inner(const Vec3& p) const { return at(p); }

 private:
  const Volume& moving_;
};

// The B-spline's coefficients, and the range that its values are clamped to.
class Cubic {
 public:
  explicit Cubic(const Volume& moving) : spline_(moving) {
    const auto [low, high] = std::minmax_element(moving.data.begin(), moving.data.end());
    low_ = *low;
    high_ = *high;
  }
  static constexpr double kReach = 2, kBefore = 1;

  float at(const Vec3& p) const { return std::clamp(static_cast<float>(spline_.at(p)), low_, high_); }
  float inner(const Vec3& p) const { return std::clamp(static_cast<float>(spline_.inner(p)), low_, high_); }

 private:
  CubicSpline spline_;
  float low_ = 0, high_ = 0;
};

// Covers the voxels of the grid that lie in the field of view, row by row: outer(n, p) and inner(n, p) take the place in the output and the
// index in `moving`.
template <class Inner, class Outer>
void walk(const Geometry& moving, const Geometry& grid, const RigidTransform& transform, double before, double reach,
          const Inner& inner, const Outer& outer) {
  const IndexMap map(grid, moving, transform);
  Vec3 edge_low{-0.5, -0.5, -0.5}, edge_high, low{before, before, before}, high;
  for (std::size_t c = 0; c < 3; ++c) {
    edge_high[c] = static_cast<double>(moving.size[c]) - 0.5;
    high[c] = static_cast<double>(moving.size[c] - 1) - (reach > 0 ? reach - 1 : 0);
  }
  const Vec3& step = map.step[0];
  std::int64_t first = 0;
  for (std::int64_t k = 0; k < grid.size[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < grid.size[1]; ++j, first += grid.size[0]) {
      const Vec3 row = map.row(j, k);
      const Range seen = RowRange(row, step, edge_low, edge_high, false).within({0, grid.size[0]});
      const Range core = RowRange(row, step, low, high, true).within(seen);
      const auto place = [&](std::int64_t i) {
        const double n = static_cast<double>(i);
        return Vec3{row[0] + step[0] * n, row[1] + step[1] * n, row[2] + step[2] * n};
      };
      for (std::int64_t i = seen.first; i < core.first; ++i) outer(first + i, place(i));
      for (std::int64_t i = core.first; i < core.last; ++i) inner(first + i, place(i));
      for (std::int64_t i = core.last; i < seen.last; ++i) outer(first + i, place(i));
    }
  }
}

template <class Value>
Volume resampled(const Volume& moving, const Geometry& grid, const RigidTransform& transform, const Value& value) {
  Volume out{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()), 0.0F)};
  float* data = out.data.data();
  walk(
      moving.geometry, grid, transform, Value::kBefore, Value::kReach,
      [&](std::int64_t n, const Vec3& p) { data[n] = value.inner(p); },
      [&](std::int64_t n, const Vec3& p) { data[n] = value.at(p); });
  return out;
}

}  // namespace

Volume resample_linear(const Volume& moving, const Geometry& grid, const RigidTransform& transform) {
  return resampled(moving, grid, transform, Linear(moving));
}

Mask resample_nearest(const Mask& moving, const Geometry& grid, const RigidTransform& transform) {
  return resampled(moving, grid, transform, Nearest(moving));
}

Mask coverage(const Geometry& moving, const Geometry& grid, const RigidTransform& transform) {
  Mask out{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()), 0.0F)};
  const auto set = [&](std::int64_t n, const Vec3&) { out.data[static_cast<std::size_t>(n)] = 1; };
  walk(moving, grid, transform, 0, 0, set, set);
  return out;
}

Vec3 blur_fwhm(const Geometry& moving, const Geometry& grid, const RigidTransform& transform) {
  constexpr double kCoarser = 1.1;
  const Matrix3 turn = transform.rotation();
  std::array<Vec3, 3> axis;  // of the grid, seen along the axes of `moving`
  for (std::size_t a = 0; a < 3; ++a)
    axis[a] = transpose_times(moving.direction, times(turn, {grid.direction[a], grid.direction[3 + a], grid.direction[6 + a]}));
  std::array<std::size_t, 3> match{0, 1, 2}, best = match;  // the grid's axis nearest to each of `moving`
  double most = -1;
  do {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) sum += std::abs(axis[match[c]][c]);
    if (sum > most + 1e-9) most = sum, best = match;
  } while (std::next_permutation(match.begin(), match.end()));
  Vec3 fwhm{0, 0, 0};
  for (std::size_t c = 0; c < 3; ++c) {
    const double to = grid.spacing[best[c]], from = moving.spacing[c];
    if (to >= kCoarser * from && moving.size[c] > 1) fwhm[c] = std::sqrt(to * to - from * from);
  }
  return fwhm;
}

const char* name_of(Interpolation interpolation) { return interpolation == Interpolation::cubic ? "cubic" : "linear"; }

Interpolation interpolation_named(const std::string& name) {
  for (const Interpolation i : {Interpolation::linear, Interpolation::cubic}) {
    if (name == name_of(i)) return i;
  }
  throw UsageError(text("the interpolation is '", printable(name), "', linear or cubic was expected"));
}

Volume resample(const Volume& moving, const Geometry& grid, const RigidTransform& transform, Interpolation interpolation) {
  const Vec3 fwhm = blur_fwhm(moving.geometry, grid, transform);
  Volume blurred;
  for (std::size_t c = 0; c < 3; ++c) {
    if (fwhm[c] == 0) continue;
    if (blurred.data.empty()) blurred = moving;
    blur_along(blurred, c, fwhm[c]);
  }
  const Volume& source = blurred.data.empty() ? moving : blurred;
  if (interpolation == Interpolation::linear) return resampled(source, grid, transform, Linear(source));
  return resampled(source, grid, transform, Cubic(source));
}

}  // namespace vitrine::imaging

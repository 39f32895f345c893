#include "imaging/steps/smoothing.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/prep_kernels.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr const char* kWork = "coregistration";

std::array<std::int64_t, 3> strides(const Geometry& g) { return {1, g.size[0], g.size[0] * g.size[1]}; }

Volume empty_like(const Geometry& g) { return {g, std::vector<float>(static_cast<std::size_t>(g.voxels()))}; }

// sum over taps of weight[t] * source[offset[t] + i]
void add_rows(const float* source, const std::vector<std::int64_t>& offset, const std::vector<float>& weight, std::int64_t n,
              float* out) {
  kernels::prep_kernels().weighted_sums(source, {offset.data(), weight.data(), static_cast<std::int64_t>(offset.size())}, n,
                                        out);
}

// Along i the row is first put into a longer one whose ends repeat.
void along_rows(const Volume& volume, const std::vector<float>& weight, Volume& out) {
  const std::int64_t n = volume.geometry.size[0], reach = static_cast<std::int64_t>(weight.size() / 2);
  std::vector<float> padded(static_cast<std::size_t>(n + 2 * reach));
  std::vector<std::int64_t> offset(weight.size());
  for (std::size_t t = 0; t < offset.size(); ++t) offset[t] = static_cast<std::int64_t>(t);
  const std::int64_t rows = volume.geometry.size[1] * volume.geometry.size[2];
  for (std::int64_t r = 0; r < rows; ++r) {
    if (r % 4096 == 0) check_interrupt(kWork);
    const float* source = volume.data.data() + r * n;
    std::fill(padded.begin(), padded.begin() + reach, source[0]);
    std::copy(source, source + n, padded.begin() + reach);
    std::fill(padded.end() - reach, padded.end(), source[n - 1]);
    add_rows(padded.data(), offset, weight, n, out.data.data() + r * n);
  }
}

void across_rows(const Volume& volume, std::size_t axis, const std::vector<float>& weight, Volume& out) {
  const auto& size = volume.geometry.size;
  const std::int64_t step = strides(volume.geometry)[axis], reach = static_cast<std::int64_t>(weight.size() / 2);
  std::vector<std::int64_t> offset(weight.size());
  for (std::int64_t k = 0; k < size[2]; ++k) {
    check_interrupt(kWork);
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::int64_t place = axis == 1 ? j : k, row = (k * size[1] + j) * size[0];
      for (std::size_t t = 0; t < offset.size(); ++t) {
        const std::int64_t at = std::clamp<std::int64_t>(place + static_cast<std::int64_t>(t) - reach, 0, size[axis] - 1);
        offset[t] = (at - place) * step;
      }
      add_rows(volume.data.data() + row, offset, weight, size[0], out.data.data() + row);
    }
  }
}

}  // namespace

Volume block_means(const Volume& volume, const std::array<std::int64_t, 3>& factor) {
  if (factor == std::array<std::int64_t, 3>{1, 1, 1}) return volume;
  Geometry g = volume.geometry;
  Vec3 first{};
  for (std::size_t c = 0; c < 3; ++c) {
    g.size[c] = volume.geometry.size[c] / factor[c];
    g.spacing[c] *= static_cast<double>(factor[c]);
    first[c] = static_cast<double>(factor[c] - 1) / 2;
  }
  g.origin = volume.geometry.to_physical(first);
  Volume out = empty_like(g);
  const auto step = strides(volume.geometry);
  const float share = static_cast<float>(1.0 / static_cast<double>(factor[0] * factor[1] * factor[2]));
  std::vector<float> row(static_cast<std::size_t>(g.size[0] * factor[0]));
  float* to = out.data.data();
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt(kWork);
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      std::fill(row.begin(), row.end(), 0.0F);
      for (std::int64_t c = 0; c < factor[2]; ++c) {
        for (std::int64_t b = 0; b < factor[1]; ++b) {
          const float* from = volume.data.data() + (k * factor[2] + c) * step[2] + (j * factor[1] + b) * step[1];
          for (std::size_t i = 0; i < row.size(); ++i) row[i] += from[i];
        }
      }
      for (std::size_t i = 0; i < row.size(); i += static_cast<std::size_t>(factor[0])) {
        float sum = 0;
        for (std::int64_t a = 0; a < factor[0]; ++a) sum += row[i + static_cast<std::size_t>(a)];
        *to++ = sum * share;
      }
    }
  }
  return out;
}

Volume convolved(const Volume& volume, std::size_t axis, const std::vector<double>& taps) {
  std::vector<float> weight(taps.size());
  std::transform(taps.begin(), taps.end(), weight.begin(), [](double t) { return static_cast<float>(t); });
  Volume out = empty_like(volume.geometry);
  if (axis == 0) {
    along_rows(volume, weight, out);
  } else {
    across_rows(volume, axis, weight, out);
  }
  return out;
}

Volume gaussian_smoothed(Volume volume, const Vec3& sigma_mm) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double sigma = sigma_mm[axis] / volume.geometry.spacing[axis];
    if (sigma < 0.2 || volume.geometry.size[axis] < 2) continue;
    const auto reach = static_cast<std::int64_t>(std::ceil(3.5 * sigma));
    std::vector<double> taps;
    double sum = 0;
    for (std::int64_t t = -reach; t <= reach; ++t) {
      const double x = static_cast<double>(t) / sigma;
      taps.push_back(exp_portable(-0.5 * x * x));
      sum += taps.back();
    }
    for (double& t : taps) t /= sum;
    volume = convolved(volume, axis, taps);
  }
  return volume;
}

namespace {

// Weights of the voxels (from -reach to reach) in the mean of the line between them, linear, over [-half, half].
std::vector<double> box_taps(double half) {
  const auto integral = [](double x) {  // of the hat function from minus infinity to x
    if (x <= -1) return 0.0;
    if (x >= 1) return 1.0;
    return x < 0 ? 0.5 * (1 + x) * (1 + x) : 1 - 0.5 * (1 - x) * (1 - x);
  };
  const auto reach = static_cast<std::int64_t>(std::ceil(half + 1));
  std::vector<double> taps;
  for (std::int64_t t = -reach; t <= reach; ++t) {
    const auto at = static_cast<double>(t);
    taps.push_back((integral(half - at) - integral(-half - at)) / (2 * half));
  }
  return taps;
}

struct Tap {
  std::array<std::int64_t, 3> shift{};  // voxels
  float weight = 0;
};

// The axis that lies nearest to the direction is walked voxel by voxel; across it the segment falls between voxels, four of which are mixed.
std::vector<Tap> segment_taps(const Geometry& g, const Vec3& direction, double width_mm) {
  const Vec3 along = transpose_times(g.direction, direction);
  Vec3 step;  // voxels per mm along the segment
  for (std::size_t c = 0; c < 3; ++c) step[c] = along[c] / g.spacing[c];
  std::size_t main = 0;
  for (std::size_t c = 1; c < 3; ++c) {
    if (std::fabs(step[c]) > std::fabs(step[main])) main = c;
  }
  const std::vector<double> walk = box_taps(width_mm / 2 * std::fabs(step[main]));
  const auto reach = static_cast<std::int64_t>(walk.size() / 2);
  const std::size_t a = (main + 1) % 3, b = (main + 2) % 3;
  std::vector<Tap> taps;
  for (std::int64_t t = -reach; t <= reach; ++t) {
    const double da = static_cast<double>(t) * step[a] / step[main], db = static_cast<double>(t) * step[b] / step[main];
    const double fa = std::floor(da), fb = std::floor(db);
    for (int corner = 0; corner < 4; ++corner) {
      const double wa = (corner & 1) != 0 ? da - fa : 1 - (da - fa), wb = (corner & 2) != 0 ? db - fb : 1 - (db - fb);
      Tap tap;
      tap.weight = static_cast<float>(walk[static_cast<std::size_t>(t + reach)] * wa * wb);
      tap.shift[main] = t;
      tap.shift[a] = static_cast<std::int64_t>(fa) + (corner & 1);
      tap.shift[b] = static_cast<std::int64_t>(fb) + (corner >> 1 & 1);
      if (tap.weight != 0) taps.push_back(tap);
    }
  }
  return taps;
}

// row[i] += weight * from[i + shift], the border repeated.
void add_shifted(const float* from, std::int64_t shift, float weight, std::vector<float>& row) {
  const auto n = static_cast<std::int64_t>(row.size());
  const std::int64_t first = std::clamp<std::int64_t>(-shift, 0, n), last = std::clamp<std::int64_t>(n - shift, first, n);
  float* to = row.data();
  for (std::int64_t i = 0; i < first; ++i) to[i] += weight * from[0];
  for (std::int64_t i = first; i < last; ++i) to[i] += weight * from[i + shift];
  for (std::int64_t i = last; i < n; ++i) to[i] += weight * from[n - 1];
}

}  // namespace

Volume box_smoothed(const Volume& volume, const Vec3& direction, double width_mm) {
  const Geometry& g = volume.geometry;
  if (width_mm <= 0) return volume;
  const std::vector<Tap> taps = segment_taps(g, direction, width_mm);
  const auto stride = strides(g);
  Volume out = empty_like(g);
  std::vector<float> row(static_cast<std::size_t>(g.size[0]));
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt(kWork);
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      std::fill(row.begin(), row.end(), 0.0F);
      for (const Tap& tap : taps) {
        const std::int64_t jj = std::clamp<std::int64_t>(j + tap.shift[1], 0, g.size[1] - 1),
                           kk = std::clamp<std::int64_t>(k + tap.shift[2], 0, g.size[2] - 1);
        add_shifted(volume.data.data() + kk * stride[2] + jj * stride[1], tap.shift[0], tap.weight, row);
      }
      std::copy(row.begin(), row.end(), out.data.data() + k * stride[2] + j * stride[1]);
    }
  }
  return out;
}

}  // namespace vitrine::imaging

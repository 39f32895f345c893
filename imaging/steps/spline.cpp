#include "imaging/steps/spline.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kLanes = 32;  // lines side by side

// Lines of one axis, kLanes at a time: values[n * kLanes + lane]. work(values, count) changes them in place.
template <class Work>
void each_block(std::vector<float>& data, const std::array<std::int64_t, 3>& size, std::size_t axis, const Work& work) {
  const std::array<std::size_t, 3> n{static_cast<std::size_t>(size[0]), static_cast<std::size_t>(size[1]),
                                     static_cast<std::size_t>(size[2])};
  const std::array<std::size_t, 3> stride{1, n[0], n[0] * n[1]};
  const std::size_t beside = axis == 0 ? 1 : 0, across = axis == 2 ? 1 : 2;  // the axis of the lanes, and the third
  std::vector<double> values(n[axis] * kLanes);
  for (std::size_t a = 0; a < n[across]; ++a) {
    check_interrupt("preparation");
    for (std::size_t b = 0; b < n[beside]; b += kLanes) {
      float* const corner = data.data() + a * stride[across] + b * stride[beside];
      const std::size_t lanes = std::min(kLanes, n[beside] - b);
      for (std::size_t i = 0; i < n[axis]; ++i) {
        for (std::size_t lane = 0; lane < lanes; ++lane)
          values[i * kLanes + lane] = static_cast<double>(corner[i * stride[axis] + lane * stride[beside]]);
      }
      work(values.data(), n[axis]);
      for (std::size_t i = 0; i < n[axis]; ++i) {
        for (std::size_t lane = 0; lane < lanes; ++lane)
          corner[i * stride[axis] + lane * stride[beside]] = static_cast<float>(values[i * kLanes + lane]);
      }
    }
  }
}

// The recursive filter whose output, convolved with the B-spline's samples (1, 4, 1) / 6, is the line again.
void to_coefficients(double* v, std::size_t n) {
  constexpr double z = -0.26794919243112270647;  // sqrt(3) - 2
  constexpr std::size_t kHorizon = 32;           // z^32 is 5e-19
  if (n < 2) return;
  double first[kLanes] = {};
  double power = 1;
  for (std::size_t i = 0; i < kHorizon; ++i) {
    const std::size_t at = i % (2 * n - 2), mirrored = at < n ? at : 2 * n - 2 - at;
    for (std::size_t lane = 0; lane < kLanes; ++lane) first[lane] += power * v[mirrored * kLanes + lane];
    power *= z;
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) v[lane] = 6 * first[lane];
  for (std::size_t i = 1; i < n; ++i) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      v[i * kLanes + lane] = 6 * v[i * kLanes + lane] + z * v[(i - 1) * kLanes + lane];
  }
  constexpr double kEnd = z / (z * z - 1);
  double* const last = v + (n - 1) * kLanes;
  for (std::size_t lane = 0; lane < kLanes; ++lane) last[lane] = kEnd * (last[lane] + z * v[(n - 2) * kLanes + lane]);
  for (std::size_t i = n - 1; i-- > 0;) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      v[i * kLanes + lane] = z * (v[(i + 1) * kLanes + lane] - v[i * kLanes + lane]);
  }
}

std::array<double, 4> weights_of(double t) {
  const double u = 1 - t, t2 = t * t, t3 = t2 * t;
  return {u * u * u / 6, (3 * t3 - 6 * t2 + 4) / 6, (-3 * t3 + 3 * t2 + 3 * t + 1) / 6, t3 / 6};
}

// The weights of a Gaussian at 0, 1, 2 ... voxels, before they are made to sum to 1.
std::vector<double> gaussian(double deviation) {
  constexpr double kNarrow = 0.4;  // voxels squared: below it samples no longer have the variance
  const double variance = deviation * deviation;
  if (variance < kNarrow) return {1 - variance, variance / 2};
  std::vector<double> weights;
  for (int i = 0; i <= static_cast<int>(std::ceil(4 * deviation)); ++i)
    weights.push_back(exp_portable(-static_cast<double>(i) * i / (2 * variance)));
  return weights;
}

}  // namespace

CubicSpline::CubicSpline(const Volume& volume) : coefficients_(volume.data), size_(volume.geometry.size) {
  for (std::size_t axis = 0; axis < 3; ++axis) each_block(coefficients_, size_, axis, to_coefficients);
}

double CubicSpline::inner(const Vec3& index) const {
  std::array<std::int64_t, 3> low;
  std::array<std::array<double, 4>, 3> w;
  for (std::size_t c = 0; c < 3; ++c) {
    low[c] = static_cast<std::int64_t>(index[c]);
    w[c] = weights_of(index[c] - static_cast<double>(low[c]));
  }
  const float* q = coefficients_.data() + ((low[2] - 1) * size_[1] + low[1] - 1) * size_[0] + low[0] - 1;
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k, q += size_[0] * size_[1]) {
    double plane = 0;
    const float* row = q;
    for (std::size_t j = 0; j < 4; ++j, row += size_[0]) {
      double line = 0;
      for (std::size_t i = 0; i < 4; ++i) line += w[0][i] * static_cast<double>(row[i]);
      plane += w[1][j] * line;
    }
    sum += w[2][k] * plane;
  }
  return sum;
}

double CubicSpline::at(const Vec3& index) const {
  std::array<std::array<double, 4>, 3> w;
  std::array<std::array<std::int64_t, 4>, 3> place;
  for (std::size_t c = 0; c < 3; ++c) {
    const double low = std::floor(index[c]);
    w[c] = weights_of(index[c] - low);
    const std::int64_t n = size_[c], round = std::max<std::int64_t>(2 * n - 2, 1);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::int64_t at = ((static_cast<std::int64_t>(low) + static_cast<std::int64_t>(i) - 1) % round + round) % round;
      place[c][i] = at < n ? at : round - at;
    }
  }
  double sum = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    double plane = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const float* row = coefficients_.data() + (place[2][k] * size_[1] + place[1][j]) * size_[0];
      double line = 0;
      for (std::size_t i = 0; i < 4; ++i) line += w[0][i] * static_cast<double>(row[place[0][i]]);
      plane += w[1][j] * line;
    }
    sum += w[2][k] * plane;
  }
  return sum;
}

std::vector<double> blur_weights(double fwhm_mm, double spacing_mm) {
  constexpr double kDeviations = 2.354820045030949382;  // of a full width at half maximum: sqrt(8 ln 2)
  return gaussian(fwhm_mm / kDeviations / spacing_mm);
}

void blur_along(Volume& volume, std::size_t axis, double fwhm_mm) {
  const std::vector<double> weight = blur_weights(fwhm_mm, volume.geometry.spacing[axis]);
  std::vector<double> line;
  each_block(volume.data, volume.geometry.size, axis, [&](double* v, std::size_t n) {
    line.assign(v, v + n * kLanes);
    for (std::size_t i = 0; i < n; ++i) {
      double* const out = v + i * kLanes;
      double sum = weight[0];
      for (std::size_t lane = 0; lane < kLanes; ++lane) out[lane] = weight[0] * line[i * kLanes + lane];
      for (std::size_t d = 1; d < weight.size(); ++d) {
        for (const bool after : {false, true}) {
          if (after ? i + d >= n : i < d) continue;
          const double* const from = line.data() + (after ? i + d : i - d) * kLanes;
          sum += weight[d];
          for (std::size_t lane = 0; lane < kLanes; ++lane) out[lane] += weight[d] * from[lane];
        }
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) out[lane] /= sum;
    }
  });
}

}  // namespace vitrine::imaging

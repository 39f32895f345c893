#include "imaging/steps/mutual_information.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr int kColumns = kBins + 3;  // a cubic window reaches one bin below and two above
constexpr std::size_t kChunks = 16;
constexpr double kRampMm = 3;  // over which the weight of a sample falls to 0 at the border of the target

// Cubic B-spline windows of a value `t` above its bin, for the bins -1, 0, 1, 2 away.
std::array<float, 4> windows(float t) {
  const float u = 1 - t;
  return {u * u * u / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * u * u * u - 6 * u * u + 4) / 6, t * t * t / 6};
}

// And their derivatives with respect to the value.
std::array<float, 4> window_slopes(float t) {
  const float u = 1 - t;
  return {-u * u / 2, (9 * t * t - 12 * t) / 6, -(9 * u * u - 12 * u) / 6, t * t / 2};
}

// Points of the samples to fractional voxels of the target.
struct VoxelMap {
  std::array<float, 9> step;
  std::array<float, 3> start, last, ramp;  // ramp: weight per voxel from the border
  std::array<std::int64_t, 3> stride;

  VoxelMap(const Pose& pose, const Geometry& g) {
    const Vec3 origin = g.to_index(pose.place);
    for (std::size_t r = 0; r < 3; ++r) {
      start[r] = static_cast<float>(origin[r]);
      last[r] = static_cast<float>(g.size[r] - 1);
      ramp[r] = static_cast<float>(std::max(1.0, g.spacing[r] / kRampMm));
      for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;  // direction^T * rotation, in voxels
        for (std::size_t m = 0; m < 3; ++m) sum += g.direction[3 * m + r] * pose.rotation[3 * m + c];
        step[3 * r + c] = static_cast<float>(sum / g.spacing[r]);
      }
    }
    stride = {1, g.size[0], g.size[0] * g.size[1]};
  }
};

// A value between eight voxels and its slopes along the axes.
struct Trilinear {
  float value;
  std::array<float, 3> slope;
};

inline Trilinear trilinear(const float* p, const std::array<std::int64_t, 3>& stride, const std::array<float, 3>& t) {
  const float *q = p + stride[1], *r = p + stride[2], *s = r + stride[1];
  const float p0 = p[0] + t[0] * (p[1] - p[0]), q0 = q[0] + t[0] * (q[1] - q[0]);
  const float r0 = r[0] + t[0] * (r[1] - r[0]), s0 = s[0] + t[0] * (s[1] - s[0]);
  const float low = p0 + t[1] * (q0 - p0), high = r0 + t[1] * (s0 - r0);
  const float dp = p[1] - p[0], dq = q[1] - q[0], dr = r[1] - r[0], ds = s[1] - s[0];
  const float dlow = dp + t[1] * (dq - dp), dhigh = dr + t[1] * (ds - dr);
  const float across = q0 - p0;
  return {low + t[2] * (high - low), {dlow + t[2] * (dhigh - dlow), across + t[2] * ((s0 - r0) - across), high - low}};
}

double entropy(const std::vector<double>& share) {
  double sum = 0;
  for (const double p : share) {
    if (p > 0) sum -= p * log_portable(p);
  }
  return sum;
}

struct Shares {
  std::vector<double> joint, rows = std::vector<double>(kBins), columns = std::vector<double>(kColumns);

  Shares(const std::vector<double>& histogram, double mass) : joint(histogram) {
    for (std::size_t r = 0; r < kBins; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        double& p = joint[r * kColumns + c];
        p /= mass;
        rows[r] += p;
        columns[c] += p;
      }
    }
  }
};

}  // namespace

MutualInformation::MutualInformation(const Samples& samples, const Volume& target, BinRange range)
    : samples_(samples), target_(target), range_(range), seen_(samples.bin.size()) {}

template <bool kSlopes>
double MutualInformation::fill(const Pose& pose, Histogram& histogram) const {
  const VoxelMap map(pose, target_.geometry);
  const float scale = static_cast<float>(kBins - 1) / std::max(range_.high - range_.low, 1e-30F);
  const std::size_t count = samples_.bin.size();
  histogram.assign(static_cast<std::size_t>(kBins * kColumns), 0);
  Histogram part(histogram.size());
  double mass = 0;
  for (std::size_t chunk = 0; chunk < kChunks; ++chunk) {
    check_interrupt("coregistration");
    std::fill(part.begin(), part.end(), 0.0);
    double part_mass = 0;
    for (std::size_t n = count * chunk / kChunks; n < count * (chunk + 1) / kChunks; ++n) {
      const auto& u = samples_.offset[n];
      std::array<float, 3> f;
      float weight = 1;
      for (std::size_t c = 0; c < 3; ++c) {
        f[c] = map.start[c] + map.step[3 * c] * u[0] + map.step[3 * c + 1] * u[1] + map.step[3 * c + 2] * u[2];
        weight = std::min(weight, std::min(f[c], map.last[c] - f[c]) * map.ramp[c]);
      }
      Seen& seen = seen_[n];
      seen.weight = 0;
      if (!(weight > 0)) continue;
      std::int64_t at = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const float low = std::min(static_cast<float>(static_cast<std::int32_t>(f[c])), map.last[c] - 1);
        at += static_cast<std::int64_t>(low) * map.stride[c];
        f[c] -= low;
      }
      const Trilinear value = trilinear(target_.data.data() + at, map.stride, f);
      const float bin = std::clamp((value.value - range_.low) * scale, 0.0F, static_cast<float>(kBins - 1));
      const auto whole = static_cast<std::int32_t>(bin);
      const auto window = windows(bin - static_cast<float>(whole));
      double* cell = part.data() + samples_.bin[n] * kColumns + whole;
      for (std::size_t w = 0; w < 4; ++w) cell[w] += static_cast<double>(weight * window[w]);
      part_mass += static_cast<double>(weight);
      if constexpr (kSlopes) {
        const bool inside = bin > 0 && bin < static_cast<float>(kBins - 1);
        seen.weight = inside ? weight : 0;
        seen.bin = bin;
        for (std::size_t c = 0; c < 3; ++c) seen.slope[c] = value.slope[c] * scale;
      }
    }
    for (std::size_t i = 0; i < part.size(); ++i) histogram[i] += part[i];
    mass += part_mass;
  }
  return mass;
}

Similarity MutualInformation::at(const Pose& pose) const {
  Histogram histogram;
  const double mass = fill<false>(pose, histogram);
  if (!(mass > 0)) return {};
  const Shares shares(histogram, mass);
  const double both = entropy(shares.joint), apart = entropy(shares.rows) + entropy(shares.columns);
  return {both > 0 ? apart / both : 1, apart - both, mass / static_cast<double>(std::max<std::size_t>(size(), 1))};
}

// A sample's windows sum to 1 whatever its value, so what is constant along a row of cells falls out of the derivative.
Similarity MutualInformation::at(const Pose& pose, Measure measure, SimilarityDerivatives& derivatives) const {
  Histogram histogram;
  const double mass = fill<true>(pose, histogram);
  derivatives = {};
  if (!(mass > 0)) return {};
  const Shares shares(histogram, mass);
  const double both = entropy(shares.joint), apart = entropy(shares.rows) + entropy(shares.columns);
  const Similarity result{both > 0 ? apart / both : 1, apart - both,
                          mass / static_cast<double>(std::max<std::size_t>(size(), 1))};
  constexpr double kFloor = 1e-12;  // of a share: an empty cell must not pull without limit
  std::vector<double> per_cell(histogram.size()), column_log(kColumns);
  for (std::size_t c = 0; c < kColumns; ++c) column_log[c] = log_portable(std::max(shares.columns[c], kFloor));
  for (std::size_t i = 0; i < per_cell.size(); ++i) {
    const double joint_log = log_portable(std::max(shares.joint[i], kFloor)), marginal_log = column_log[i % kColumns];
    const double of_share =
        measure == Measure::plain ? joint_log - marginal_log : (apart * joint_log - both * marginal_log) / (both * both);
    per_cell[i] = of_share / mass;
  }
  derivatives = gathered(per_cell);
  const Geometry& g = target_.geometry;
  // From per voxel of the target to per mm: the rows of direction / spacing.
  const SimilarityDerivatives voxel = derivatives;
  for (std::size_t r = 0; r < 3; ++r) {
    derivatives.place[r] = 0;
    for (std::size_t c = 0; c < 3; ++c) derivatives.rotation[3 * r + c] = 0;
    for (std::size_t m = 0; m < 3; ++m) {
      const double to_mm = g.direction[3 * r + m] / g.spacing[m];
      derivatives.place[r] += to_mm * voxel.place[m];
      for (std::size_t c = 0; c < 3; ++c) derivatives.rotation[3 * r + c] += to_mm * voxel.rotation[3 * m + c];
    }
  }
  return result;
}

// Per voxel of the target: the sums of slope and of slope x offset.
SimilarityDerivatives MutualInformation::gathered(const std::vector<double>& per_cell) const {
  SimilarityDerivatives sum;
  const std::vector<float> cells(per_cell.begin(), per_cell.end());
  const std::size_t count = samples_.bin.size();
  for (std::size_t chunk = 0; chunk < kChunks; ++chunk) {
    SimilarityDerivatives part;
    for (std::size_t n = count * chunk / kChunks; n < count * (chunk + 1) / kChunks; ++n) {
      const Seen& seen = seen_[n];
      if (seen.weight == 0) continue;
      const auto whole = static_cast<std::int32_t>(seen.bin);
      const auto slopes = window_slopes(seen.bin - static_cast<float>(whole));
      const float* cell = cells.data() + samples_.bin[n] * kColumns + whole;
      const float pull = seen.weight * (slopes[0] * cell[0] + slopes[1] * cell[1] + slopes[2] * cell[2] + slopes[3] * cell[3]);
      const auto& u = samples_.offset[n];
      for (std::size_t r = 0; r < 3; ++r) {
        const double force = static_cast<double>(pull * seen.slope[r]);
        part.place[r] += force;
        for (std::size_t c = 0; c < 3; ++c) part.rotation[3 * r + c] += force * static_cast<double>(u[c]);
      }
    }
    for (std::size_t r = 0; r < 3; ++r) sum.place[r] += part.place[r];
    for (std::size_t r = 0; r < 9; ++r) sum.rotation[r] += part.rotation[r];
  }
  return sum;
}

}  // namespace vitrine::imaging

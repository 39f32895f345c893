#include "imaging/steps/registration_spm.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/interrupt.h"
#include "imaging/steps/smoothing.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kLevels = 256;
constexpr double kLastStep = 2, kHistogramFwhm = 7;
const double kFwhmToSigma = 1 / std::sqrt(8 * std::numbers::ln2);

// A Gaussian convolved with the hat function of one voxel, by Simpson's rule, so that a smoothed line between voxels is seen as such.
std::vector<double> spm_taps(double sigma) {
  constexpr int kParts = 40;  // of the hat from -1 to 1
  const auto reach = static_cast<int>(std::ceil(4 * sigma + 1));
  std::vector<double> taps;
  double sum = 0;
  for (int t = -reach; t <= reach; ++t) {
    double integral = 0;
    for (int n = 0; n <= kParts; ++n) {
      const double at = -1 + 2.0 * n / kParts, x = (t - at) / sigma;
      const double weight = n == 0 || n == kParts ? 1 : n % 2 == 1 ? 4 : 2;
      integral += weight * (1 - std::fabs(at)) * exp_portable(-0.5 * x * x);
    }
    taps.push_back(integral);
    sum += integral;
  }
  for (double& t : taps) t /= sum;
  return taps;
}

std::vector<double> gaussian_taps(double sigma) {
  const auto reach = static_cast<int>(std::ceil(3.5 * sigma));
  std::vector<double> taps;
  double sum = 0;
  for (int t = -reach; t <= reach; ++t) taps.push_back(exp_portable(-0.5 * t * t / (sigma * sigma))), sum += taps.back();
  for (double& t : taps) t /= sum;
  return taps;
}

// The upper end of the first of 2048 bins at which 99.99 % of the voxels are reached.
double upper_end(const std::vector<float>& values, double low, double high) {
  constexpr std::size_t kSteps = 2048;
  std::vector<std::size_t> count(kSteps);
  for (const float v : values) {
    const double at = (static_cast<double>(v) - low) / (high - low) * (kSteps - 1);
    ++count[static_cast<std::size_t>(at + 0.5)];
  }
  const auto wanted = static_cast<std::size_t>(0.9999 * static_cast<double>(values.size()));
  std::size_t reached = 0, bin = 0;
  while (bin + 1 < kSteps && (reached += count[bin]) < wanted) ++bin;
  return low + (high - low) * static_cast<double>(bin) / (kSteps - 1);
}

// Whole numbers from 0 to 255, smoothed.
Volume eight_bit(const Volume& volume) {
  const auto [least, most] = std::minmax_element(volume.data.begin(), volume.data.end());
  const double low = static_cast<double>(*least), high = upper_end(volume.data, low, static_cast<double>(*most));
  const bool is_whole = std::all_of(volume.data.begin(), volume.data.end(), [](float v) { return v == std::floor(v); });
  const double scale = 255 / std::max(high - low, 1e-30);
  Volume out = volume;
  for (std::size_t i = 0; i < out.data.size(); ++i) {
    // Multiples of the golden ratio, modulo 1: evenly spread whatever the order.
    const double spread = static_cast<double>(static_cast<std::uint32_t>(i * 2654435769u)) * 0x1p-32 - 0.5;
    const double value = static_cast<double>(volume.data[i]) + (is_whole ? spread : 0);
    out.data[i] = static_cast<float>(std::floor(std::clamp((value - low) * scale, 0.0, 255.0) + 0.5));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const double voxel = volume.geometry.spacing[c],
                 fwhm = std::sqrt(std::max(0.0, kLastStep * kLastStep - voxel * voxel)) / voxel;
    if (fwhm > 0) out = convolved(out, c, spm_taps(fwhm * kFwhmToSigma));
  }
  for (float& v : out.data) v = std::floor(std::clamp(v, 0.0F, 255.0F) + 0.5F);
  return out;
}

// Linear between voxels; negative outside their centres.
float looked_up(const Volume& v, const std::array<float, 3>& f) {
  const auto& size = v.geometry.size;
  std::array<std::int64_t, 3> low;
  std::array<float, 3> t;
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(f[c] >= 0 && f[c] <= static_cast<float>(size[c] - 1))) return -1;
    low[c] = std::min(static_cast<std::int64_t>(f[c]), size[c] - 2);
    t[c] = f[c] - static_cast<float>(low[c]);
  }
  const std::int64_t down = size[0], back = size[0] * size[1];
  const float* p = v.data.data() + low[2] * back + low[1] * down + low[0];
  const auto row = [&](const float* q) { return q[0] + t[0] * (q[1] - q[0]); };
  const auto plane = [&](const float* q) { return row(q) + t[1] * (row(q + down) - row(q)); };
  return plane(p) + t[2] * (plane(p + back) - plane(p));
}

struct SpmSample {
  std::array<float, 3> point;  // mm
  std::uint8_t bin;
};

std::vector<SpmSample> spm_samples(const Volume& fixed, double step) {
  const Geometry& g = fixed.geometry;
  constexpr double kPlastic = 1.2207440846057596;
  std::vector<SpmSample> out;
  std::array<double, 3> stride;
  for (std::size_t c = 0; c < 3; ++c) stride[c] = step / g.spacing[c];
  std::uint32_t n = 0;
  for (double k = 0; k < static_cast<double>(g.size[2] - 1); k += stride[2]) {
    check_interrupt("coregistration");
    for (double j = 0; j < static_cast<double>(g.size[1] - 1); j += stride[1]) {
      for (double i = 0; i < static_cast<double>(g.size[0] - 1); i += stride[0], ++n) {
        Vec3 at{i, j, k};
        double power = 1;
        for (std::size_t c = 0; c < 3; ++c) {
          power /= kPlastic;
          const double spread = (n % kSpmJitter + 1) * power;
          at[c] += (spread - std::floor(spread)) * stride[c];
        }
        const float value = looked_up(fixed, {static_cast<float>(at[0]), static_cast<float>(at[1]), static_cast<float>(at[2])});
        if (value < 0) continue;
        const Vec3 p = g.to_physical(at);
        out.push_back({{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])},
                       static_cast<std::uint8_t>(value + 0.5F)});
      }
    }
  }
  return out;
}

double entropy(const std::vector<double>& share) {
  double sum = 0;
  for (const double p : share) sum -= p * log_portable(p);
  return sum;
}

class SpmCost {
 public:
  SpmCost(std::vector<SpmSample> samples, const Volume& moving)
      : samples_(std::move(samples)), moving_(moving), taps_(gaussian_taps(kHistogramFwhm * kFwhmToSigma)) {}

  double operator()(const Vector6& parameters) {
    check_interrupt("coregistration");
    Volume histogram{{{static_cast<std::int64_t>(kLevels), static_cast<std::int64_t>(kLevels), 1}}, {}};
    std::vector<double> count(kLevels * kLevels);
    fill(spm_transform(parameters), count);
    // Counts pass through single precision here; they are far from its limits.
    histogram.data.assign(count.begin(), count.end());
    histogram = convolved(convolved(histogram, 0, taps_), 1, taps_);
    return -normalised(histogram.data);
  }

 private:
  void fill(const RigidTransform& transform, std::vector<double>& count) const {
    const Geometry& g = moving_.geometry;
    const RigidMap map = transform.map();
    const Vec3 origin = g.to_index(map.apply({0, 0, 0}));
    std::array<std::array<float, 4>, 3> row;
    for (std::size_t c = 0; c < 3; ++c) {
      Vec3 unit{};
      unit[c] = 1;
      const Vec3 end = g.to_index(map.apply(unit));
      for (std::size_t r = 0; r < 3; ++r) row[r][c] = static_cast<float>(end[r] - origin[r]);
      row[c][3] = static_cast<float>(origin[c]);
    }
    for (const SpmSample& s : samples_) {
      std::array<float, 3> f;
      for (std::size_t r = 0; r < 3; ++r)
        f[r] = row[r][0] * s.point[0] + row[r][1] * s.point[1] + row[r][2] * s.point[2] + row[r][3];
      const float value = looked_up(moving_, f);
      if (value < 0) continue;
      const auto low = std::min<std::size_t>(static_cast<std::size_t>(value), kLevels - 2);
      const double rest = static_cast<double>(value) - static_cast<double>(low);
      count[s.bin * kLevels + low] += 1 - rest;
      count[s.bin * kLevels + low + 1] += rest;
    }
  }

  static double normalised(const std::vector<float>& histogram) {
    constexpr double kEps = 2.220446049250313e-16;
    std::vector<double> joint(histogram.begin(), histogram.end()), rows(kLevels), columns(kLevels);
    double all = 0;
    for (double& h : joint) h += kEps, all += h;
    for (std::size_t i = 0; i < joint.size(); ++i) {
      joint[i] /= all;
      rows[i / kLevels] += joint[i];
      columns[i % kLevels] += joint[i];
    }
    return (entropy(rows) + entropy(columns)) / entropy(joint);
  }

  std::vector<SpmSample> samples_;
  const Volume& moving_;
  std::vector<double> taps_;
};

}  // namespace

RigidTransform spm_transform(const Vector6& p) { return {{p[3], p[4], p[5]}, {p[0], p[1], p[2]}, {0, 0, 0}}; }

Minimum spm_registration(const Volume& fixed, const Volume& moving) {
  const Volume f = eight_bit(fixed), m = eight_bit(moving);
  Minimum found;
  for (const double step : {4.0, kLastStep}) {
    SpmCost cost(spm_samples(f, step), m);
    PowellOptions options;
    options.tolerance = {0.02, 0.02, 0.02, 0.001, 0.001, 0.001};
    Minimum next = powell([&](const Vector6& p) { return cost(p); }, found.at, options);
    next.iterations += found.iterations;
    next.evaluations += found.evaluations;
    found = next;
  }
  return found;
}

}  // namespace vitrine::imaging

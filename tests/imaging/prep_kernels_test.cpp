// The kernels of preparation: on every instruction set the bits of the plain formula.
#include "imaging/prep_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "imaging/brain/head_registration.h"
#include "imaging/brain/running_means.h"
#include "imaging/steps/morphology.h"
#include "tensor/math.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine::imaging {
namespace {

using kernels::prep_kernels;

// Numbers from `low` to `high`.
class Drawn {
 public:
  explicit Drawn(std::uint32_t seed) : draw_{.seed = seed, .purpose = Purpose::audit} {}
  double operator()(double low, double high) { return low + (high - low) * static_cast<double>(draw_.uniform_float(next_++)); }

  template <class Number>
  std::vector<Number> several(std::size_t count, double low, double high) {
    std::vector<Number> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(static_cast<Number>((*this)(low, high)));
    return all;
  }

 private:
  Draw draw_;
  std::uint32_t next_ = 0;
};

Volume drawn_volume(const std::array<std::int64_t, 3>& size, std::uint32_t seed) {
  Volume v;
  v.geometry.size = size;
  v.geometry.spacing = {0.9, 1.3, 2.1};
  v.geometry.origin = {-3, 5, 7};
  v.geometry.direction = nearest_rotation({0.9, -0.3, 0.1, 0.2, 0.8, -0.4, 0.05, 0.4, 0.9});
  v.data = Drawn(seed).several<float>(static_cast<std::size_t>(v.geometry.voxels()), 0, 30.9);
  return v;
}

// One line after the other, as running_means.h says it.
void smooth_plainly(Volume& v, std::size_t axis, double sigma_mm) {
  const auto& n = v.geometry.size;
  const std::int64_t stride[3] = {1, n[0], n[0] * n[1]};
  const double sigma = sigma_mm / v.geometry.spacing[axis], width = std::sqrt(4 * sigma * sigma + 1);
  if (sigma < 0.5 || n[axis] < 2) return;
  const auto reach = static_cast<std::int64_t>(std::ceil((width - 1) / 2));
  const auto edge = static_cast<float>((width - static_cast<double>(2 * reach - 1)) / 2);
  for (std::int64_t start = 0; start < v.geometry.voxels(); ++start) {
    if (start / stride[axis] % n[axis] != 0) continue;
    for (int pass = 0; pass < 3; ++pass) {
      std::vector<float> line;
      for (std::int64_t i = -reach; i < n[axis] + reach; ++i)
        line.push_back(v.data[static_cast<std::size_t>(start + std::clamp<std::int64_t>(i, 0, n[axis] - 1) * stride[axis])]);
      double sum = 0;
      for (std::int64_t d = 1; d < 2 * reach; ++d) sum += static_cast<double>(line[static_cast<std::size_t>(d)]);
      for (std::int64_t i = 0; i < n[axis]; ++i) {
        const float first = line[static_cast<std::size_t>(i)], last = line[static_cast<std::size_t>(i + 2 * reach)];
        v.data[static_cast<std::size_t>(start + i * stride[axis])] =
            (static_cast<float>(sum) + edge * (first + last)) / static_cast<float>(width);
        sum += static_cast<double>(last) - static_cast<double>(line[static_cast<std::size_t>(i + 1)]);
      }
    }
  }
}

TEST(PrepKernels, RunningMeansAreThoseOfOneLine) {
  for (const std::array<std::int64_t, 3>& size :
       {std::array<std::int64_t, 3>{37, 18, 5}, {1, 16, 33}, {17, 1, 2}, {2, 50, 1}}) {
    for (const double sigma : {0.7, 2.5, 9.0}) {
      const Volume volume = drawn_volume(size, 1);
      Volume expected = volume;
      for (std::size_t axis = 0; axis < 3; ++axis) smooth_plainly(expected, axis, sigma);
      testing::everywhere(
          {1}, [&](const std::string&) { EXPECT_EQ(smoothed(volume, sigma).data, expected.data) << size[0] << ", " << sigma; });
    }
  }
}

TEST(PrepKernels, DensitiesAndExponentialsAreThoseOfOneValue) {
  Drawn drawn(2);
  for (const std::size_t count : {0U, 1U, 3U, 8U, 21U, 64U}) {
    std::vector<double> values = drawn.several<double>(count, 0, 3), logs = drawn.several<double>(count, -2, 2);
    if (count > 8) values[5] = 1e30, values[6] = std::numeric_limits<double>::quiet_NaN(), logs[7] = 1e9;
    const kernels::NormalDensity density{1.1, 0.07, 0.3 / 0.07};
    std::vector<double> normal, divided;
    for (std::size_t i = 0; i < count; ++i) {
      const double z = (values[i] - density.mean) / density.deviation;
      normal.push_back(z * z > 80 ? 0 : density.scale * exp_portable(-z * z / 2));
      divided.push_back(values[i] * exp_portable(std::clamp(-logs[i], -700.0, 700.0)));
    }
    const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) {
        return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) || (std::isnan(x) && std::isnan(y));
      });
    };
    testing::everywhere({1}, [&](const std::string&) {
      std::vector<double> out(count + 1, -7);
      const auto written = [&] { return std::vector<double>(out.begin(), out.end() - 1); };
      prep_kernels().normal_densities(values.data(), static_cast<std::int64_t>(count), density, out.data());
      EXPECT_TRUE(same(written(), normal)) << count;
      prep_kernels().without_logs(values.data(), logs.data(), static_cast<std::int64_t>(count), out.data());
      EXPECT_TRUE(same(written(), divided)) << count;
      EXPECT_EQ(out.back(), -7);
    });
  }
}

TEST(PrepKernels, RowsMeetTapByTap) {
  const std::vector<float> source = Drawn(3).several<float>(400, -1, 1), weights = Drawn(4).several<float>(7, 0, 1);
  const std::vector<std::int64_t> offsets = {0, 3, 50, 51, 90, 200, 201};
  for (const std::int64_t count : {1, 5, 16, 47, 150}) {
    std::vector<float> sums, least;
    for (std::int64_t i = 0; i < count; ++i) {
      float sum = 0, smallest = std::numeric_limits<float>::infinity();
      for (std::size_t t = 0; t < offsets.size(); ++t) {
        const float value = source[static_cast<std::size_t>(offsets[t] + i)];
        sum += weights[t] * value;
        smallest = std::min(smallest, value + weights[t]);
      }
      sums.push_back(sum);
      least.push_back(smallest);
    }
    testing::everywhere({1}, [&](const std::string&) {
      const kernels::RowTaps taps{offsets.data(), weights.data(), static_cast<std::int64_t>(offsets.size())};
      std::vector<float> out(static_cast<std::size_t>(count));
      prep_kernels().weighted_sums(source.data(), taps, count, out.data());
      EXPECT_EQ(out, sums);
      prep_kernels().least_sums(source.data(), taps, count, out.data());
      EXPECT_EQ(out, least);
    });
  }
}

TEST(PrepKernels, DilationHoldsWhatLiesWithinTheRadius) {
  Mask mask = drawn_volume({21, 19, 9}, 5);
  for (float& v : mask.data) v = v > 30.5f ? 1.0f : 0.0f;
  const Geometry& g = mask.geometry;
  for (const double radius : {0.5, 2.1, 4.0}) {
    const Mask wide = dilated(mask, radius);
    for (std::int64_t at = 0; at < g.voxels(); ++at) {
      bool near = false;
      for (std::int64_t other = 0; other < g.voxels(); ++other) {
        if (mask.data[static_cast<std::size_t>(other)] == 0) continue;
        double square = 0;
        std::int64_t a = at, b = other;
        for (std::size_t c = 0; c < 3; ++c) {
          const double way = static_cast<double>(a % g.size[c] - b % g.size[c]) * g.spacing[c];
          square += way * way;
          a /= g.size[c];
          b /= g.size[c];
        }
        near = near || square <= radius * radius * (1 + 1e-6);
      }
      ASSERT_EQ(wide.data[static_cast<std::size_t>(at)] != 0, near) << radius << ", voxel " << at;
    }
  }
}

TEST(PrepKernels, CountsAreSharedOutPlaceByPlace) {
  constexpr std::size_t kColumns = kernels::kShareColumns, kRows = 32, kAbreast = kernels::kPlacesAbreast;
  for (const std::array<std::int64_t, 3>& size : {std::array<std::int64_t, 3>{9, 7, 6}, {1, 8, 5}, {2, 1, 3}}) {
    const Volume volume = drawn_volume(size, 6);
    const Geometry& g = volume.geometry;
    const AffineMap map{{0.95, 0.1, -0.05, -0.12, 0.97, 0.03, 0.04, -0.02, 1.05}, {1, -2, 0.5}};
    const std::size_t count = 83, stride = (count + kAbreast - 1) / kAbreast * kAbreast;
    Drawn drawn(7);
    std::vector<double> places(3 * stride), expected(kRows * kColumns);
    const std::vector<float> shares = drawn.several<float>(count * kColumns, 0, 1);
    std::int64_t inside = 0;
    for (std::size_t p = 0; p < count; ++p) {
      const Vec3 index{drawn(-1.5, static_cast<double>(size[0]) + 0.5), drawn(-1.5, static_cast<double>(size[1]) + 0.5),
                       drawn(-1.5, static_cast<double>(size[2]) + 0.5)};
      Vec3 place = map.inverse().apply(g.to_physical(index));
      if (p == 11) place[1] = std::numeric_limits<double>::quiet_NaN();  // lies nowhere
      for (std::size_t c = 0; c < 3; ++c) places[c * stride + p] = place[c];
      const Vec3 q = g.to_index(map.apply(place));
      if (!g.holds(q)) continue;
      ++inside;
      const float value = interpolated(volume, q);
      const auto bin = static_cast<std::size_t>(value);
      const float upper = value - static_cast<float>(bin);
      for (std::size_t c = 0; c < kColumns; ++c) {
        expected[bin * kColumns + c] += static_cast<double>((1 - upper) * shares[p * kColumns + c]);
        expected[(bin + 1) * kColumns + c] += static_cast<double>(upper * shares[p * kColumns + c]);
      }
    }
    EXPECT_GT(inside, 5);
    EXPECT_LT(inside, static_cast<std::int64_t>(count) - 10);
    testing::everywhere({1}, [&](const std::string&) {
      std::vector<double> counts(kRows * kColumns);
      EXPECT_EQ(prep_kernels().shared_counts(mapped(volume, map), places.data(), static_cast<std::int64_t>(stride),
                                             static_cast<std::int64_t>(count), shares.data(), counts.data()),
                inside);
      EXPECT_EQ(counts, expected);
    });
  }
}

}  // namespace
}  // namespace vitrine::imaging

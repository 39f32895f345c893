// Values between voxels: linear and cubic, blur before coarser grids, coverage, and motions one after another.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

Geometry oblique(std::array<std::int64_t, 3> size = {23, 19, 11}) {
  Geometry g{size, {0.9, 1.1, 3.0}, {-12, -9, -14}};
  RigidTransform turn;
  turn.angles = {0.2, -0.15, 0.3};
  g.direction = turn.rotation();
  return g;
}

RigidTransform small_motion() { return {{0.07, -0.04, 0.11}, {1.3, -0.8, 0.6}, {2, -3, 5}}; }

template <class Value>
Volume filled(const Geometry& g, const Value& value) {
  Volume v{g, {}};
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i)
        v.data.push_back(
            static_cast<float>(value(g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}))));
    }
  }
  return v;
}

Volume mixed(const Geometry& g) {
  Volume v{g, std::vector<float>(static_cast<std::size_t>(g.voxels()))};
  for (std::size_t n = 0; n < v.data.size(); ++n) v.data[n] = static_cast<float>((n * 7919 + 13) % 1009) / 7;
  return v;
}

// One voxel at a time, as the declaration says and as it always was: the index by start and steps, each neighbour clamped.
float one_linear(const Volume& moving, const Geometry& grid, const RigidTransform& t, std::array<std::int64_t, 3> at) {
  const Geometry& m = moving.geometry;
  const auto mapped = [&](const Vec3& index) { return m.to_index(t.apply(grid.to_physical(index))); };
  const Vec3 start = mapped({0, 0, 0});
  Vec3 p;
  std::array<Vec3, 3> step;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double length = static_cast<double>(std::max<std::int64_t>(grid.size[axis] - 1, 1));
    Vec3 end{0, 0, 0};
    end[axis] = length;
    end = mapped(end);
    for (std::size_t c = 0; c < 3; ++c) step[axis][c] = (end[c] - start[c]) / length;
  }
  for (std::size_t c = 0; c < 3; ++c) {
    p[c] = start[c] + step[2][c] * static_cast<double>(at[2]) + step[1][c] * static_cast<double>(at[1]) +
           step[0][c] * static_cast<double>(at[0]);
  }
  if (!m.holds(p)) return 0;
  std::array<std::int64_t, 3> low, high;
  Vec3 w;
  for (std::size_t c = 0; c < 3; ++c) {
    const double clamped = std::clamp(p[c], 0.0, static_cast<double>(m.size[c] - 1));
    low[c] = static_cast<std::int64_t>(clamped);
    high[c] = std::min(low[c] + 1, m.size[c] - 1);
    w[c] = clamped - static_cast<double>(low[c]);
  }
  const auto value = [&](std::int64_t i, std::int64_t j, std::int64_t k) { return static_cast<double>(moving.at(i, j, k)); };
  const auto row = [&](std::int64_t j, std::int64_t k) {
    const double a = value(low[0], j, k);
    return a + w[0] * (value(high[0], j, k) - a);
  };
  const auto plane = [&](std::int64_t k) {
    const double a = row(low[1], k);
    return a + w[1] * (row(high[1], k) - a);
  };
  const double a = plane(low[2]);
  return static_cast<float>(a + w[2] * (plane(high[2]) - a));
}

TEST(Resample, RowsGiveTheBitsOfSingleVoxels) {
  const Volume moving = mixed(oblique());
  std::vector<RigidTransform> motions{
      {}, small_motion(), {{0, 0, 1.5707963267948966}, {0, 0, 0}, {0, 0, 0}}, {{3, 0.5, -2}, {-4, 2, 9}, {1, 1, 1}}};
  for (const RigidTransform& t : motions) {
    for (const Geometry& grid :
         {oblique({31, 17, 13}), Geometry{{27, 33, 21}, {1, 0.7, 2}, {-16, -13, -19}}, oblique({1, 1, 1})}) {
      const Volume out = resample_linear(moving, grid, t);
      const Mask seen = coverage(moving.geometry, grid, t);
      std::int64_t covered = 0;
      for (std::int64_t k = 0; k < grid.size[2]; ++k) {
        for (std::int64_t j = 0; j < grid.size[1]; ++j) {
          for (std::int64_t i = 0; i < grid.size[0]; ++i) {
            ASSERT_EQ(out.at(i, j, k), one_linear(moving, grid, t, {i, j, k})) << i << " " << j << " " << k;
            const Vec3 p = t.apply(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
            Vec3 index = moving.geometry.to_index(p);
            const auto near_edge = [&](std::size_t c) {
              return std::min(std::abs(index[c] + 0.5),
                              std::abs(index[c] - static_cast<double>(moving.geometry.size[c]) + 0.5)) < 1e-9;
            };
            if (!near_edge(0) && !near_edge(1) && !near_edge(2)) {
              ASSERT_EQ(seen.at(i, j, k), moving.geometry.holds(index) ? 1 : 0);
            }
            covered += seen.at(i, j, k) != 0 ? 1 : 0;
          }
        }
      }
      EXPECT_GT(covered, grid.voxels() > 1 ? 500 : -1);
    }
  }
}

TEST(Resample, CubicGoesThroughTheVoxelsAndKeepsTheRange) {
  const Volume moving = mixed(oblique());
  const Volume same = resample(moving, moving.geometry, {}, Interpolation::cubic);
  for (std::size_t n = 0; n < same.data.size(); ++n) ASSERT_NEAR(same.data[n], moving.data[n], 2e-4);  // of 144
  Volume edge = filled(oblique(), [](const Vec3& p) { return p[0] > 0 ? 100.0 : 20.0; });
  Geometry fine = oblique();
  for (std::size_t c = 0; c < 3; ++c) fine.spacing[c] /= 2, fine.size[c] = 2 * fine.size[c] - 1;
  const Volume out = resample(edge, fine, {}, Interpolation::cubic);
  EXPECT_EQ(*std::min_element(out.data.begin(), out.data.end()), 20);
  EXPECT_EQ(*std::max_element(out.data.begin(), out.data.end()), 100);
}

// The spline reproduces a smooth function several times as well as the line does.
TEST(Resample, CubicIsCloserToASmoothFunction) {
  const auto wave = [](const Vec3& p) {
    return 50 + 20 * std::sin(0.9 * p[0]) + 15 * std::cos(0.8 * p[1] + 0.3) + 10 * std::sin(0.35 * p[2]);
  };
  const Volume moving = filled(oblique({40, 40, 20}), wave);
  const RigidTransform t = small_motion();
  Geometry grid = oblique({40, 40, 20});
  double linear = 0, cubic = 0;
  int count = 0;
  const Volume a = resample(moving, grid, t, Interpolation::linear), b = resample(moving, grid, t, Interpolation::cubic);
  for (std::int64_t k = 5; k < 15; ++k) {
    for (std::int64_t j = 8; j < 32; ++j) {
      for (std::int64_t i = 8; i < 32; ++i, ++count) {
        const double truth =
            wave(t.apply(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)})));
        linear += std::pow(static_cast<double>(a.at(i, j, k)) - truth, 2);
        cubic += std::pow(static_cast<double>(b.at(i, j, k)) - truth, 2);
      }
    }
  }
  EXPECT_LT(std::sqrt(cubic / count), std::sqrt(linear / count) / 8);
  EXPECT_LT(std::sqrt(cubic / count), 0.3);
}

TEST(Resample, WorksOnVolumesOfOneSliceAndOfOneVoxel) {
  for (const std::array<std::int64_t, 3> size : {std::array<std::int64_t, 3>{7, 5, 1}, {1, 1, 1}, {2, 1, 3}}) {
    const Volume moving = mixed(oblique(size));
    for (const Interpolation how : {Interpolation::linear, Interpolation::cubic}) {
      const Volume out = resample(moving, moving.geometry, {}, how);
      for (std::size_t n = 0; n < out.data.size(); ++n) EXPECT_NEAR(out.data[n], moving.data[n], 2e-4);
    }
  }
}

TEST(Resample, ACoarserGridSeesTheMeanAndNotOneVoxelInThree) {
  const Geometry fine{{90, 20, 20}, {0.5, 1, 1}, {0, 0, 0}};
  const Volume stripes = filled(fine, [](const Vec3& p) { return std::fmod(p[0], 1.5) < 0.25 ? 90.0 : 0.0; });
  const Geometry coarse{{24, 18, 18}, {1.5, 1, 1}, {4.5, 1, 1}};
  EXPECT_NEAR(blur_fwhm(fine, coarse, {})[0], std::sqrt(2.0), 1e-12);
  EXPECT_EQ(blur_fwhm(fine, coarse, {})[1], 0);
  EXPECT_EQ(blur_fwhm(fine, {{24, 18, 18}, {0.54, 0.2, 1}}, {})[0], 0);  // hardly coarser
  const Volume aliased = resample_linear(stripes, coarse, {}), out = resample(stripes, coarse, {}, Interpolation::linear);
  EXPECT_GT(*std::max_element(aliased.data.begin(), aliased.data.end()), 80);
  for (const float v : out.data) EXPECT_NEAR(v, 30, 12);
  // A flat volume stays flat to its border.
  const Volume flat = filled(fine, [](const Vec3&) { return 7.0; });
  for (const Interpolation how : {Interpolation::linear, Interpolation::cubic})
    for (const float v : resample(flat, {{30, 20, 20}, {1.5, 1, 1}, {0, 0, 0}}, {}, how).data) EXPECT_NEAR(v, 7, 1e-5);
}

// The blur has the width that is stated: variances add.
TEST(Resample, TheBlurHasItsWidth) {
  for (const double to : {1.2, 2.0, 5.0}) {
    const Geometry line{{81, 1, 1}, {1, 1, 1}, {-40, 0, 0}};
    Volume peak{line, std::vector<float>(81)};
    peak.data[40] = 1;
    double variance = 0;
    const double expected = (to * to - 1) / (8 * std::log(2.0));
    for (int shift = 0; shift < 40; ++shift) {  // the coarse grid at every place
      Geometry at{{1, 1, 1}, {to, 1, 1}, {static_cast<double>(shift), 0, 0}};
      variance +=
          (shift > 0 ? 2 : 1) * shift * shift * static_cast<double>(resample(peak, at, {}, Interpolation::linear).data[0]);
    }
    EXPECT_NEAR(variance, expected, 0.02 * expected) << to;
  }
}

TEST(Resample, TheBlurFollowsTheAxesOfATurnedGrid) {
  Geometry moving{{20, 20, 20}, {0.4, 0.5, 5}, {0, 0, 0}};
  Geometry grid{{20, 20, 20}, {2, 1, 1}, {0, 0, 0}, {0, 0, 1, 1, 0, 0, 0, 1, 0}};  // i along P, j along S, k along L
  const Vec3 fwhm = blur_fwhm(moving, grid, {});
  EXPECT_NEAR(fwhm[0], std::sqrt(1 - 0.16), 1e-12);
  EXPECT_NEAR(fwhm[1], std::sqrt(4 - 0.25), 1e-12);
  EXPECT_EQ(fwhm[2], 0);
}

TEST(RigidTransform, ComposedIsOneAfterTheOther) {
  const RigidTransform a{{0.3, -0.8, 1.9}, {4, -7, 2}, {10, 20, -30}}, b{{-1.2, 0.4, -2.7}, {-3, 1, 8}, {-5, 0, 6}};
  const RigidTransform steep{{1.5707963267948966, 0.3, -0.4}, {1, 2, 3}, {0, 5, 0}};
  for (const auto& [first, then] :
       {std::pair{a, b}, std::pair{b, a}, std::pair{steep, RigidTransform{}}, std::pair{a, inverse(a)}}) {
    const RigidTransform both = composed(first, then);
    for (const Vec3& p : {Vec3{0, 0, 0}, Vec3{80, -60, 40}, Vec3{-90, 100, 70}}) {
      const Vec3 expected = then.apply(first.apply(p)), found = both.apply(p), back = inverse(both).apply(found);
      for (std::size_t c = 0; c < 3; ++c) {
        EXPECT_NEAR(found[c], expected[c], 1e-7);  // mm; where x is a right angle the cosine's rounding counts
        EXPECT_NEAR(back[c], p[c], 1e-7);
      }
    }
  }
  const RigidTransform nothing = composed(a, inverse(a));
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(nothing.angles[c], 0, 1e-14);
    EXPECT_NEAR(nothing.translation[c], 0, 1e-13);
  }
}

}  // namespace
}  // namespace vitrine::imaging

#include "imaging/volume.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vitrine::imaging {
namespace {

Geometry oblique() {
  Geometry g;
  g.size = {11, 7, 5};
  g.spacing = {0.9, 1.1, 4.0};
  g.origin = {-20, 13, 7};
  RigidTransform turn;
  turn.angles = {0.3, -0.2, 0.5};
  g.direction = turn.rotation();
  return g;
}

TEST(Geometry, IndexAndPhysicalAreInverse) {
  const Geometry g = oblique();
  const Vec3 back = g.to_index(g.to_physical({3.25, 6.0, -1.5}));
  EXPECT_NEAR(back[0], 3.25, 1e-12);
  EXPECT_NEAR(back[1], 6.0, 1e-12);
  EXPECT_NEAR(back[2], -1.5, 1e-12);
}

TEST(Geometry, CornerDistanceIsInSmallestVoxels) {
  const Geometry a = oblique();
  Geometry b = a;
  EXPECT_EQ(corner_distance(a, b), 0);
  b.origin[2] += 0.45;
  EXPECT_NEAR(corner_distance(a, b), 0.5, 1e-12);
  b = a;
  b.spacing[2] = 4.1;  // the far corner moves by 4 * 0.1 mm
  EXPECT_NEAR(corner_distance(a, b), 0.4 / 0.9, 1e-12);
  b = a;
  b.size[0] = 12;
  EXPECT_EQ(corner_distance(a, b), std::numeric_limits<double>::infinity());
}

TEST(RigidTransform, TurnsAboutTheAxesInTheOrderZXY) {
  RigidTransform t;
  const double quarter = std::acos(0.0);
  t.angles = {quarter, 0, quarter};  // y first (none), then x: z -> -y, then z: -y -> x
  const Vec3 p = t.apply({0, 0, 1});
  EXPECT_NEAR(p[0], 1, 1e-15);
  EXPECT_NEAR(p[1], 0, 1e-15);
  EXPECT_NEAR(p[2], 0, 1e-15);
}

TEST(RigidTransform, InverseUndoes) {
  RigidTransform t;
  t.angles = {0.1, -0.4, 0.25};
  t.translation = {5, -3, 2};
  t.centre = {40, 50, -60};
  const Vec3 p = t.apply_inverse(t.apply({1, 2, 3}));
  EXPECT_NEAR(p[0], 1, 1e-12);
  EXPECT_NEAR(p[1], 2, 1e-12);
  EXPECT_NEAR(p[2], 3, 1e-12);
}

// A ramp in millimetres is reproduced exactly by linear interpolation, so any mistake in the geometry shows as a wrong value.
TEST(Resample, LinearReproducesAPhysicalRamp) {
  Volume moving{oblique(), {}};
  const auto ramp = [](const Vec3& p) { return 2 * p[0] - 3 * p[1] + 0.5 * p[2]; };
  for (std::int64_t k = 0; k < 5; ++k) {
    for (std::int64_t j = 0; j < 7; ++j) {
      for (std::int64_t i = 0; i < 11; ++i) {
        const Vec3 index{static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)};
        moving.data.push_back(static_cast<float>(ramp(moving.geometry.to_physical(index))));
      }
    }
  }
  RigidTransform t;
  t.angles = {0.02, 0.01, -0.03};
  t.translation = {0.4, -0.2, 1.0};
  Geometry grid = oblique();
  grid.size = {8, 5, 9};
  grid.spacing = {1, 1, 1.5};
  const Volume out = resample_linear(moving, grid, t);
  int compared = 0;
  for (std::int64_t k = 1; k < 9; ++k) {
    for (std::int64_t j = 1; j < 4; ++j) {
      for (std::int64_t i = 1; i < 7; ++i) {
        const Vec3 p = t.apply(grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        const Vec3 index = moving.geometry.to_index(p);
        bool inner = true;
        for (std::size_t c = 0; c < 3; ++c)
          inner = inner && index[c] > 0 && index[c] < static_cast<double>(moving.geometry.size[c] - 1);
        if (!inner) continue;
        EXPECT_NEAR(out.at(i, j, k), ramp(p), 2e-5);
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 50);
}

TEST(Resample, IdentityKeepsEveryBitAndOutsideIsZero) {
  Volume moving{oblique(), std::vector<float>(11 * 7 * 5)};
  for (std::size_t n = 0; n < moving.data.size(); ++n) moving.data[n] = static_cast<float>((n * 37) % 101) + 1;
  const Mask same = resample_nearest(moving, moving.geometry, {});
  EXPECT_EQ(same.data, moving.data);
  RigidTransform far;
  far.translation = {500, 0, 0};
  for (const float v : resample_linear(moving, moving.geometry, far).data) EXPECT_EQ(v, 0);
}

}  // namespace
}  // namespace vitrine::imaging

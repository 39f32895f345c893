// No black edge at a lesion's rim.
#include "imaging/steps/feather.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "imaging/steps/distance.h"

namespace vitrine::imaging {
namespace {

constexpr std::int64_t kSide = 60;

double distance_of(std::int64_t i, std::int64_t j, std::int64_t k, const Vec3& spacing) {
  const double x = static_cast<double>(i) * spacing[0], y = static_cast<double>(j) * spacing[1],
               z = static_cast<double>(k) * spacing[2];
  return std::sqrt(x * x + y * y + z * z);
}

// A ball of a lesion at the border of a brain whose mask has lost the cortex: it ends at the lesion's middle.
struct LostCortex {
  Geometry grid{{kSide, kSide, kSide / 2}, {1, 1, 2}};
  Mask brain{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))}, lesion = brain;
  Volume head{grid, std::vector<float>(brain.data.size(), 0.5f)};
  LostCortex() {
    for (std::int64_t k = 0; k < grid.size[2]; ++k)
      for (std::int64_t j = 0; j < kSide; ++j)
        for (std::int64_t i = 0; i < kSide; ++i) {
          brain.at(i, j, k) = i < 30 ? 1 : 0;
          lesion.at(i, j, k) = distance_of(i - 30, j - 30, k - 15, grid.spacing) <= 8 ? 1 : 0;
        }
  }
};

TEST(Feather, NothingNearALesionIsDarkenedAndTheRestFadesSmoothly) {
  const LostCortex t;
  const Volume distance = distance_to(t.lesion, 30), weight = feather_weight(t.brain, t.lesion),
               shown = feathered(t.head, weight);
  for (std::size_t n = 0; n < weight.data.size(); ++n) {
    const double d = static_cast<double>(distance.data[n]);
    if (t.brain.data[n] > 0 || d <= 8) {
      ASSERT_EQ(shown.data[n], 0.5f) << d;
    } else if (d >= 12) {
      ASSERT_EQ(shown.data[n], 0.0f) << d;
    } else {
      ASSERT_GT(shown.data[n], 0.0f) << d;
      ASSERT_LT(shown.data[n], 0.5f) << d;
    }
  }
  // Outwards from the lesion, away from the brain: never brighter again, never steeper than stated.
  for (std::int64_t i = 38; i + 1 < kSide; ++i) {
    const float here = weight.at(i, 30, 15), next = weight.at(i + 1, 30, 15);
    EXPECT_LE(next, here);
    EXPECT_LE(here - next, std::numbers::pi / 2 / 4 + 1e-6);
  }
  EXPECT_NEAR(weight.at(48, 30, 15), 0.5, 1e-5);  // 10 mm from the last voxel of the lesion, half way
}

TEST(Feather, WithoutALesionItIsTheBrain) {
  LostCortex t;
  for (float& v : t.lesion.data) v = 0;
  EXPECT_EQ(feather_weight(t.brain, t.lesion).data, t.brain.data);
}

TEST(Feather, RefusesLessThanTheMargin) {
  const LostCortex t;
  EXPECT_THROW(feather_weight(t.brain, t.lesion, {.show_mm = 1.5}), UsageError);
  EXPECT_THROW(feather_weight(t.brain, t.lesion, {.fade_mm = 0}), UsageError);
  EXPECT_THROW(feather_weight(t.brain, t.lesion, {.show_mm = NAN}), UsageError);
}

TEST(Distance, IsExactUpToItsLimit) {
  Mask m{{{20, 18, 16}, {1, 1.5, 2}}, std::vector<float>(20 * 18 * 16)};
  m.at(3, 4, 5) = 1;
  m.at(17, 12, 9) = 1;
  const Volume d = distance_to(m, 9);
  for (std::int64_t k = 0; k < 16; ++k)
    for (std::int64_t j = 0; j < 18; ++j)
      for (std::int64_t i = 0; i < 20; ++i) {
        const double exact = std::min(distance_of(i - 3, j - 4, k - 5, m.geometry.spacing),
                                      distance_of(i - 17, j - 12, k - 9, m.geometry.spacing));
        ASSERT_NEAR(d.at(i, j, k), std::min(exact, 9.0), 1e-5);
      }
}

}  // namespace
}  // namespace vitrine::imaging

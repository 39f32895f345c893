// Intensities on one scale.
#include "imaging/steps/normalize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "imaging/steps/white_matter.h"
#include "tests/imaging/phantom.h"

namespace vitrine::imaging {
namespace {

using ::testing::HasSubstr;

// 10 and 20 in turn, everywhere in the brain but in the first voxel.
struct TwoValues {
  Volume volume{{{30, 30, 30}}, std::vector<float>(27000)};
  Mask brain{{{30, 30, 30}}, std::vector<float>(27000, 1.0f)};
  TwoValues() {
    for (std::size_t i = 0; i < volume.data.size(); ++i) volume.data[i] = i % 2 == 0 ? 10.0f : 20.0f;
    brain.data[0] = 0;
  }
};

TEST(Normalize, GivesZScoresOnTheFixedScale) {
  const TwoValues t;
  const Normalized n = normalize(t.volume, t.brain, "test");
  EXPECT_NEAR(n.mean, 15, 1e-3);
  EXPECT_NEAR(n.deviation, 5, 1e-3);
  EXPECT_EQ(n.volume.data[0], 0);
  EXPECT_NEAR(n.volume.data[1], 4.0 / 9, 1e-3);
  EXPECT_NEAR(n.volume.data[2], 2.0 / 9, 1e-3);
  EXPECT_NEAR(n.shown(t.volume).data[0], 2.0 / 9, 1e-3);  // outside the brain too
  EXPECT_EQ(record(n).at("method"), "zscore");
}

TEST(Normalize, SpansTheQuantilesAndClipsBeyondThem) {
  TwoValues t;
  for (std::size_t i = 0; i < t.volume.data.size(); ++i) t.volume.data[i] = static_cast<float>(i);
  t.brain.data[0] = 1;
  const Normalized n = normalize(t.volume, t.brain, {}, NormalizationMethod::minmax, "test");
  EXPECT_NEAR(n.low, 0.005 * 27000, 2);
  EXPECT_NEAR(n.high, 0.995 * 27000, 2);
  EXPECT_NEAR(n.clipped_share, 0.01, 2e-4);
  EXPECT_EQ(n.volume.data[10], 0);
  EXPECT_EQ(n.volume.data[26990], 1);
  EXPECT_NEAR(n.volume.data[13500], 0.5, 1e-3);
}

TEST(Normalize, FindsWhiteMatterOnEveryContrastBesideALargeLesion) {
  for (const std::array<double, 3>& tissue :
       {std::array<double, 3>{0.33, 0.83, 1.0}, {0.05, 0.59, 1.0}, {3.4, 1.5, 1.0}, {0.0, 1.3, 1.0}}) {
    const Phantom p = make_phantom({.tissue = tissue, .lesion = 1.3, .lesion_radius = 24, .field = 0});
    const WhiteMatter found = find_white_matter(p.image, p.brain, p.lesion, "test");
    EXPECT_NEAR(found.value / 400, 1, 0.01) << tissue[1];
    EXPECT_GT(found.share, 0.4);
    const Normalized n = normalize(p.image, p.brain, p.lesion, NormalizationMethod::white_matter, "test");
    EXPECT_EQ(n.white_matter, found.value);
    const std::size_t white = static_cast<std::size_t>((36 * 92 + 20) * 80 + 40);
    EXPECT_NEAR(n.volume.data[white], 0.25, 0.04);
  }
}

std::string refusal(const Volume& volume, const Mask& brain, NormalizationMethod method) {
  try {
    normalize(volume, brain, {}, method, "volume");
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Normalize, RefusesConstantVolumesAndSmallMasks) {
  const TwoValues t;
  const Volume constant{t.volume.geometry, std::vector<float>(27000, 1.0f)};
  Mask small = t.brain;
  for (std::size_t i = 9999; i < small.data.size(); ++i) small.data[i] = 0;
  Volume nearly = constant;
  nearly.data[5] = 2;
  for (const auto method : {NormalizationMethod::zscore, NormalizationMethod::minmax, NormalizationMethod::white_matter}) {
    EXPECT_THAT(refusal(constant, t.brain, method), HasSubstr("constant inside the brain"));
    EXPECT_THAT(refusal(t.volume, small, method), HasSubstr("9998 voxels, at least 10000"));
  }
  EXPECT_THAT(refusal(nearly, t.brain, NormalizationMethod::minmax), HasSubstr("99 % of the brain hold the value 1"));
  EXPECT_THAT(refusal(t.volume, small, NormalizationMethod::zscore), HasSubstr("check the mask"));
}

}  // namespace
}  // namespace vitrine::imaging

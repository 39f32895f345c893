// The steps of preparation against known answers.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/grid.h"

namespace vitrine::imaging {
namespace {

TEST(Grid, CoarseVoxelsCoverTheSameBox) {
  const Geometry g{{10, 9, 4}, {1, 1, 5}, {3, -2, 1}};
  const Geometry c = coarse_grid(g, 2);
  EXPECT_EQ(c.size, (std::array<std::int64_t, 3>{5, 5, 4}));
  EXPECT_EQ(c.spacing[2], 5);  // an axis that is coarser already stays
  EXPECT_NEAR(c.origin[0] - c.spacing[0] / 2, g.origin[0] - g.spacing[0] / 2, 1e-12);
  Volume v{g, std::vector<float>(static_cast<std::size_t>(g.voxels()), 3.0f)};
  for (const float x : averaged(v, c).data) EXPECT_EQ(x, 3.0f);
  EXPECT_EQ(quantile({5, 1, 3}, 0.5), 3);
}

TEST(N4, RemovesAKnownFieldAndLeavesAFlatVolume) {
  Volume v{{{60, 60, 60}, {3, 3, 3}}, std::vector<float>(216000)};
  Mask mask = v;
  Volume biased = v;
  for (std::int64_t at = 0; at < v.geometry.voxels(); ++at) {
    const double x = static_cast<double>(at % 60) - 30, y = static_cast<double>(at / 60 % 60) - 30,
                 z = static_cast<double>(at / 3600) - 30;
    const auto i = static_cast<std::size_t>(at);
    mask.data[i] = x * x + y * y + z * z < 28 * 28 ? 1.0f : 0.0f;
    v.data[i] = (at / 7) % 3 == 0 ? 100.0f : 60.0f;  // two tissues
    biased.data[i] = static_cast<float>(static_cast<double>(v.data[i]) * std::exp(0.01 * x));
  }
  const auto spread = [&](const Volume& w) {  // of the ratio to the truth inside the mask
    std::vector<float> ratio;
    for (std::size_t i = 0; i < w.data.size(); ++i) {
      if (mask.data[i] > 0) ratio.push_back(w.data[i] / v.data[i]);
    }
    return quantile(ratio, 0.95) / quantile(ratio, 0.05);
  };
  EXPECT_GT(spread(biased), 1.4);
  EXPECT_LT(spread(correct_bias(biased, mask, "biased").corrected), 1.1);
  EXPECT_LT(spread(correct_bias(v, mask, "flat").corrected), 1.02);
  EXPECT_THROW(correct_bias(Volume{v.geometry, std::vector<float>(v.data.size(), 5.0f)}, mask, "constant"), DataError);
}

}  // namespace
}  // namespace vitrine::imaging

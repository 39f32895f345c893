// The scores of `vitrine bench imaging` on what they can be worked out for, and a case of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "imaging/bench/our_steps.h"
#include "imaging/bench/scores.h"

namespace vitrine::imaging {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Matrix4 kNothing{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

Volume filled(float value) { return {{{12, 12, 12}, {2, 2, 2}, {}}, std::vector<float>(1728, value)}; }

TEST(BenchScores, RegistrationErrorIsTheDistance) {
  Matrix4 shifted = kNothing;
  shifted[3] = 3;
  shifted[7] = -4;
  EXPECT_NEAR(target_registration_error(shifted, kNothing, filled(1)), 5, 1e-12);
  EXPECT_EQ(target_registration_error(shifted, kNothing, filled(0)), 0);
}

TEST(BenchScores, FieldsAreComparedUpToAFactor) {
  Volume truth = filled(1), scaled = filled(1), flat = filled(3);
  for (std::size_t n = 0; n < truth.data.size(); ++n) {
    truth.data[n] = 1 + 0.0001f * static_cast<float>(n);
    scaled.data[n] = 7 * truth.data[n];
  }
  const FieldError same = field_error(scaled, truth, filled(1)), none = field_error(flat, truth, filled(1));
  EXPECT_NEAR(same.correlation, 1, 1e-9);
  EXPECT_NEAR(same.rms_percent, 0, 1e-4);
  EXPECT_EQ(none.correlation, 0);
  EXPECT_NEAR(none.rms_percent, 4.6, 0.2);  // the deviation of log(1 + x), x even from 0 to 0.173
}

TEST(BenchScores, ContrastIsThatOfTheMeans) {
  Volume tissue = filled(3), clean = filled(1), corrected = filled(50);
  for (std::size_t n = 0; n < 100; ++n) {
    tissue.data[n] = 8;
    clean.data[n] = 2;
    corrected.data[n] = 110;
  }
  EXPECT_NEAR(contrast_change_percent(corrected, clean, tissue), 10, 1e-4);
  Mask lesion = filled(0), brain = filled(1);
  lesion.data[0] = lesion.data[1] = lesion.data[2] = lesion.data[3] = 1;
  brain.data[3] = 0;
  EXPECT_EQ(percent_outside(lesion, brain), 25);
}

std::vector<CaseScores> two_cases() {
  CaseScores a;
  a.bias = 0.2;
  a.tre = a.far_tre = {0.1, 0.3};
  a.dice = a.dice_flair = a.dice_t2 = 0.97;
  a.field = {0.9, 2.0};
  CaseScores b = a;
  b.bias = 0.4;
  b.tre = {0.2, 0.9};
  b.dice = 0.951;
  b.field = {0.9, 2.0};
  return {a, b};
}

TEST(BenchTable, SaysWhatIsMetAndWhatIsMissed) {
  const std::vector<Figure> figures = figures_of(two_cases(), {-1, 12.3, true});
  const auto figure = [&](const std::string& key) {
    return *std::find_if(figures.begin(), figures.end(), [&](const Figure& f) { return f.key == key; });
  };
  EXPECT_EQ(figure("tre").values, (std::vector<double>{0.25, 0.9}));
  EXPECT_FALSE(figure("tre").is_met());  // the worst
  EXPECT_TRUE(figure("far_tre").is_met());
  EXPECT_TRUE(figure("dice").is_met());
  EXPECT_TRUE(figure("ch2_dice").values.empty());
  EXPECT_TRUE(figure("bias20_r").is_met());
  EXPECT_FALSE(figure("bias40_r").is_met());
  EXPECT_TRUE(figure("same_bits").is_met());
  const std::string table = figures_table(figures, {{"Other", {{"tre", {0.2, 0.5}}}}}, false);
  EXPECT_THAT(table, HasSubstr("0.25 / 0.90"));
  EXPECT_THAT(table, HasSubstr("MISSED"));
  EXPECT_THAT(table, HasSubstr("Other"));
  EXPECT_THAT(table, HasSubstr("0.20 / 0.50"));
  EXPECT_THAT(figures_table(figures, {}, true), HasSubstr("|---|---|---|---|\n"));
  EXPECT_THAT(figures_table({}, {}, false), Not(HasSubstr("met")));
}

TEST(BenchCases, TruthFitsTheImages) {
  const BenchCase c = make_bench_case(procedural_head(4), 0, true);
  EXPECT_EQ(c.sequence, "spgr");
  EXPECT_EQ(c.bias, 0.2);
  EXPECT_LT(field_error(c.field, c.field, c.brain).rms_percent, 1e-3);
  // The image is the signal under the field: what divides the field out has the clean contrast.
  Volume corrected = c.t1c;
  for (std::size_t n = 0; n < corrected.data.size(); ++n) corrected.data[n] /= c.field.data[n];
  EXPECT_LT(contrast_change_percent(corrected, c.clean, c.tissue), 0.5);
  for (const BenchMoving& m : c.moving) {
    // Headers that are off, with the transform that goes with them, lead to the same voxels.
    for (const Vec3& p : {Vec3{0, 0, 0}, Vec3{30, -40, 20}}) {
      const Vec3 near = m.volume.geometry.to_index(times(m.from_t1c, p)), far = m.far_grid.to_index(times(m.far_from_t1c, p));
      for (std::size_t axis = 0; axis < 3; ++axis) EXPECT_NEAR(near[axis], far[axis], 1e-6);
    }
    EXPECT_GT(target_registration_error(m.from_t1c, m.far_from_t1c, c.brain), 10);
  }
}

TEST(BenchCases, StepsAreCalledRightly) {
  const BenchCase c = make_bench_case(procedural_head(4), 0, true);
  const CorrectedBias bias = our_bias(c.t1c, c.brain, c.lesion, Series::t1c);
  // Out x field = in, up to a constant.
  for (std::size_t n = 0; n < c.t1c.data.size(); n += 97) {
    if (c.brain.data[n] == 0 || c.clean.data[n] < 0.5f) continue;
    EXPECT_NEAR(bias.corrected.data[n] * bias.field.data[n] / c.t1c.data[n], 1, 1e-4);
  }
  EXPECT_LT(target_registration_error(matrix_of(our_registration(c.t1c, c.moving[0].volume, Series::flair).transform),
                                      c.moving[0].from_t1c, c.brain),
            0.5 * target_registration_error(kNothing, c.moving[0].from_t1c, c.brain));
}

}  // namespace
}  // namespace vitrine::imaging

// The bias field inside a brain against known fields.
#include "imaging/steps/bias_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/spline_field.h"
#include "tests/imaging/phantom.h"

namespace vitrine::imaging {
namespace {

using ::testing::HasSubstr;

struct Moments {
  double count = 0, sum = 0, squares = 0;
  void add(double v) {
    ++count;
    sum += v;
    squares += v * v;
  }
  double mean() const { return sum / count; }
  double deviation() const { return std::sqrt(std::max(0.0, squares / count - mean() * mean())); }
};

struct Agreement {
  double correlation = 0, rms = 0, spread = 0;  // of logarithms; spread is the found field's
};

Agreement agreement(const Volume& found, const Volume& truth, const Mask& brain) {
  Moments a, b, difference, total;
  for (std::size_t i = 0; i < brain.data.size(); ++i) {
    if (brain.data[i] <= 0) continue;
    const double x = std::log(static_cast<double>(found.data[i])), y = std::log(static_cast<double>(truth.data[i]));
    a.add(x);
    b.add(y);
    difference.add(x - y);
    total.add(x + y);
  }
  const double product = a.deviation() * b.deviation();
  const double covariance = (total.deviation() * total.deviation() - difference.deviation() * difference.deviation()) / 4;
  return {product > 0 ? covariance / product : 0, difference.deviation(), a.deviation()};
}

constexpr std::array<std::array<double, 3>, 4> kContrasts{
    {{0.33, 0.83, 1.0}, {0.05, 0.59, 1.0}, {3.4, 1.5, 1.0}, {0.0, 1.3, 1.0}}};  // SPGR, MPRAGE, T2, FLAIR

TEST(BiasField, IsFoundOnEveryContrast) {
  for (const auto& tissue : kContrasts) {
    const Phantom p = make_phantom({.tissue = tissue});
    const BiasCorrection c = correct_bias(p.image, p.brain, {}, {}, "test");
    const Agreement found = agreement(c.field, p.field, p.brain);
    std::printf("tissue %.2f %.2f: correlation %.3f, RMS %.2f %%, %d steps\n", tissue[0], tissue[1], found.correlation,
                100 * found.rms, c.steps);
    EXPECT_GE(found.correlation, 0.97);
    EXPECT_LE(found.rms, 0.015);
    EXPECT_LT(c.field_low, 0.97);
    EXPECT_GT(c.field_high, 1.03);
  }
}

TEST(BiasField, TheCorrectedVolumeTimesTheFieldIsTheVolumeAndTheMedianStays) {
  const Phantom p = make_phantom({});
  const BiasCorrection c = correct_bias(p.image, p.brain, {}, {}, "test");
  std::vector<float> before, after;
  for (std::size_t i = 0; i < p.image.data.size(); ++i) {
    ASSERT_NEAR(c.corrected.data[i] * c.field.data[i], p.image.data[i], 1e-6 * (1 + static_cast<double>(p.image.data[i])));
    if (p.brain.data[i] <= 0) continue;
    before.push_back(p.image.data[i]);
    after.push_back(c.corrected.data[i]);
  }
  EXPECT_NEAR(quantile(after, 0.5) / quantile(before, 0.5), 1, 1e-6);
}

// A lesion of twice white matter's intensity, 20 mm in radius.
TEST(BiasField, DoesNotSeeTheLesion) {
  const Phantom with = make_phantom({.lesion = 2.2, .lesion_radius = 20}), without = make_phantom({});
  const BiasCorrection a = correct_bias(with.image, with.brain, with.lesion, {}, "test"),
                       b = correct_bias(with.image, with.brain, {}, {}, "test");
  Moments lesion, rest;
  for (std::size_t i = 0; i < with.brain.data.size(); ++i) {
    if (with.brain.data[i] <= 0) continue;
    const double error = std::log(static_cast<double>(a.field.data[i] / with.field.data[i]));
    (with.lesion.data[i] > 0 ? lesion : rest).add(error);
  }
  EXPECT_LT(std::abs(lesion.mean() - rest.mean()), 0.01);  // how much the lesion's contrast has changed
  EXPECT_LT(a.used_share, 0.97);
  EXPECT_EQ(b.used_share, 1);
  // Whatever lies in the mask: not a bit of the field depends on it.
  Volume other = with.image;
  for (std::size_t i = 0; i < other.data.size(); ++i) {
    if (with.lesion.data[i] > 0) other.data[i] = 5000;
  }
  const BiasCorrection c = correct_bias(other, with.brain, with.lesion, {}, "test");
  double worst = 0;  // but for the scale that keeps the median
  const double scale = static_cast<double>(c.field.data[0]) / static_cast<double>(a.field.data[0]);
  for (std::size_t i = 0; i < c.field.data.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(c.field.data[i]) / static_cast<double>(a.field.data[i]) / scale - 1));
  EXPECT_LT(worst, 1e-6);
}

TEST(BiasField, AFlatVolumeStaysFlatAndASecondRunChangesLittle) {
  const Phantom flat = make_phantom({.field = 0});
  EXPECT_LT(agreement(correct_bias(flat.image, flat.brain, {}, {}, "flat").field, flat.field, flat.brain).spread, 0.01);
  const Phantom p = make_phantom({});
  const BiasCorrection once = correct_bias(p.image, p.brain, {}, {}, "once"),
                       twice = correct_bias(once.corrected, p.brain, {}, {}, "twice");
  EXPECT_LT(agreement(twice.field, p.field, p.brain).spread, 0.005);
}

TEST(BiasField, DoesNotDependOnTheGain) {
  const Phantom p = make_phantom({});
  Volume louder = p.image;
  for (float& v : louder.data) v *= 8;  // exactly
  const BiasCorrection a = correct_bias(p.image, p.brain, {}, {}, "a"), b = correct_bias(louder, p.brain, {}, {}, "b");
  EXPECT_EQ(a.field.data, b.field.data);
}

std::string refusal(const Volume& volume, const Mask& brain, const Mask& lesion) {
  try {
    correct_bias(volume, brain, lesion, {}, "volume");
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BiasField, RefusesWhatHoldsNoField) {
  const Phantom p = make_phantom({});
  Volume constant = p.image, scored = p.image;
  for (float& v : constant.data) v = 7;
  for (float& v : scored.data) v -= 500;
  Mask empty = p.brain;
  for (float& v : empty.data) v = 0;
  EXPECT_THAT(refusal(constant, p.brain, {}), HasSubstr("constant inside the brain"));
  EXPECT_THAT(refusal(scored, p.brain, {}), HasSubstr("not above 0"));
  EXPECT_THAT(refusal(p.image, empty, {}), HasSubstr("the brain mask is empty"));
  EXPECT_THAT(refusal(p.image, p.brain, p.brain), HasSubstr("0 cells of 3 mm"));
}

TEST(SplineField, BendsForNothingAlongALine) {
  const SplineField spline({0, 0, 0}, {100, 120, 90}, 50);
  NormalEquations line(spline.size());
  const auto value = [](const Vec3& p) { return 0.3 + 0.01 * p[0] - 0.02 * p[1] + 0.005 * p[2]; };
  for (int k = 0; k < 10; ++k)
    for (int j = 0; j < 10; ++j)
      for (int i = 0; i < 10; ++i) {
        const Vec3 p{10.0 * i + 5, 12.0 * j + 6, 9.0 * k + 4.5};
        line.add(spline.value_row(p), 0.001, value(p));
      }
  const std::vector<double> c = line.solved(spline.bending(), 1e6);
  const std::vector<double> at = spline.on_grid(c, {{{3, 97}, {60}, {11}}});
  EXPECT_NEAR(at[0], value({3, 60, 11}), 1e-5);
  EXPECT_NEAR(at[1], value({97, 60, 11}), 1e-5);
  const auto row = spline.difference_row({3, 60, 11}, {97, 60, 11});
  double difference = 0, same = 0;
  for (std::size_t n = 0; n < row.place.size(); ++n) {
    difference += row.weight[n] * c[row.place[n]];
    same += row.weight[n];
  }
  EXPECT_NEAR(difference, 0.94, 1e-5);
  EXPECT_NEAR(same, 0, 1e-12);
}

}  // namespace
}  // namespace vitrine::imaging

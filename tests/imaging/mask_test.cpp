// Masks as tools write them.
#include "imaging/steps/mask.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Geometry kGrid{{60, 60, 60}, {3, 3, 3}};

// Values by the distance in mm from the centre.
Volume by_distance(const std::function<double(double)>& value, const Geometry& g = kGrid) {
  Volume v{g, {}};
  for (std::int64_t at = 0; at < g.voxels(); ++at) {
    const double x = 3.0 * (static_cast<double>(at % 60) - 30), y = 3.0 * (static_cast<double>(at / 60 % 60) - 30),
                 z = 3.0 * (static_cast<double>(at / 3600) - 30);
    v.data.push_back(static_cast<float>(value(std::sqrt(x * x + y * y + z * z))));
  }
  return v;
}

Volume ball(double inside, double outside = 0) {
  return by_distance([=](double r) { return r < 60 ? inside : outside; });
}

struct Understood {
  std::string refused = "accepted";
  Notes notes;
  double ml = 0;
  std::int64_t voxels = 0;
  bool numbered = false;
};

Understood brain(Volume v) {
  Understood u;
  const StorageOrder order = storage_order(v.geometry);
  try {
    u.ml = volume_ml(understood_brain_mask(std::move(v), order, "brain.nii", u.notes));
  } catch (const DataError& error) {
    u.refused = error.what();
  }
  return u;
}

Understood lesion(Volume v) {
  Understood u;
  const StorageOrder order = storage_order(v.geometry);
  try {
    const LesionMask m = understood_lesion_mask(std::move(v), order, "mask.nii", u.notes);
    u.numbered = m.numbered;
    for (const float x : m.labels.data) u.voxels += x != 0 ? 1 : 0;
  } catch (const DataError& error) {
    u.refused = error.what();
  }
  return u;
}

const double kMl = brain(ball(1)).ml;

TEST(LesionMasks, OneValueIsAMaskWhateverItIs) {
  const std::int64_t voxels = lesion(ball(1)).voxels;
  EXPECT_TRUE(lesion(ball(1)).notes.empty());
  for (const double value : {0.9999999, 0.9999, 1.00000006, 255.0, 2.0, 0.5, 1e-6, 32767.0, 70000.0}) {
    const Understood u = lesion(ball(value));
    EXPECT_EQ(u.refused, "accepted") << value;
    EXPECT_EQ(u.voxels, voxels) << value;
    EXPECT_FALSE(u.numbered);
    ASSERT_EQ(u.notes.size(), 1u) << value;
    EXPECT_THAT(u.notes[0].text, HasSubstr("instead of 1"));
  }
  // A slope's rounding on both sides: 0 and 1 of an image whose integers were scaled.
  const Understood u = lesion(by_distance([](double r) { return r < 60 ? 1 - 4e-5 : 3e-5; }));
  EXPECT_EQ(u.voxels, voxels);
}

TEST(LesionMasks, WholeValuesAreLabels) {
  const auto three = [](double r) { return r < 20 ? 1.0 : r > 30 && r < 40 ? 2.0004 : r > 50 && r < 60 ? 7.0 : 0.0; };
  const Understood u = lesion(by_distance(three));
  EXPECT_TRUE(u.numbered);
  ASSERT_EQ(u.notes.size(), 1u);
  EXPECT_THAT(u.notes[0].text, AllOf(HasSubstr("1, 2, 7"), HasSubstr("3 lesions")));
}

TEST(LesionMasks, LabelsThatTouchMayBeTissues) {
  const Understood u = lesion(by_distance([](double r) { return r < 20 ? 1.0 : r < 30 ? 3.0 : r < 45 ? 2.0 : 0.0; }));
  EXPECT_TRUE(u.numbered);
  ASSERT_EQ(u.notes.size(), 2u);
  EXPECT_TRUE(u.notes[1].warning);
  EXPECT_THAT(u.notes[1].text, HasSubstr("touch"));
}

TEST(LesionMasks, WhatIsNoMaskIsRefusedWithValueAndPlace) {
  EXPECT_THAT(lesion(by_distance([](double r) { return 1 / (1 + std::exp((r - 40) / 5)); })).refused,
              AllOf(HasSubstr("holds the value"), HasSubstr(" at ("), HasSubstr("probabilities")));
  EXPECT_THAT(lesion(ball(1, -1)).refused, AllOf(HasSubstr("holds the value -1 at (0, 0, 0)"), HasSubstr("below 0")));
  EXPECT_THAT(lesion(ball(0)).refused, HasSubstr("is empty"));
  EXPECT_THAT(lesion(ball(0, 1)).refused, HasSubstr("may be inverted"));
  Volume many = ball(0);
  for (std::size_t i = 0; i < 300; ++i) many.data[40 * i] = static_cast<float>(i + 1);
  EXPECT_THAT(lesion(many).refused, HasSubstr("has 300 labels, at most 255"));
  Volume large = ball(1);
  large.data[123] = 70000;
  EXPECT_THAT(lesion(large).refused, AllOf(HasSubstr("70000 at (3, 2, 0)"), HasSubstr("number the lesions from 1")));
}

TEST(LesionMasks, PlacesAreThoseOfTheFile) {
  Volume v = ball(1);
  v.at(10, 20, 30) = 0.4f;
  Geometry stored = kGrid;
  stored.direction = {0, -1, 0, 0, 0, 1, 1, 0, 0};  // i to Superior, j to Right, k to Posterior
  const StorageOrder order = storage_order(stored);
  EXPECT_EQ(order.code, "SRP");
  Notes notes;
  try {
    understood_lesion_mask(v, order, "mask.nii", notes);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("0.4 at (30, 49, 20)"));
  }
}

TEST(BrainMasks, ZeroAndOneAreTakenAsTheyAre) {
  EXPECT_NEAR(kMl, 905, 15);
  EXPECT_TRUE(brain(ball(1)).notes.empty());
  EXPECT_EQ(brain(ball(255)).ml, kMl);
  EXPECT_EQ(brain(ball(255)).notes.size(), 1u);
}

TEST(BrainMasks, SoftEdgesAreCutAtHalf) {
  const auto sigmoid = [](double r) { return 1 / (1 + std::exp((r - 60) / 4)); };
  for (const double scale : {1.0, 100.0, 255.0, 200.0, 1000.0, 32767.0}) {
    const Understood u =
        brain(by_distance([&](double r) { return scale == 200 ? std::round(scale * sigmoid(r)) : scale * sigmoid(r); }));
    EXPECT_EQ(u.refused, "accepted");
    EXPECT_NEAR(u.ml, kMl, 1) << scale;
    ASSERT_EQ(u.notes.size(), 1u);
  }
  const Understood bytes = brain(by_distance([&](double r) { return std::round(255 * sigmoid(r)); }));
  EXPECT_NEAR(bytes.ml, kMl, 1);
  EXPECT_THAT(bytes.notes[0].text, HasSubstr("at least half"));
  // Few steps only, as linear resampling of a mask of bytes leaves them.
  const Understood steps = brain(by_distance([&](double r) { return r < 58 ? 255.0 : r < 60 ? 128.0 : r < 63 ? 64.0 : 0.0; }));
  EXPECT_NEAR(steps.ml, kMl, 1);
  // Cubic interpolation overshoots on both sides.
  const Understood ringing = brain(by_distance([&](double r) { return r < 54 ? 1.0 : r < 60 ? 1.08 : r < 66 ? -0.06 : 0.0; }));
  EXPECT_NEAR(ringing.ml, kMl, 1);
}

TEST(BrainMasks, LabelsOfASegmentationAreWhatIsNotZero) {
  const auto label = [](double r) {
    constexpr double kLabels[] = {251, 252, 253, 254, 255, 10, 17, 2, 1002, 1035, 2035, 77};
    return r < 60 ? kLabels[static_cast<std::size_t>(r / 5)] : 0.0;
  };
  const Understood u = brain(by_distance(label));
  EXPECT_NEAR(u.ml, kMl, 1);
  EXPECT_THAT(u.notes[0].text, HasSubstr("12 labels up to 2035"));
  // The same with 255 as the largest: still labels, since hardly a voxel holds it.
  EXPECT_NEAR(brain(by_distance([&](double r) { return std::min(255.0, r < 25 ? label(r) : r < 60 ? 3.0 : 0.0); })).ml, kMl, 1);
  // A parcellation into a hundred parts: cubes.
  Volume parts = ball(1);
  for (std::size_t at = 0; at < parts.data.size(); ++at) {
    if (parts.data[at] != 0)
      parts.data[at] = static_cast<float>(1 + (at % 60 / 8 + at / 60 % 60 / 8 * 7 + at / 3600 / 8 * 49) % 100);
  }
  EXPECT_NEAR(brain(parts).ml, kMl, 1);
}

TEST(BrainMasks, ImagesAndImplausibleVolumesAreRefusedWithTheMl) {
  Volume image = ball(0);
  for (std::size_t i = 0; i < image.data.size(); ++i) image.data[i] = static_cast<float>((i * 7919) % 1301);
  EXPECT_THAT(brain(image).refused, HasSubstr("looks like an image"));
  for (float& v : image.data) v /= 1300;
  EXPECT_THAT(brain(image).refused, HasSubstr("looks like an image"));
  for (float& v : image.data) v = std::round(255 * v);
  EXPECT_THAT(brain(image).refused, HasSubstr("looks like an image"));
  EXPECT_THAT(brain(ball(0)).refused, HasSubstr("0 ml"));
  EXPECT_THAT(brain(ball(1, 1)).refused, AllOf(HasSubstr("5832.0 ml"), HasSubstr("every voxel")));
  EXPECT_THAT(brain(by_distance([](double r) { return r < 30 ? 1.0 : 0.0; })).refused,
              HasSubstr("ml of brain, expected 200 to 3000"));
  EXPECT_THAT(brain(ball(0, 1)).refused, HasSubstr("ml of brain, expected 200 to 3000"));
  EXPECT_THAT(brain(ball(1, -1)).refused, HasSubstr("below 0"));
}

}  // namespace
}  // namespace vitrine::imaging

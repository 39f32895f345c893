// Brain extraction: its parts against known answers, the whole on real and simulated heads.
#include "imaging/brain/brain.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "imaging/brain/head_classes.h"
#include "imaging/brain/plausibility.h"
#include "imaging/brain/running_means.h"
#include "imaging/formats/read_volume.h"
#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/patient.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"
#include "imaging/steps/rigid.h"

namespace vitrine::imaging {
namespace {

const std::filesystem::path kHead = "/usr/share/mricron/templates/ch2.nii.gz",
                            kBrain = "/usr/share/mricron/templates/ch2bet.nii.gz";

Volume cube(std::int64_t n, double spacing) {
  return {{{n, n, n}, {spacing, spacing, spacing}}, std::vector<float>(static_cast<std::size_t>(n * n * n))};
}

// A ball around voxel `c`, radius in voxels.
Mask ball(std::int64_t n, double c, double radius) {
  Mask m = cube(n, 1);
  for (std::int64_t k = 0; k < n; ++k) {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t i = 0; i < n; ++i) {
        const double x = static_cast<double>(i) - c, y = static_cast<double>(j) - c, z = static_cast<double>(k) - c;
        m.at(i, j, k) = x * x + y * y + z * z <= radius * radius ? 1.0f : 0.0f;
      }
    }
  }
  return m;
}

std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(HeadTemplate, IsABrainOfKnownVolumeAndAlikeOnBothSides) {
  const HeadTemplate head = carried_head_template();
  double inside = 0;
  for (const HeadPoint& p : head.nodes) inside += p.distance <= 0 ? 1 : 0;
  EXPECT_NEAR(inside * head.spacing * head.spacing * head.spacing / 1000, 1887, 80);  // ml, of the average at 1 mm
  for (const Vec3& p : {Vec3{31, 20, 10}, Vec3{50, 60, -20}, Vec3{12, -40, 40}}) {
    const HeadPoint left = head.at(p), right = head.at({-p[0], p[1], p[2]});
    EXPECT_FLOAT_EQ(left.distance, right.distance);
    EXPECT_FLOAT_EQ(left.grey, right.grey);
  }
  EXPECT_GT(head.at({0, 20, 110}).distance, 20);
  EXPECT_LT(head.at({25, 20, 20}).distance, -20);
  EXPECT_GT(head.at({26, 15, 26}).white, 0.7f);
  EXPECT_GT(head.at({0, 20, 110}).air, 0.9f);
  EXPECT_GT(head.at({0, -84, -40}).soft, 0.5f) << "the nose's bridge";
  EXPECT_LT(head.at({25, 20, 20}).air, 0.01f);
}

TEST(HeadTemplate, ItsGradientIsThatOfItsValues) {
  const HeadTemplate head = carried_head_template();
  const Vec3 p{41.3, 33.1, 17.7};
  std::array<HeadPoint, 3> gradient;
  const HeadPoint here = head.at(p, gradient);
  EXPECT_FLOAT_EQ(here.distance, head.at(p).distance);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Vec3 q = p;
    q[axis] += 0.25;
    EXPECT_NEAR((head.at(q).distance - here.distance) / 0.25f, gradient[axis].distance, 1e-4);
    EXPECT_NEAR((head.at(q).white - here.white) / 0.25f, gradient[axis].white, 1e-4);
  }
}

TEST(Brain, DependsOnNoUnitAndNoOffset) {
  if (!std::filesystem::exists(kHead)) GTEST_SKIP() << "mricron-data is not installed";
  const Volume whole = read_volume(kHead).volume, head = averaged(whole, coarse_grid(whole.geometry, 2));
  Volume small = head;
  for (float& v : small.data) v = std::ldexp(v, -90);
  EXPECT_EQ(extract_brain(small, {}, "small").mask.data, extract_brain(head, {}, "ch2").mask.data);
}

TEST(HeadTemplate, ADamagedOneIsRefused) {
  EXPECT_THROW(read_head_template("no gzip at all"), DataError);
  EXPECT_THROW(read_head_template(""), DataError);
}

TEST(HeadClasses, SharesSumToOneAndSlopesAreTheirChange) {
  for (const float d : {-20.0f, -1.0f, 0.2f, 2.5f, 7.0f, 15.0f, 30.0f}) {
    for (const float base : {0.0f, 0.4f, 1.0f}) {
      const HeadPoint p{.distance = d, .grey = 0.5f, .white = 0.3f, .base = base};
      ClassSlopes slopes;
      const ClassShares shares = class_shares(p, slopes),
                        moved = class_shares({.distance = d + 1e-2f, .grey = 0.5f, .white = 0.3f, .base = base});
      float sum = 0;
      for (std::size_t c = 0; c < kHeadClasses; ++c) {
        sum += shares[c];
        EXPECT_NEAR((moved[c] - shares[c]) / 1e-2f, slopes.by_distance[c], 0.02) << d << " " << base << " " << c;
      }
      EXPECT_NEAR(sum, 1, 1e-5);
    }
  }
}

TEST(HeadClasses, InformationIsZeroForWhatHasNothingInCommonAndTheEntropyForWhatIsEqual) {
  ClassHistograms apart, equal;
  for (std::size_t bin = 0; bin < 40; ++bin) {
    for (const std::size_t c : {kCsf, kGrey}) {
      ClassShares one{};
      one[c] = 1;
      apart.add(static_cast<float>(bin), one);
      equal.add(c == kCsf ? 3.0f : 30.0f, one);
    }
  }
  EXPECT_NEAR(apart.information(), 0, 1e-12);
  EXPECT_NEAR(equal.information(), std::log(2), 1e-12);
  EXPECT_EQ(ClassHistograms().information(), 0);
  const std::array<double, 6> table{2, 0, 0, 0, 1, 1};  // rows tell the first column from the other two
  EXPECT_NEAR(mutual_information(table, 3, 4), std::log(2), 1e-12);
}

TEST(Morphology, OpensClosesFillsAndKeepsTheLargestPart) {
  const Mask big = ball(40, 15, 10);
  EXPECT_EQ(eroded(big, 3).at(15, 15, 22), 1);
  EXPECT_EQ(eroded(big, 3).at(15, 15, 23), 0);
  Mask two = big;
  two.at(35, 35, 35) = 1;
  EXPECT_EQ(largest_part(two).data, big.data);
  EXPECT_EQ(opened(two, 2).at(35, 35, 35), 0);
  Mask hollow = big;
  hollow.at(15, 15, 15) = 0;
  EXPECT_EQ(filled(hollow).data, big.data);
  Mask slit = big;
  for (std::int64_t k = 0; k < 40; ++k) slit.at(15, 15, k) = 0;
  EXPECT_EQ(closed(slit, 2).at(15, 15, 20), 1);
  EXPECT_EQ(largest_part(cube(5, 1)).data, cube(5, 1).data);
}

TEST(Smoothing, KeepsTheMeanAndHasTheSpreadOfItsGaussian) {
  Volume v = cube(41, 2);
  v.at(20, 20, 20) = 1000;
  const Volume s = smoothed(v, 5);
  double sum = 0, square = 0;
  for (std::int64_t i = 0; i < 41; ++i) {
    for (std::int64_t j = 0; j < 41; ++j) {
      for (std::int64_t k = 0; k < 41; ++k) {
        sum += static_cast<double>(s.at(i, j, k));
        square += static_cast<double>(s.at(i, j, k)) * 4 * static_cast<double>((i - 20) * (i - 20));
      }
    }
  }
  EXPECT_NEAR(sum, 1000, 0.5);
  EXPECT_NEAR(std::sqrt(square / sum), 5, 0.15);
}

TEST(Smoothing, SheetsVanishAndBlocksStay) {
  Volume v = cube(20, 2);
  for (std::int64_t k = 0; k < 20; ++k) {
    for (std::int64_t j = 0; j < 20; ++j) {
      v.at(3, j, k) = 1;                                         // a sheet of 2 mm
      for (std::int64_t i = 10; i < 16; ++i) v.at(i, j, k) = 1;  // a block of 12 mm
    }
  }
  const Volume w = without_sheets(v, 1.5);
  EXPECT_EQ(w.at(3, 10, 10), 0);
  EXPECT_EQ(w.at(10, 10, 10), 1);
  EXPECT_EQ(w.at(15, 10, 10), 1);
}

TEST(AffineMap, ItsInverseTakesItBack) {
  const AffineMap map{{0.9, 0.1, 0, -0.05, 1.1, 0.02, 0.03, 0, 0.95}, {4, -7, 20}};
  const Vec3 p{12, -30, 55}, q = map.inverse().apply(map.apply(p));
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(q[c], p[c], 1e-9);
}

TEST(Brain, AgreesWithThePublishedMaskOfARealHeadAndRepeatsBitForBit) {
  if (!std::filesystem::exists(kHead) || !std::filesystem::exists(kBrain)) GTEST_SKIP() << "mricron-data is not installed";
  Mask truth = read_volume(kBrain).volume;
  for (float& v : truth.data) v = v > 0 ? 1.0f : 0.0f;
  const Volume head = read_volume(kHead).volume;
  const Brain brain = extract_brain(head, {}, "ch2");
  const double agreement = dice(brain.mask, truth);
  std::printf("Dice of ch2 against ch2bet: %.4f\n", agreement);
  EXPECT_GE(agreement, 0.965);
  EXPECT_EQ(brain.figures.contrast, HeadContrast::t1);
  EXPECT_LT(brain.figures.turn_degrees, 5);
  for (const Note& n : brain.notes) EXPECT_FALSE(n.warning) << n.text;
  EXPECT_EQ(extract_brain(head, {}, "ch2").mask.data, brain.mask.data);
}

TEST(Brain, HoldsOnSimulatedHeadsOfEverySeries) {
  if (!std::filesystem::exists(kHead)) GTEST_SKIP() << "mricron-data is not installed";
  const Anatomy anatomy = load_anatomy({}, 1.2);
  for (const std::uint32_t number : {3u}) {
    const Patient patient = make_patient(anatomy, 1, number, "NSCLC", 1.0);
    for (const Series series : {Series::t1c, Series::flair, Series::t2}) {
      const SeriesProtocol protocol = series_protocol(anatomy, 1, number, series, 1.5);
      const Volume image = render(anatomy, patient, protocol, 1);
      Mask truth = image;
      const auto& g = protocol.grid;
      for (std::int64_t at = 0; at < g.voxels(); ++at) {
        const Vec3 p = protocol.from_t1c.apply_inverse(
            g.to_physical({static_cast<double>(at % g.size[0]), static_cast<double>(at / g.size[0] % g.size[1]),
                           static_cast<double>(at / (g.size[0] * g.size[1]))}));
        truth.data[static_cast<std::size_t>(at)] = tissue_at(anatomy, patient, p)[brain] >= 128 ? 1.0f : 0.0f;
      }
      const Brain found = extract_brain(image, {}, "test");
      const double agreement = dice(found.mask, truth);
      std::printf("Dice of simulated patient %u, %s: %.4f\n", number, name_of(found.figures.contrast).c_str(), agreement);
      EXPECT_GE(agreement, 0.95);
    }
  }
}

TEST(Brain, AStrippedVolumeIsTakenAsItIs) {
  Volume v = cube(100, 2);
  const Mask blob = ball(100, 50, 32);  // 2 mm: 1,098 ml
  for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = blob.data[i] * static_cast<float>(100 + i % 7);
  v.at(50, 50, 50) = 0;  // a hole inside is brain
  for (const float outside : {0.0f, -3.5f}) {
    for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = blob.data[i] != 0 ? v.data[i] : outside;
    const Brain brain = extract_brain(v, {}, "stripped");
    EXPECT_TRUE(brain.figures.stripped);
    EXPECT_EQ(brain.mask.data, blob.data);
    ASSERT_EQ(brain.notes.size(), 1u);
    EXPECT_FALSE(brain.notes[0].warning);
  }
}

TEST(Brain, WhatIsNoHeadIsRefusedWithTheRemedy) {
  Volume noise = cube(80, 2.5);
  for (std::size_t i = 0; i < noise.data.size(); ++i) noise.data[i] = static_cast<float>((i * 7919) % 101);
  Volume flat = cube(80, 2.5);
  std::fill(flat.data.begin(), flat.data.end(), 5.0f);
  Volume bottle = cube(100, 2);
  const Mask blob = ball(100, 50, 38);
  for (std::size_t i = 0; i < bottle.data.size(); ++i)
    bottle.data[i] = 10 + 500 * blob.data[i] + static_cast<float>((i * 7919) % 11);
  for (const Volume* v : {&noise, &flat, &bottle}) {
    const std::string why = refusal([&] { extract_brain(*v, {}, "volume.nii.gz"); });
    EXPECT_NE(why.find("volume.nii.gz"), std::string::npos);
    EXPECT_NE(why.find("brain_mask"), std::string::npos) << why;
  }
  EXPECT_NE(refusal([&] { extract_brain(cube(10, 2), {}, "tiny"); }).find("40 mm"), std::string::npos);
}

TEST(Brain, TheSameHeadTurnedOrMovedByItsHeaderOrWithItsZeroMovedHasTheSameBrain) {
  if (!std::filesystem::exists(kHead)) GTEST_SKIP() << "mricron-data is not installed";
  const Volume whole = read_volume(kHead).volume, head = averaged(whole, coarse_grid(whole.geometry, 2));
  const Brain straight = extract_brain(head, {}, "ch2");
  Volume other = head;
  const RigidTransform turn{{0.45, -0.2, 0.25}, {40, -60, 25}, {}};  // radians, mm
  other.geometry.direction = product(turn.rotation(), head.geometry.direction);
  other.geometry.origin = {80, -150, 10};
  EXPECT_GE(dice(extract_brain(other, {}, "turned").mask, straight.mask), 0.985);
  other = head;
  for (float& v : other.data) v = v * 0.01f - 700;
  EXPECT_GE(dice(extract_brain(other, {}, "moved").mask, straight.mask), 0.985);
}

TEST(Brain, AHeadOfWhichTheFieldOfViewHoldsAPartIsSaid) {
  if (!std::filesystem::exists(kHead)) GTEST_SKIP() << "mricron-data is not installed";
  const Volume whole = read_volume(kHead).volume;
  Volume part = averaged(whole, coarse_grid(whole.geometry, 2));
  const std::int64_t slice = part.geometry.size[0] * part.geometry.size[1];
  part.geometry.size[2] -= 28;  // 56 mm from the top
  part.data.resize(static_cast<std::size_t>(slice * part.geometry.size[2]));
  const Brain cut = extract_brain(part, {}, "cut");
  EXPECT_GT(cut.ml, 1000);
  EXPECT_LT(cut.figures.covered, 0.98);
  ASSERT_FALSE(cut.notes.empty());
  EXPECT_NE(cut.notes[0].text.find("the field of view holds"), std::string::npos) << cut.notes[0].text;
}

TEST(BrainPlausibility, PlaceShapeAndSymmetryCountBesideVolume) {
  BrainFigures well;
  well.information = 0.5;
  well.tissue_information = 0.08;
  well.below_top = 12;
  well.contrast = HeadContrast::t1;
  Notes notes;
  check_brain(well, 1400, HeadContrast::automatic, "t1c", notes);
  EXPECT_TRUE(notes.empty());
  const auto refused = [&](const std::function<void(BrainFigures&)>& change, double ml = 1400) {
    BrainFigures f = well;
    change(f);
    Notes unused;
    return refusal([&] { check_brain(f, ml, HeadContrast::automatic, "t1c", unused); });
  };
  EXPECT_NE(refused([](BrainFigures& f) { f.below_top = 90; }).find("below that of the head"), std::string::npos) << "the neck";
  EXPECT_NE(refused([](BrainFigures& f) { f.template_dice = 0.6; }), "") << "white matter alone";
  EXPECT_NE(refused([](BrainFigures& f) { f.asymmetry = 0.5; }), "") << "one hemisphere";
  EXPECT_NE(refused([](BrainFigures& f) { f.off_centre = {0, 25, 0}; }), "");
  EXPECT_NE(refused([](BrainFigures& f) { f.scale[2] = 0.4; }), "");
  EXPECT_NE(refused([](BrainFigures& f) { f.turn_degrees = 80; }), "");
  EXPECT_NE(refused([](BrainFigures& f) { f.information = 0.01; }), "");
  EXPECT_NE(refused([](BrainFigures& f) { f.tissue_information = 0.005; }), "") << "a phantom";
  EXPECT_NE(refused([](BrainFigures&) {}, 200), "");
  EXPECT_EQ(refused([](BrainFigures&) {}, 350), "") << "a newborn's is noted";
  EXPECT_EQ(refused([](BrainFigures& f) { f.covered = 0.6; }, 900), "") << "a part of the head is noted";
  BrainFigures part = well;
  part.covered = 0.6;
  check_brain(part, 900, HeadContrast::flair, "t1c", notes);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].text.find("60.0 %"), std::string::npos);
  EXPECT_NE(notes[1].text.find("was told flair"), std::string::npos);
}

TEST(BrainAgreement, NamesTheSeriesThatDiffers) {
  const Mask a = ball(40, 20, 15), b = ball(40, 20, 15.4), far = ball(40, 26, 12);
  EXPECT_TRUE(brain_agreement(a, &b, &a).notes.empty());
  const BrainAgreement flair = brain_agreement(a, &far, &b);
  ASSERT_EQ(flair.notes.size(), 1u);
  EXPECT_TRUE(flair.notes[0].warning);
  EXPECT_NE(flair.notes[0].text.find("the brain of FLAIR"), std::string::npos);
  const Mask elsewhere = ball(40, 14, 12);
  EXPECT_LT(brain_agreement(a, nullptr, &b).t1c_flair, 0);
  EXPECT_TRUE(brain_agreement(a, nullptr, &b).notes.empty());
  EXPECT_NE(brain_agreement(a, nullptr, &far).notes.at(0).text.find("do not agree (Dice T1c and T2 0."), std::string::npos);
  EXPECT_NE(brain_agreement(a, &far, &elsewhere).notes.at(0).text.find("do not agree"), std::string::npos);
}

TEST(Brain, TheLesionAndItsMarginAlwaysCount) {
  const Mask brain = ball(40, 20, 10), lesion = ball(40, 29, 3);
  const Mask both = with_lesion(brain, lesion, 2);
  for (std::size_t i = 0; i < both.data.size(); ++i) EXPECT_GE(both.data[i], std::max(brain.data[i], lesion.data[i]));
  EXPECT_EQ(both.at(29, 29, 34), 1);
  EXPECT_EQ(both.at(29, 29, 35), 0);
  EXPECT_THROW(contrast_named("pd"), UsageError);
  EXPECT_EQ(contrast_named("flair"), HeadContrast::flair);
}

}  // namespace
}  // namespace vitrine::imaging

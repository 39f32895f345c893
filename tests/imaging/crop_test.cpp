// Lesions, their slices and crops, and what is said about what is left out.
#include "imaging/steps/crop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LesionMask mask_of(Mask m) {
  const StorageOrder order = storage_order(m.geometry);
  return {std::move(m), false, order};
}

std::vector<std::string> texts(const Notes& notes) {
  std::vector<std::string> out;
  for (const Note& n : notes) out.push_back((n.warning ? "warning: " : "note: ") + n.text);
  return out;
}

std::string refusal(const LesionMask& mask, const CropOptions& options = {}) {
  Notes notes;
  try {
    find_lesion_slices(mask, options, "mask", notes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

Mask block(std::int64_t i0, std::int64_t i1, std::int64_t k0, std::int64_t k1) {
  Mask m{{{64, 64, 20}, {1, 1, 3}}, std::vector<float>(64 * 64 * 20)};
  for (std::int64_t k = k0; k <= k1; ++k)
    for (std::int64_t j = 20; j <= 29; ++j)
      for (std::int64_t i = i0; i <= i1; ++i) m.at(i, j, k) = 1;
  return m;
}

TEST(Crop, FindsLesionsAndUpToThreeSlices) {
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask_of(block(10, 21, 4, 9)), {}, "mask", notes);
  ASSERT_EQ(found.slices.size(), 3u);
  ASSERT_EQ(found.lesions.size(), 1u);
  EXPECT_EQ(found.lesions[0].volume_mm3, 12 * 10 * 6 * 3);
  EXPECT_EQ(found.lesions[0].crops, 3);
  EXPECT_EQ(found.slices[0].lesion, 1);
  EXPECT_EQ(found.slices[0].centre_i, 15.5);
  EXPECT_EQ(found.slices[0].area_mm2, 120);
  EXPECT_EQ(found.slices[0].side_mm, 20);  // 12 mm and 4 mm on each side
  EXPECT_THAT(notes, IsEmpty());
}

TEST(Crop, SaysWhatIsLeftOut) {
  Mask m = block(10, 21, 4, 9);
  m.at(50, 50, 15) = 1;
  m.at(51, 51, 16) = 1;  // touches the corner: one part
  Notes notes;
  find_lesion_slices(mask_of(m), {}, "mask", notes);
  EXPECT_THAT(texts(notes),
              ElementsAre("note: lesion mask: a part of 6.0 mm3 at voxel (50, 50, 15) was left out, below 30 mm3"));
}

TEST(Crop, ListsFiveSpecksAndCountsTheRest) {
  Mask m = block(10, 21, 4, 9);
  for (std::int64_t n = 0; n < 40; ++n) m.at(2 + 2 * (n % 8), 40 + 2 * (n / 8), 12) = 1;
  m.at(3, 40, 12) = 1;  // joins two of them to three voxels: the largest
  Notes notes;
  find_lesion_slices(mask_of(m), {}, "mask", notes);
  ASSERT_EQ(notes.size(), 6u);
  EXPECT_THAT(notes[0].text, HasSubstr("9.0 mm3"));
  EXPECT_THAT(notes[1].text, HasSubstr("3.0 mm3 at voxel (6, 40, 12)"));
  EXPECT_THAT(notes[5].text, AllOf(HasSubstr("34 more parts from 3.0 mm3 on"), HasSubstr("together 102.0 mm3")));
}

TEST(Crop, SaysWhenALesionGivesNoCrop) {
  Mask m = block(10, 21, 4, 9);
  for (std::int64_t k = 4; k <= 12; ++k)
    for (std::int64_t i = 50; i < 52; ++i) m.at(i, 50, k) = 1;  // 54 mm3, 2 mm2 in each slice
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask_of(m), {}, "mask", notes);
  EXPECT_EQ(found.lesions.size(), 2u);
  EXPECT_EQ(found.lesions[1].crops, 0);
  EXPECT_THAT(texts(notes),
              ElementsAre(AllOf(HasSubstr("lesion 2 of 54.0 mm3"), HasSubstr("largest slice has 2.0 mm2, below 20"))));
}

TEST(Crop, SaysWhenALesionIsCutAndACropReachesBeyond) {
  Mask m{{{64, 64, 20}, {1, 1, 3}}, std::vector<float>(64 * 64 * 20)};
  for (std::int64_t k = 17; k < 20; ++k)
    for (std::int64_t j = 20; j < 30; ++j)
      for (std::int64_t i = 56; i < 64; ++i) m.at(i, j, k) = 1;
  Notes notes;
  find_lesion_slices(mask_of(m), {}, "mask", notes);
  ASSERT_EQ(notes.size(), 4u);
  EXPECT_EQ(notes[0].text, "lesion 1 touches the border of T1c (left, top): it may be cut there");
  EXPECT_EQ(notes[1].text, "crop l1_s17 reaches beyond T1c (5.0 mm at the left): it is 0 there");
}

TEST(Crop, PlacesAreThoseOfTheFile) {
  // The file runs to Right, Anterior, Inferior: its indices count from the other sides.
  Geometry stored{{64, 64, 20}, {1, 1, 3}};
  stored.direction = {-1, 0, 0, 0, -1, 0, 0, 0, -1};
  LesionMask mask = mask_of(block(10, 21, 4, 9));
  mask.order = storage_order(stored);
  EXPECT_EQ(mask.order.code, "RAI");
  mask.labels.at(50, 51, 15) = 1;
  Notes notes;
  find_lesion_slices(mask, {}, "mask", notes);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("voxel (13, 12, 4)"));
}

TEST(Crop, LabelsAreLesionsInHoweverManyPieces) {
  Mask m = block(10, 21, 4, 9);
  for (float& v : m.data) v *= 7;
  for (std::int64_t k = 3; k < 6; ++k)
    for (std::int64_t j = 32; j < 38; ++j)
      for (const std::int64_t i : {15, 16, 17, 18, 40, 41, 42, 43}) m.at(i, j, k) = 2;
  m.at(60, 60, 18) = 3;
  LesionMask mask = mask_of(m);
  mask.numbered = true;
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask, {}, "mask", notes);
  ASSERT_EQ(found.lesions.size(), 2u);
  EXPECT_EQ(found.lesions[0].number, 2);
  EXPECT_EQ(found.lesions[0].pieces, 2);
  EXPECT_EQ(found.lesions[1].number, 7);
  EXPECT_EQ(found.slices.back().lesion, 7);
  EXPECT_THAT(texts(notes),
              ElementsAre("warning: lesion mask: lesion 3 of 3.0 mm3 at voxel (60, 60, 18) was left out, below 30 mm3",
                          "note: lesion 2 has 2 separate pieces; they were taken for one lesion"));
}

TEST(Crop, EqualLesionsAreNumberedByPlace) {
  Mask m = block(30, 41, 4, 9);
  const Mask first = block(2, 13, 4, 9);
  for (std::size_t i = 0; i < m.data.size(); ++i) m.data[i] += first.data[i];
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask_of(m), {}, "mask", notes);
  ASSERT_EQ(found.lesions.size(), 2u);
  EXPECT_EQ(found.slices.front().centre_i, 7.5);
}

TEST(Crop, RefusesMasksWithoutALesion) {
  Mask speck = block(10, 9, 0, 0);
  speck.at(5, 5, 5) = 1;
  EXPECT_THAT(refusal(mask_of(speck)), AllOf(HasSubstr("the largest of 1 has 3.0 mm3"), HasSubstr("check the mask")));
  Mask thread = block(10, 9, 0, 0);
  for (std::int64_t k = 0; k < 20; ++k) thread.at(5, 5, k) = 1;
  EXPECT_THAT(refusal(mask_of(thread)), HasSubstr("60.0 mm3 and 1.0 mm2 in a slice"));
  Mask many = block(10, 9, 0, 0);
  for (std::int64_t n = 0; n < 300; ++n) many.at(2 * (n % 30), 2 * (n / 30), 10) = 1;
  CropOptions all;
  all.minimum_volume_mm3 = 1;
  EXPECT_THAT(refusal(mask_of(many), all), HasSubstr("300 separate parts"));
}

TEST(Crop, ShareOutsideAnotherFieldOfView) {
  const Geometry grid{{64, 64, 20}, {1, 1, 3}};
  const LesionSlice slice{1, 10, 100, 32, 32, 32};
  EXPECT_EQ(share_outside(slice, grid, grid, {}, 64), 0);
  Geometry half = grid;
  half.size[0] = 32;  // ends at index 31.5, a quarter of a millimetre before the middle of the crop
  EXPECT_NEAR(share_outside(slice, grid, half, {}, 64), 0.5, 0.02);
  RigidTransform far;
  far.translation = {0, 0, 100};
  EXPECT_EQ(share_outside(slice, grid, grid, far, 64), 1);
}

TEST(Crop, KeepsConstantsAndPadsWithZero) {
  const Volume v{{{64, 64, 20}, {1, 1, 3}}, std::vector<float>(64 * 64 * 20, 0.5f)};
  LesionSlice inside{1, 5, 100, 30, 30, 40};
  for (const float x : crop_slice(v, inside, 64)) EXPECT_NEAR(x, 0.5f, 1e-6);
  LesionSlice corner{1, 5, 100, 0, 0, 40};
  const std::vector<float> crop = crop_slice(v, corner, 64);
  EXPECT_EQ(crop.front(), 0);
  EXPECT_NEAR(crop.back(), 0.5f, 1e-6);
  LesionSlice shrunk{1, 5, 100, 31.5, 31.5, 64};
  EXPECT_NEAR(crop_slice(v, shrunk, 16)[100], 0.5f, 1e-6);
}

TEST(Crop, OneFieldOfViewForAllCutsWhatIsWider) {
  CropOptions options;
  options.mode = CropMode::fixed_fov;
  options.fov_mm = 30;
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask_of(block(10, 45, 4, 4)), options, "mask", notes);
  ASSERT_EQ(found.slices.size(), 1u);
  EXPECT_EQ(found.slices[0].side_mm, 30);
  EXPECT_THAT(texts(notes), ElementsAre("warning: crop l1_s4 of 30.0 mm cuts the lesion, which is 36.0 mm wide there"));
  EXPECT_STREQ(name_of(options.mode), "fixed-fov");
}

TEST(Crop, TakesTheLargestAloneOrSlicesThatKeepTheirDistance) {
  CropOptions options;
  options.slices = 1;
  Notes notes;
  EXPECT_EQ(find_lesion_slices(mask_of(block(10, 21, 4, 12)), options, "mask", notes).slices.size(), 1u);
  options.slices = 3;
  options.distance_mm = 10;  // four slices of 3 mm
  const LesionSearch found = find_lesion_slices(mask_of(block(10, 21, 4, 12)), options, "mask", notes);
  ASSERT_EQ(found.slices.size(), 3u);
  EXPECT_EQ(found.slices[0].slice, 4);
  EXPECT_EQ(found.slices[1].slice, 8);
  EXPECT_EQ(found.slices[2].slice, 12);
}

TEST(Crop, OfEqualSlicesTheNearestToTheCentreComesFirst) {
  CropOptions options;
  options.slices = 1;
  Mask m = block(10, 21, 2, 8);  // 120 mm2 in each slice
  for (std::int64_t k = 9; k < 16; ++k)
    for (std::int64_t j = 20; j < 26; ++j)
      for (std::int64_t i = 10; i < 22; ++i) m.at(i, j, k) = 1;  // 72 mm2: pulls the centre to slice 7.5
  Notes notes;
  EXPECT_EQ(find_lesion_slices(mask_of(m), options, "mask", notes).slices[0].slice, 8);
}

TEST(Crop, ListsWhatIsLeftOutWithTheReason) {
  Mask m = block(10, 21, 4, 9);
  m.at(50, 50, 15) = 1;
  for (std::int64_t k = 4; k <= 12; ++k)
    for (std::int64_t i = 50; i < 52; ++i) m.at(i, 40, k) = 1;
  Notes notes;
  const LesionSearch found = find_lesion_slices(mask_of(m), {}, "mask", notes);
  ASSERT_EQ(found.left_out.size(), 2u);
  EXPECT_EQ(found.left_out[0].lesion, 0);
  EXPECT_EQ(found.left_out[0].volume_mm3, 3);
  EXPECT_THAT(found.left_out[0].reason, HasSubstr("below 30 mm3"));
  EXPECT_EQ(found.left_out[1].lesion, 2);
  EXPECT_THAT(found.left_out[1].reason, HasSubstr("below 20"));
}

TEST(Crop, RefusesOptionsOutOfRange) {
  const auto refused = [](auto change) {
    CropOptions options;
    change(options);
    EXPECT_THROW(check(options), UsageError);
  };
  refused([](CropOptions& o) { o.slices = 0; });
  refused([](CropOptions& o) { o.distance_mm = -1; });
  refused([](CropOptions& o) { o.fov_mm = NAN; });
  refused([](CropOptions& o) { o.fov_mm = 1e6; });
  check({});
}

TEST(Crop, PixelsLieAtTheirCentres) {
  // A ramp along i: the value of a pixel is the place of its centre.
  Volume v{{{64, 64, 20}, {1, 1, 3}}, std::vector<float>(64 * 64 * 20)};
  for (std::size_t n = 0; n < v.data.size(); ++n) v.data[n] = static_cast<float>(n % 64);
  const std::vector<float> crop = crop_slice(v, {1, 5, 100, 30, 30, 32}, 64);
  for (int p = 0; p < 64; ++p) EXPECT_NEAR(crop[static_cast<std::size_t>(p)], 30 - 16 + (p + 0.5) / 2, 1e-4);
}

}  // namespace
}  // namespace vitrine::imaging

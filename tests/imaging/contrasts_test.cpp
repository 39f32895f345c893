// Series in the columns of others, without coregistration: all lie where they are.
#include "imaging/steps/contrasts.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/patient.h"
#include "imaging/steps/lesion_contrast.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A simulated patient whose three series lie on one grid.
class Contrasts : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Anatomy anatomy = procedural_head(2);
    const Patient patient = make_patient(anatomy, 5, 1, "NSCLC", 1);
    Geometry grid;
    for (std::size_t c = 0; c < 3; ++c) {
      Volume* const series[] = {&t1c, &flair, &t2};
      SeriesProtocol protocol = series_protocol(anatomy, 5, 1, static_cast<Series>(c), 2);
      if (c == 0) grid = protocol.grid;
      protocol.grid = grid;
      protocol.from_t1c = {};
      *series[c] = render(anatomy, patient, protocol, 5);
    }
    lesion = render_mask(anatomy, patient, grid);
    inside = {grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
    std::size_t at = 0;
    for (std::int64_t k = 0; k < grid.size[2]; ++k) {
      for (std::int64_t j = 0; j < grid.size[1]; ++j) {
        for (std::int64_t i = 0; i < grid.size[0]; ++i)
          inside.data[at++] =
              tissue_at(anatomy, patient,
                        grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}))[brain] >
              128;
      }
    }
  }
  static std::string verdict(const Volume& a, const Volume& b, const Volume& c) {
    try {
      const Notes notes = contrast_notes(check_contrasts(a, b, c, inside, lesion));
      return notes.empty() ? "nothing" : notes[0].text;
    } catch (const DataError& error) {
      return error.what();
    }
  }
  static inline Volume t1c, flair, t2;
  static inline Mask inside, lesion;
};

TEST_F(Contrasts, ColumnsThatAreRightPassWhateverGainAndOffset) {
  EXPECT_EQ(check_contrasts(t1c, flair, t2, inside, lesion).as_given.holding(), 5);
  EXPECT_EQ(verdict(t1c, flair, t2), "nothing");
  Volume scaled = t1c, large = t2;
  for (float& v : scaled.data) v = 0.01f * v - 5;
  for (float& v : large.data) v = 30 * v + 400;
  EXPECT_EQ(verdict(scaled, flair, large), "nothing");
}

TEST_F(Contrasts, ExchangedColumnsAreNamed) {
  EXPECT_THAT(verdict(t1c, t2, flair),
              AllOf(HasSubstr("look exchanged"), HasSubstr("the FLAIR one in the column of T2"), HasSubstr("of FLAIR (")));
  EXPECT_THAT(verdict(flair, t1c, t2), HasSubstr("the T1c one in the column of FLAIR"));
  EXPECT_THAT(verdict(t2, flair, t1c), HasSubstr("the T1c one in the column of T2"));
  EXPECT_THAT(verdict(flair, t2, t1c), HasSubstr("look exchanged"));
  EXPECT_THAT(verdict(t2, t1c, flair), HasSubstr("look exchanged"));
}

TEST_F(Contrasts, ThreeSeriesThatAreNoneOfThemAreDoubted) {
  Volume noise = t2;
  std::uint32_t state = 1;
  for (float& v : noise.data) v = static_cast<float>((state = state * 1664525u + 1013904223u) >> 20);
  EXPECT_THAT(verdict(t2, noise, noise), HasSubstr("check which series these are"));
  EXPECT_THAT(verdict(t2, t2, t2), HasSubstr("check which series these are"));
}

TEST_F(Contrasts, WithoutABrainNothingIsSaid) {
  const Mask none{inside.geometry, std::vector<float>(inside.data.size())};
  EXPECT_FALSE(check_contrasts(t1c, flair, t2, none, {}).measured);
}

TEST_F(Contrasts, AMaskOfAnotherPlaceIsDoubted) {
  EXPECT_TRUE(lesion_contrast_notes(lesion_contrast(t1c, inside, lesion)).empty());
  Mask outside = inside, centre{inside.geometry, std::vector<float>(inside.data.size())};
  for (float& v : outside.data) v = 1 - v;
  const Mask border = dilated(outside, 16), around = dilated(lesion, 30);
  const auto healthy = [&](std::size_t i) { return border.data[i] == 0 && around.data[i] == 0; };
  std::size_t at = 0;
  while (!healthy(at)) ++at;
  centre.data[at] = 1;
  const Mask elsewhere = dilated(centre, 10);
  const Notes notes = lesion_contrast_notes(lesion_contrast(t1c, inside, elsewhere));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("marks nothing that enhances"));
  EXPECT_FALSE(lesion_contrast(t1c, inside, {lesion.geometry, std::vector<float>(lesion.data.size())}).measured);
}

}  // namespace
}  // namespace vitrine::imaging

// Series of one head and of two, without coregistration: all lie where they are.
#include "imaging/steps/agreement.h"

#include <gmock/gmock.h>

#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/patient.h"
#include "prepared_cohort.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SeriesAgreement agreement_of(const Volume& t1c, const Volume& flair, const Volume& t2, const Mask& brain) {
  return series_agreement(t1c, &flair, &t2, brain);
}

class Agreement : public PreparedCohort {
 protected:
  static Volume still(int patient, const std::string& column) { return head(patient, column, false); }
  static std::string warning(const Volume& t1c, const Volume& flair, const Volume& t2) {
    const Notes notes = agreement_notes(agreement_of(t1c, flair, t2, still(1, "brain_mask")));
    return notes.empty() ? "nothing" : notes.size() == 1 && notes[0].warning ? notes[0].text : "something else";
  }
};

TEST_F(Agreement, SeriesOfOneHeadLieTogether) {
  for (const int p : {1, 2, 3}) {
    const SeriesAgreement a = agreement_of(still(p, "t1c"), still(p, "flair"), still(p, "t2"), still(p, "brain_mask"));
    for (const PairAgreement& pair : {a.t1c_flair, a.t1c_t2, a.flair_t2}) {
      EXPECT_GE(pair.shift_mm, 0);
      EXPECT_LT(pair.shift_mm, 1.0);
    }
  }
}

TEST_F(Agreement, AnotherHeadIsNamedByItsColumn) {
  const Volume t1c = still(1, "t1c"), flair = still(1, "flair"), t2 = still(1, "t2");
  EXPECT_THAT(warning(t1c, still(2, "flair"), t2), AllOf(HasSubstr("FLAIR may be of another head"), HasSubstr("mm")));
  EXPECT_THAT(warning(t1c, flair, still(3, "t2")), HasSubstr("T2 may be of another head"));
  EXPECT_THAT(warning(still(2, "t1c"), flair, t2), HasSubstr("T1c, or FLAIR and T2, may be of another head"));
  EXPECT_THAT(warning(t1c, still(2, "flair"), still(3, "t2")), HasSubstr("at least one series"));
}

TEST_F(Agreement, ScaleContrastAndNoiseDoNotMatter) {
  Volume t1c = still(3, "t1c"), flair = still(3, "flair"), t2 = still(3, "t2");
  for (std::size_t i = 0; i < t1c.data.size(); ++i) {
    t1c.data[i] = 1e-3f * t1c.data[i] - 7;                                                  // another scale and zero
    flair.data[i] = static_cast<float>(std::sqrt(static_cast<double>(flair.data[i]) + 1));  // another contrast
    t2.data[i] += static_cast<float>((i * 7919) % 11);                                      // noise
  }
  const SeriesAgreement a = agreement_of(t1c, flair, t2, still(3, "brain_mask"));
  EXPECT_LT(a.t1c_flair.shift_mm, 1.0);
  EXPECT_LT(a.t1c_t2.shift_mm, 1.0);
}

TEST_F(Agreement, ThickSlicesDoNotMatter) {
  Volume t1c = still(1, "t1c"), flair = still(1, "flair"), t2 = still(1, "t2");
  const auto thick = [](const Volume& v) {  // every second slice, twice as thick
    Volume out{v.geometry, {}};
    out.geometry.size[2] /= 2;
    out.geometry.spacing[2] *= 2;
    for (std::int64_t k = 0; k < out.geometry.size[2]; ++k)
      for (std::int64_t j = 0; j < v.geometry.size[1]; ++j)
        for (std::int64_t i = 0; i < v.geometry.size[0]; ++i) out.data.push_back(v.at(i, j, 2 * k));
    return out;
  };
  const SeriesAgreement a = agreement_of(thick(t1c), thick(flair), thick(t2), thick(still(1, "brain_mask")));
  EXPECT_LT(a.t1c_flair.shift_mm, kMostShiftMm);
  EXPECT_GE(a.t1c_flair.shift_mm, 0);
  const SeriesAgreement b = agreement_of(thick(t1c), thick(still(2, "flair")), thick(t2), thick(still(1, "brain_mask")));
  EXPECT_GT(b.t1c_flair.shift_mm, kMostShiftMm);
}

TEST_F(Agreement, ACopyInAnotherColumnIsNamed) {
  const Volume t1c = still(1, "t1c"), flair = still(1, "flair");
  Volume copy = flair;
  for (float& v : copy.data) v = std::round(v / 3) * 3 + 20;  // scaled to other whole numbers
  EXPECT_THAT(warning(t1c, flair, copy), HasSubstr("FLAIR and T2 look like one image"));
}

TEST_F(Agreement, TooLittleBrainIsSaid) {
  const Volume t1c = still(1, "t1c");
  const SeriesAgreement a = agreement_of(t1c, t1c, t1c, Mask{t1c.geometry, std::vector<float>(t1c.data.size())});
  EXPECT_EQ(a.t1c_t2.shift_mm, -1);
  ASSERT_EQ(agreement_notes(a).size(), 1u);
  EXPECT_THAT(agreement_notes(a)[0].text, HasSubstr("too little brain"));
}

// Heads with folds, ventricles, bias field and noise, all grown from one: the hardest to tell apart.
TEST(AgreementOfSimulatedHeads, OneHeadPassesAndAnotherIsNamed) {
  const Anatomy anatomy = procedural_head(2.5);
  const Geometry grid = series_protocol(anatomy, 3, 1, Series::t1c, 2.5).grid;
  const auto rendered = [&](std::uint32_t number, Series which) {
    SeriesProtocol protocol = series_protocol(anatomy, 3, number, which, 2.5);
    protocol.grid = grid;
    protocol.from_t1c = {};
    return render(anatomy, make_patient(anatomy, 3, number, "NSCLC", 1), protocol, 3);
  };
  const Patient patient = make_patient(anatomy, 3, 1, "NSCLC", 1);
  Mask inside{grid, {}};
  for (std::int64_t at = 0; at < grid.voxels(); ++at) {
    const Vec3 p =
        grid.to_physical({static_cast<double>(at % grid.size[0]), static_cast<double>(at / grid.size[0] % grid.size[1]),
                          static_cast<double>(at / (grid.size[0] * grid.size[1]))});
    inside.data.push_back(tissue_at(anatomy, patient, p)[brain] >= 128 ? 1.0f : 0.0f);
  }
  const Volume t1c = rendered(1, Series::t1c), flair = rendered(1, Series::flair), t2 = rendered(1, Series::t2);
  EXPECT_THAT(agreement_notes(agreement_of(t1c, flair, t2, inside)), IsEmpty());
  const Notes notes = agreement_notes(agreement_of(t1c, rendered(2, Series::flair), t2, inside));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("FLAIR may be of another head"));
}

}  // namespace
}  // namespace vitrine::imaging

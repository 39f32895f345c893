// What is said against a cohort before it is prepared.
#include "imaging/scan/check_cohort.h"

#include <gmock/gmock.h>

#include "imaging/scan/head_region.h"
#include "imaging/steps/mask_labels.h"
#include "prepared_cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Check : public PreparedCohort {
 protected:
  // "line severity subject column: what", one a line, and the summary.
  std::string checked(const fs::path& csv) {
    Progress quiet(true);
    const CohortCheck check = check_cohort(csv, quiet);
    errors = check.errors;
    std::string all;
    for (const Finding& f : check.findings)
      all += std::to_string(f.line) + " " + name_of(f.severity) + " " + f.subject + " " + f.column + ": " + f.what + "\n";
    return all + check.summary;
  }
  int errors = 0;
};

TEST_F(Check, AGoodCohortHasNoErrorsAndNothingIsWritten) {
  table();
  const auto before = fs::recursive_directory_iterator(folder);
  const std::string found = checked(table());
  EXPECT_EQ(errors, 0) << found;
  EXPECT_THAT(found, AllOf(HasSubstr("2 subjects (1 NSCLC, 1 SCLC): 0 errors, 2 warnings, 0 notes"),
                           HasSubstr("fewer than the 5 folds")));
  EXPECT_EQ(std::distance(before, {}), std::distance(fs::recursive_directory_iterator(folder), {}));
}

TEST_F(Check, EqualFilesAreListedInBothPlaces) {
  // The same bytes under two subjects; the same voxels, stored in another order of bytes, in two columns.
  write_nifti(folder / "again.nii", head(2, "flair"));
  const std::string found = checked(table({{"b t1c", file(1, "t1c")}, {"b t2", folder / "again.nii"}}));
  EXPECT_THAT(found, AllOf(HasSubstr("2 error a t1c: the t1c file"), HasSubstr("of subject b"),
                           HasSubstr("3 error b t1c: the t1c file"), HasSubstr("of subject a"),
                           HasSubstr("3 error b flair: the flair file"), HasSubstr("holds the same voxels as"),
                           HasSubstr("3 error b t2: the t2 file")));
  EXPECT_EQ(errors, 4) << found;
}

TEST_F(Check, EveryFaultIsListedAtOnce) {
  Volume moved = head(1, "mask"), elsewhere = head(2, "mask");
  moved.geometry.origin[0] += 2.5;
  std::fill(elsewhere.data.begin(), elsewhere.data.end(), 0.0F);
  for (std::int64_t k = 2; k < 7; ++k)
    for (std::int64_t j = 1; j < 6; ++j)
      for (std::int64_t i = 1; i < 6; ++i) elsewhere.at(i, j, k) = 1;
  const std::string csv = read_file(table({{"a mask", written("moved", moved)},
                                           {"b mask", written("elsewhere", elsewhere)},
                                           {"a t2", folder / "none.nii"},
                                           {"b brain_mask", written("brain", head(2, "t1c"))},
                                           {"c flair", ""}},
                                          3),
                                    kAnySize);
  write_file(folder / "bad.csv", csv);
  const std::string found = checked(folder / "bad.csv");
  EXPECT_THAT(
      found,
      AllOf(HasSubstr("2 error a mask: the mask lies on another grid than T1c: its corners are 1.00 voxels off; resample it"),
            HasSubstr("2 error a t2: the t2 file"), HasSubstr("does not exist"),
            HasSubstr("3 error b mask: 100.0 % of the lesion mask lies outside the head on T1c"),
            HasSubstr("3 error b brain_mask: the brain mask"), HasSubstr("looks like an image"),
            HasSubstr("4 note c flair: the series is missing")));
  EXPECT_EQ(errors, 6) << found;  // with b's T1c, whose bytes stand under brain_mask as well
}

TEST_F(Check, LesionsOutsideTheBrainMask) {
  Volume half = head(2, "brain_mask");
  const Vec3 lesion = lesion_centre(2);
  for (std::int64_t at = 0; at < half.geometry.voxels(); ++at) {
    if (half.geometry.to_physical({static_cast<double>(at % half.geometry.size[0]), 0, 0})[0] > lesion[0])
      half.data[static_cast<std::size_t>(at)] = 0;
  }
  EXPECT_THAT(checked(table({{"b brain_mask", written("half", half)}})),
              HasSubstr("% of the lesion mask lies outside the brain mask"));
  EXPECT_EQ(errors, 1);
}

TEST_F(Check, SayingsOfTheTableAreComparedWithTheVolumes) {
  Volume narrow = head(2, "t2");  // another, smaller head
  narrow.geometry.spacing[0] *= 0.8;
  const std::string csv = read_file(table({{"b t2", written("narrow", narrow)}}), kAnySize);
  std::string more;
  int line = 0;
  for (std::size_t at = 0, end = csv.find('\n'); end != csv.npos; at = end + 1, end = csv.find('\n', at))
    more += csv.substr(at, end - at) + (line++ == 0 ? ",coregistered,skull_stripped\n" : line == 3 ? ",1,1\n" : ",,\n");
  write_file(folder / "said.csv", more);
  EXPECT_THAT(checked(folder / "said.csv"),
              AllOf(HasSubstr("3 error b t2: the table says that it is coregistered, and it lies on another grid than T1c"),
                    HasSubstr("3 warning b t2: the head is"), HasSubstr("of another patient"),
                    HasSubstr("3 warning b t1c: the table says that the series is skull-stripped, and it does not look so"),
                    Not(HasSubstr("b flair: the table says that it is coregistered"))));
}

TEST(CheckIdentifiers, OnePatientWrittenTwiceIsSeen) {
  EXPECT_EQ(plain_identifier("Sub-001"), plain_identifier("sub 1"));
  EXPECT_EQ(plain_identifier("P_01.2"), plain_identifier("p1-02"));
  EXPECT_NE(plain_identifier("1-11"), plain_identifier("11-1"));
  EXPECT_NE(plain_identifier("sub-10"), plain_identifier("sub-1"));
  EXPECT_NE(plain_identifier("0"), plain_identifier(""));
  for (const char* id : {"1E5", "1.2E+05", "3-Mar", "Mar-03", "05-Jan-21"}) EXPECT_TRUE(looks_mangled(id)) << id;
  for (const char* id : {"E5", "sub-001", "1-2", "YG_1E5X", "Marie-03", "100"}) EXPECT_FALSE(looks_mangled(id)) << id;
}

TEST_F(Check, IdentifiersThatLookAlike) {
  std::string csv = read_file(table(), kAnySize);
  csv.replace(csv.find("\na,"), 3, "\nsub-01,");
  csv.replace(csv.find("\nb,"), 3, "\nsub 1,");
  write_file(folder / "alike.csv", csv);
  EXPECT_THAT(checked(folder / "alike.csv"),
              HasSubstr("3 warning sub 1 subject_id: 'sub 1' and 'sub-01' (line 2) differ by blanks"));
}

TEST(MaskLabels, ChosenOnesAreTheLesion) {
  Volume mask{{{5, 1, 1}}, {0, 1, 2, 3, 1}};
  Notes notes;
  EXPECT_EQ(chosen_labels(mask, {1, 3}, "m", notes).data, (std::vector<float>{0, 1, 0, 1, 1}));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].text, "m: the labels 1, 3 were taken for the lesion, 2 left out");
  EXPECT_EQ(chosen_labels(mask, {}, "m", notes).data, mask.data);
  EXPECT_THROW(chosen_labels(mask, {4}, "m", notes), DataError);
  mask.data[2] = 0.5F;
  EXPECT_THROW(chosen_labels(mask, {1}, "m", notes), DataError);
}

}  // namespace
}  // namespace vitrine::imaging

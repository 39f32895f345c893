// Preparation of a cohort in which something is wrong, and what is kept of it.
#include <gmock/gmock.h>

#include "base/lock.h"
#include "data/dataset.h"
#include "data/manifest.h"
#include "imaging/subject_record.h"
#include "prepared_cohort.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Prep : public PreparedCohort {
 protected:
  fs::path cut(const fs::path& from) const {
    const std::string bytes = read_file(from, kAnySize);
    write_file(folder / "cut.nii.gz", std::string_view(bytes).substr(0, bytes.size() / 2));
    return folder / "cut.nii.gz";
  }
  void damage(const std::string& name) const {
    std::string bytes = read(name);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file(folder / "out" / name, bytes);
  }
};

// The volume as a file of other axes: i to Posterior, j to Superior, k to Right.
Volume as_psr(const Volume& v) {
  const Geometry& g = v.geometry;
  Volume out{{{g.size[1], g.size[2], g.size[0]}, {g.spacing[1], g.spacing[2], g.spacing[0]}}, {}};
  for (std::size_t r = 0; r < 3; ++r) {
    out.geometry.direction[3 * r] = g.direction[3 * r + 1];
    out.geometry.direction[3 * r + 1] = g.direction[3 * r + 2];
    out.geometry.direction[3 * r + 2] = -g.direction[3 * r];
  }
  out.geometry.origin = g.to_physical({static_cast<double>(g.size[0] - 1), 0, 0});
  for (std::int64_t k = 0; k < g.size[0]; ++k)
    for (std::int64_t j = 0; j < g.size[2]; ++j)
      for (std::int64_t i = 0; i < g.size[1]; ++i) out.data.push_back(v.at(g.size[0] - 1 - k, i, j));
  return out;
}

TEST_F(Prep, NeitherTheOrderOfVoxelsNorTheNumberOfJobsMatters) {
  ASSERT_EQ(prepare(table(), "out", 2).refused, "");
  std::map<std::string, fs::path> other;
  for (const char* column : {"t1c", "mask"}) other[std::string("b ") + column] = written(column, as_psr(head(2, column)));
  const Prepared p = prepare(table(other), "psr", 1);
  ASSERT_EQ(p.refused, "");
  EXPECT_EQ(read("manifest.csv"), read("manifest.csv", "psr"));  // with the hash of every crop
  EXPECT_EQ(read("subjects/a.json"), read("subjects/a.json", "psr"));
  EXPECT_EQ(record("b", "psr")["steps"]["t1c"]["stored_as"], "PSR");
  EXPECT_EQ(record("b", "psr")["steps"]["flair"]["stored_as"], "LPS");
  const Manifest manifest = read_manifest(folder / "psr" / "manifest.csv");
  ASSERT_EQ(manifest.samples.size(), p.result.manifest.samples.size());
  EXPECT_EQ(read_safetensors(folder / "psr" / manifest.samples.front().file).metadata.at("orientation"), "LP");
  for (const Sample& s : manifest.samples) EXPECT_TRUE(exists(s.preview, "psr"));
}

TEST_F(Prep, OneBadPatientDoesNotStopTheOthers) {
  const fs::path csv = table({{"a t2", cut(file(1, "t2"))}}, 3);
  const Prepared p = prepare(csv);
  EXPECT_THAT(p.refused,
              AllOf(HasSubstr("subject a: "), HasSubstr("cut.nii.gz"), HasSubstr("truncated"), HasSubstr("holds the other 2")));
  EXPECT_EQ(p.log, "");  // all that main adds is the one line of the error
  EXPECT_THAT(read("manifest.csv"), AllOf(HasSubstr("b_l1"), HasSubstr("c_l1"), Not(HasSubstr("a_l1"))));
  const Json summary = parse_json(read("prep.json"));
  ASSERT_EQ(summary["refused"].size(), 1u);
  EXPECT_EQ(summary["refused"][0]["subject_id"], "a");
  EXPECT_THAT(read("qc.html"), AllOf(HasSubstr("Refused"), HasSubstr("truncated")));
  const Prepared shown = prepare(csv, "out", 1, false);
  EXPECT_THAT(shown.log, AllOf(HasSubstr("  a  refused: "), HasSubstr("crops, kept")));
}

TEST_F(Prep, SeveralRefusalsAreListedAndAnOldManifestNeverStands) {
  const fs::path bad = table({{"a t1c", folder / "none.nii.gz"}, {"c flair", folder}}, 3);
  const Prepared p = prepare(bad, "out", 2);
  EXPECT_THAT(p.refused,
              AllOf(HasSubstr("2 of 3 subjects were refused"), HasSubstr("qc.html"), HasSubstr("holds the other 1")));
  EXPECT_THAT(p.log, AllOf(HasSubstr("refused a: the t1c file"), HasSubstr("does not exist"), HasSubstr("refused c: "),
                           HasSubstr("holds no DICOM image")));
  EXPECT_EQ(lines(p.log), 2);
  ASSERT_TRUE(exists("manifest.csv"));
  const auto first = files();
  EXPECT_EQ(prepare(bad, "out", 1).log, p.log);
  EXPECT_EQ(files(), first);
  const fs::path none = table({{"a t1c", folder / "none"}, {"b t1c", folder / "none"}});
  EXPECT_THAT(prepare(none).refused, HasSubstr("so there is no manifest.csv"));
  EXPECT_FALSE(exists("manifest.csv"));
  EXPECT_TRUE(exists("prep.json"));
  EXPECT_THAT(prepare(table({{"a t1c", folder / "none.nii.gz"}, {"c flair", folder}}, 3)).log, HasSubstr("refused a: "));
  EXPECT_EQ(files(), first);  // b was kept
}

TEST_F(Prep, NothingIsWrittenForATableThatIsNotAccepted) {
  write_file(folder / "bad.csv", "subject_id,label,t1c,flair,t2\n");
  EXPECT_THAT(prepare(folder / "bad.csv").refused, HasSubstr("'mask' is missing"));
  EXPECT_FALSE(exists(""));
}

TEST_F(Prep, AManifestOfSomethingElseIsNotReplaced) {
  make_directory(folder / "out");
  write_file(folder / "out/manifest.csv", "mine\n");
  EXPECT_THROW(prepare(table()), UsageError);
  EXPECT_EQ(read("manifest.csv"), "mine\n");
  EXPECT_FALSE(exists("crops"));
}

TEST_F(Prep, AColumnThatWasProbablyMeantIsNamed) {
  std::string csv = read_file(table(), kAnySize);
  csv.replace(csv.find("brain_mask"), 10, "Brain-Mask");
  write_file(folder / "misspelt.csv", csv);
  const std::vector<std::string> notes = read_cohort(folder / "misspelt.csv").notes;
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], AllOf(HasSubstr("'Brain-Mask' is not read"), HasSubstr("is it 'brain_mask'?")));
  EXPECT_THAT(read_cohort(table()).notes, ::testing::IsEmpty());
}

TEST_F(Prep, DamagedCropsPreviewsAndRecordsAreMadeAgain) {
  const PrepResult first = prepare(table()).result;
  const auto before = files();
  ASSERT_GE(first.manifest.samples.size(), 2u);
  const Sample a = first.manifest.samples.front(), b = first.manifest.samples.back();
  ASSERT_EQ(b.subject_id, "b");
  damage(a.file);
  damage("subjects/b.json");
  const Prepared p = prepare(table());
  EXPECT_EQ(p.refused, "");
  EXPECT_EQ(p.result.prepared, 2);
  EXPECT_THAT(p.log, AllOf(HasSubstr("a: " + a.file + " was changed or damaged; the subject is prepared again"),
                           AnyOf(HasSubstr("b: its record: it was changed since it was written"),
                                 HasSubstr("b: its record: JSON is malformed"))));
  EXPECT_EQ(files(), before);
  // What is looked at: every crop and every preview.
  const auto changed = [&] { return changed_file(parse_record(read("subjects/b.json"), "b", b.label), "b", folder / "out"); };
  EXPECT_EQ(changed(), "");
  damage(b.preview);
  EXPECT_EQ(changed(), b.preview + " was changed or damaged");
  fs::remove(folder / "out" / b.file);
  EXPECT_EQ(changed(), b.file + " does not exist");
  EXPECT_EQ(prepare(table()).result.kept, 1);
  EXPECT_EQ(files(), before);
}

TEST_F(Prep, AChangedSubjectLeavesNothingBehindAndSaysWhatItLeavesOut) {
  ASSERT_EQ(prepare(table()).refused, "");
  for (const char* name :
       {"crops/a_l9_s9.safetensors", "previews/a_l9_s9.png", "crops/a_l9_s9.txt", "crops/aa_l1_s1.safetensors"})
    write_file(folder / "out" / name, "x");
  Mask mask = head(1, "mask");
  const auto slice = static_cast<std::size_t>(mask.geometry.size[0] * mask.geometry.size[1]);
  for (std::size_t i = 0; i < mask.data.size(); ++i) mask.data[i] *= i / slice < 23 ? 255 : 0;  // half of the lesion
  mask.at(3, 4, 5) = 255;
  const Prepared p = prepare(table({{"a mask", written("half", mask)}}));
  EXPECT_EQ(p.refused, "");
  for (const std::string& where : {p.log, record("a")["notes"].dump(), read("qc.html")}) {
    EXPECT_THAT(where, AllOf(HasSubstr("holds 255 instead of 1"),
                             HasSubstr("a part of 15.6 mm3 at voxel (3, 4, 5) was left out, below 30 mm3")));
  }
  EXPECT_EQ(parse_json(read("prep.json"))["warnings"], 0);  // a decision, not a doubt
  EXPECT_FALSE(exists("crops/a_l9_s9.safetensors"));
  EXPECT_FALSE(exists("previews/a_l9_s9.png"));
  EXPECT_TRUE(exists("crops/a_l9_s9.txt"));
  EXPECT_TRUE(exists("crops/aa_l1_s1.safetensors"));
  std::size_t crops = 0, named = 1;  // the text
  for (const auto& entry : fs::directory_iterator(folder / "out" / "crops"))
    crops += entry.path().filename().string().starts_with("a_l") ? 1 : 0;
  for (const Sample& s : p.result.manifest.samples) named += s.subject_id == "a" ? 1 : 0;
  EXPECT_EQ(crops, named);
  // Refused late: T2 shows a ball that is larger than the brain, so it is constant inside.
  const Volume flat = volume([](const Vec3& q) { return radius(q) < 54 ? 100.0 : 0.0; });
  auto before = files();
  EXPECT_THAT(prepare(table({{"a t2", written("flat", flat)}})).refused, HasSubstr("constant inside the brain"));
  for (const auto& [name, hash] : files()) {
    if (name.starts_with("crops/") || name.starts_with("previews/") || name.starts_with("subjects/")) {
      EXPECT_EQ(before[name], hash) << name;
    }
  }
}

TEST_F(Prep, EqualFilesAreRefusedAndBothPlacesNamed) {
  // The same file, a link to it, a copy, a copy that is compressed anew, and one that is turned as well.
  fs::create_symlink(file(2, "flair"), folder / "link.nii.gz");
  fs::copy_file(file(2, "flair"), folder / "copy.nii.gz");
  write_nifti(folder / "again.nii", head(2, "flair"));
  written("turned", as_psr(head(2, "flair")));
  for (const auto& [path, how] : std::map<fs::path, std::string>{{file(2, "flair"), "is the same file as"},
                                                                 {folder / "link.nii.gz", "is the same file as"},
                                                                 {folder / "copy.nii.gz", "holds the same bytes as"},
                                                                 {folder / "again.nii", "holds the same voxels as"},
                                                                 {folder / "turned.nii.gz", "holds the same voxels as"}}) {
    const Prepared p = prepare(table({{"b t2", path}}, 2), "columns");
    EXPECT_THAT(p.refused, AllOf(HasSubstr("subject b: "), HasSubstr(how), HasSubstr("flair file"))) << path;
    EXPECT_THAT(read("manifest.csv", "columns"), AllOf(HasSubstr("a_l1"), Not(HasSubstr("b_l1"))));
  }
}

TEST_F(Prep, OnePatientUnderTwoNamesIsRefusedForBoth) {
  write_nifti(folder / "again.nii", head(2, "t1c"));
  for (const fs::path& path : {file(2, "t1c"), folder / "again.nii"}) {
    std::map<std::string, fs::path> other = {{"c t1c", path}, {"c mask", folder / "mask.nii"}};
    Mask mask = head(2, "mask");
    mask.at(0, 0, 0) = 1;  // another mask of the same head
    write_mask_nifti(folder / "mask.nii", mask);
    for (int run = 0; run < 2; ++run) {  // also when both were finished before
      const Prepared p = prepare(table(other, 3), "subjects");
      EXPECT_THAT(p.refused, HasSubstr("2 of 3 subjects were refused"));
      EXPECT_THAT(p.log, AllOf(HasSubstr("refused b: the t1c file"), HasSubstr("of subject c"),
                               HasSubstr("refused c: the t1c file"), HasSubstr("of subject b")));
      EXPECT_THAT(read("manifest.csv", "subjects"), AllOf(HasSubstr("a_l1"), Not(HasSubstr("b_l1")), Not(HasSubstr("c_l1"))));
    }
  }
}

TEST_F(Prep, AnotherPatientsSeriesIsWarnedAbout) {
  const Prepared p = prepare(table({{"a flair", file(3, "flair")}}));
  EXPECT_EQ(p.refused, "");
  EXPECT_THAT(p.log, AllOf(HasSubstr("note: a: FLAIR may be of another head"), Not(HasSubstr("note: b: "))));
  EXPECT_THAT(record("a")["notes"].dump(), HasSubstr("FLAIR may be of another head"));
  EXPECT_THAT(read("qc.html"), HasSubstr("FLAIR may be of another head"));
  int warnings = 0;
  const Json of_a = record("a")["notes"], of_b = record("b")["notes"];
  for (const Json& n : of_a) warnings += n.contains("warning") ? 1 : 0;
  EXPECT_EQ(parse_json(read("prep.json"))["warnings"], warnings);
  for (const Json& n : of_b) EXPECT_FALSE(n.contains("warning"));
}

TEST_F(Prep, ASubjectWithoutASeriesHasFewerChannels) {
  std::string csv = read_file(table(), kAnySize);
  const std::string t2 = file(1, "t2").string();
  csv.replace(csv.find(t2), t2.size(), "");  // of a
  write_file(folder / "cohort.csv", csv);
  const Prepared p = prepare(folder / "cohort.csv");
  EXPECT_EQ(p.refused, "");
  ASSERT_GE(p.result.manifest.samples.size(), 2u);
  for (const Sample& s : p.result.manifest.samples) {
    const CropChannels crop = load_crop(p.result.manifest, s);
    EXPECT_EQ(crop.channels.size(), s.subject_id == "a" ? 2u : 3u);
    EXPECT_EQ(crop.channels.back().first, s.subject_id == "a" ? "flair" : "t2");
  }
  EXPECT_THAT(read("qc.html"), AllOf(HasSubstr("2 of 2 subjects were prepared"), HasSubstr("FLAIR: turned by, degrees")));
  const InputConfiguration three = input_configuration("t1c+flair+t2");
  const Dataset data = load_dataset(p.result.manifest, p.result.manifest.subjects(), three);
  EXPECT_THAT(left_out(data, three), HasSubstr("of 1 subject left out"));
  for (const Sample& s : data.samples) EXPECT_EQ(s.subject_id, "b");
}

TEST_F(Prep, MasksAreUnderstoodAndThoseBesideT1cAreSaidOrRefused) {
  Mask mask = head(1, "mask");
  mask.geometry.origin[0] += 0.4 * 2.5;
  const Volume soft = volume([](const Vec3& p) { return 1 / (1 + std::exp((radius(p) - 45) / 2)); });
  const Prepared p = prepare(table({{"a mask", written("near", mask)}, {"a brain_mask", written("soft", soft)}}));
  EXPECT_EQ(p.refused, "");
  EXPECT_THAT(p.log, AllOf(HasSubstr("a: the lesion mask lies 0.40 voxels off the grid of T1c"), HasSubstr("at least 0.5")));
  EXPECT_NEAR(record("a")["brain_ml"].get<double>(), 381.7, 3);  // a ball of 45 mm
  mask.geometry.origin[0] += 0.2 * 2.5;
  EXPECT_THAT(prepare(table({{"a mask", written("off", mask)}})).refused,
              AllOf(HasSubstr("another grid"), HasSubstr("0.60 voxels")));
  // The header is enough to refuse: this file has no voxels behind it.
  const std::string small = read_file(written("other", Mask{{{5, 6, 7}}, std::vector<float>(210)}), kAnySize);
  write_file(folder / "cut.nii.gz", std::string_view(small).substr(0, small.size() - 12));
  EXPECT_THAT(prepare(table({{"a mask", folder / "cut.nii.gz"}})).refused, HasSubstr("5 x 6 x 7 voxels"));
  EXPECT_THAT(prepare(table({{"a brain_mask", written("all", volume([](const Vec3&) { return 1.0; }))}})).refused,
              HasSubstr("every voxel of the volume"));
  const Volume flat = volume([](const Vec3&) { return 7.0; });
  write_nifti(folder / "flat.nii", flat);
  EXPECT_THAT(prepare(table({{"a t2", folder / "flat.nii"}})).refused,
              AllOf(HasSubstr("flat.nii"), HasSubstr("all voxels hold the value 7")));
}

TEST_F(Prep, AFolderIsWorkedInByOneProcess) {
  make_directory(folder / "out");
  const FolderLock held(folder / "out");
  Progress quiet(true);
  try {
    prepare_cohort(table(), folder / "out", {}, quiet);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::runtime);
    EXPECT_THAT(error.what(), HasSubstr("is in use by"));
  }
  EXPECT_FALSE(exists("crops"));
}

}  // namespace
}  // namespace vitrine::imaging

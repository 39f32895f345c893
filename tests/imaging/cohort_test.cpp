// A cohort from simulation to crops, and what is refused on the way.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"
#include "imaging/cohort.h"
#include "imaging/simulator/cohort_simulator.h"
#include "imaging/simulator/lesion.h"
#include "imaging/simulator/patient.h"
#include "tensor/parallel.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

class CohortTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-cohort-" + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  fs::path simulated(const std::string& name, double signal = 1, int patients = 2) {
    Progress quiet(true);
    SimulateOptions options;
    options.patients = patients;
    options.signal = signal;
    options.anatomy = "procedural";
    options.spacing_mm = 2.5;
    return simulate_cohort(folder / name, options, quiet).csv;
  }
  static std::string hash_of(const fs::path& where) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(where)) {
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), where).string()] = sha256(read_file(entry.path(), 1u << 30));
    }
    std::string all;
    for (const auto& [name, hash] : files) all += name + " " + hash + "\n";
    return all;
  }
  fs::path existing(const std::string& name) {
    fs::create_directories(folder / "cohort" / "sub-001");
    return folder / "cohort" / "sub-001" / (name + ".nii.gz");
  }
  std::string refusal(const std::string& csv) {
    write_file(folder / "bad.csv", csv);
    try {
      read_cohort(folder / "bad.csv");
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder;
};

TEST_F(CohortTest, SimulationIsTheSameForAnyThreadCountKeptAndMendedWhenDamaged) {
  const int before = thread_count();
  set_thread_count(1);
  simulated("one");
  set_thread_count(3);
  simulated("three");
  set_thread_count(before);
  const std::string expected = hash_of(folder / "one");
  EXPECT_EQ(expected, hash_of(folder / "three"));
  const auto written = fs::last_write_time(folder / "one" / "sub-001" / "t1c.nii.gz");
  const fs::path damaged = folder / "one" / "sub-002" / "flair.nii.gz";
  std::string bytes = read_file(damaged, 1u << 30);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write_file(damaged, bytes);
  simulated("one");
  EXPECT_EQ(hash_of(folder / "one"), expected);
  EXPECT_EQ(fs::last_write_time(folder / "one" / "sub-001" / "t1c.nii.gz"), written);
}

TEST_F(CohortTest, RefusesContradictionsInTheTable) {
  for (const char* name : {"t1c", "flair", "t2", "mask"}) write_file(existing(name), "");
  const std::string head = "subject_id,label,t1c,flair,t2,mask\n";
  const auto row = [](const std::string& id, const std::string& label, const std::string& from = "sub-001") {
    return id + "," + label + ",cohort/" + from + "/t1c.nii.gz,cohort/" + from + "/flair.nii.gz,cohort/" + from +
           "/t2.nii.gz,cohort/" + from + "/mask.nii.gz\n";
  };
  EXPECT_NE(refusal("subject_id,label,t1c,flair,t2\n").find("'mask' is missing"), std::string::npos);
  EXPECT_NE(refusal(head + row("a", "NSCLC") + row("b", "SCLC", "sub-009")).find("does not exist"), std::string::npos);
  EXPECT_NE(refusal(head + row("a", "NSCLC") + row("a", "SCLC")).find("'NSCLC' (line 2) and 'SCLC'"), std::string::npos);
  EXPECT_NE(refusal(head + row("a", "NSCLC") + row("a", "NSCLC")).find("appears in line 2"), std::string::npos);
  EXPECT_NE(refusal(head + row("a", "NSCLC") + row("b", "NSCLC") + row("c", "SCLC") + row("d", "NSCLL"))
                .find("is 'NSCLL' a typo of 'NSCLC'?"),
            std::string::npos);
  EXPECT_NE(refusal(head + row("a", "NSCLC")).find("expected two"), std::string::npos);
  EXPECT_NE(refusal(head + row("../a", "NSCLC")).find("file name"), std::string::npos);
  EXPECT_NE(refusal(head + "a,NSCLC,,f,t,m\n").find("'t1c' is empty"), std::string::npos);
  EXPECT_NE(refusal(head).find("no subjects"), std::string::npos);
  // The names of its crops could not be read back: 64 characters with "_l65535_s4095".
  const std::string fits(51, 'y');
  EXPECT_EQ(refusal(head + row(fits, "NSCLC") + row("b", "SCLC")), "accepted");
  EXPECT_NE(refusal(head + row(fits + "y", "NSCLC") + row("b", "SCLC")).find("bad.csv:2: the subject 'yyy"), std::string::npos);
}

TEST_F(CohortTest, LeavesMissingFilesToTheSubjectWhenAsked) {
  for (const char* name : {"t1c", "flair", "t2", "mask"}) write_file(existing(name), "");
  write_file(
      folder / "some.csv",
      "subject_id,label,t1c,flair,t2,mask\n"
      "a,SCLC,cohort/sub-001/t1c.nii.gz,cohort/sub-001/flair.nii.gz,cohort/sub-001/t2.nii.gz,cohort/sub-001/mask.nii.gz\n"
      "b,NSCLC,cohort/sub-001/t1c.nii.gz,,nowhere.nii.gz,cohort\n");
  const std::vector<Subject> subjects = read_cohort(folder / "some.csv", MissingFiles::leave_out).subjects;
  ASSERT_EQ(subjects.size(), 2u);
  EXPECT_EQ(subjects[0].flaw, "");
  EXPECT_EQ(subjects[1].flair, fs::path());  // it has none
  EXPECT_NE(subjects[1].flaw.find("the t2 file "), std::string::npos);
  EXPECT_NE(subjects[1].flaw.find("does not exist"), std::string::npos);
  EXPECT_THROW(read_cohort(folder / "some.csv"), DataError);
}

TEST_F(CohortTest, SeriesMayBeMissingAndStepsDoneBefore) {
  for (const char* name : {"t1c", "flair", "mask"}) write_file(existing(name), "");
  const std::string files = ",cohort/sub-001/t1c.nii.gz,cohort/sub-001/mask.nii.gz,";
  write_file(folder / "few.csv",
             "subject_id,label,t1c,mask,flair,mask_labels,coregistered,skull_stripped,bias_corrected,dataset,session_id,age\n"
             "a,SCLC" +
                 files +
                 "cohort/sub-001/flair.nii.gz, 3;1;3 ,1,1,0,BraTS-METS,000,61\n"
                 "b,NSCLC" +
                 files + ",,,,1,,,\n");
  const Cohort cohort = read_cohort(folder / "few.csv");
  ASSERT_EQ(cohort.notes.size(), 1u);
  EXPECT_NE(cohort.notes[0].find("there is no column 't2'"), std::string::npos);
  const Subject &a = cohort.subjects[0], &b = cohort.subjects[1];
  EXPECT_EQ(a.mask_labels, (std::vector<int>{1, 3}));
  EXPECT_TRUE(a.coregistered && a.skull_stripped && !a.bias_corrected);
  EXPECT_EQ(a.dataset + " " + a.session_id, "BraTS-METS 000");
  EXPECT_EQ(a.files().size(), 3u);
  EXPECT_TRUE(b.flair.empty() && b.t2.empty() && b.brain_mask.empty() && b.mask_labels.empty());
  EXPECT_TRUE(!b.coregistered && !b.skull_stripped && b.bias_corrected);
  EXPECT_EQ(b.files().size(), 2u);
  EXPECT_EQ(b.line, 3);
}

TEST_F(CohortTest, RefusesSettingsThatAreNone) {
  for (const char* name : {"t1c", "mask"}) write_file(existing(name), "");
  const auto with = [&](const std::string& column, const std::string& cell, const std::string& id = "b") {
    const std::string files = ",cohort/sub-001/t1c.nii.gz,cohort/sub-001/mask.nii.gz,";
    return refusal("subject_id,label,t1c,mask," + column + "\na,SCLC" + files + "\n" + id + ",NSCLC" + files + cell + "\n");
  };
  EXPECT_EQ(with("coregistered", "1"), "accepted");
  EXPECT_NE(with("coregistered", "yes").find("bad.csv:3: the column 'coregistered' holds 'yes', expected 0 or 1"),
            std::string::npos);
  for (const char* cell : {"0", "1;", "1,5", "-1", "1.5", "et", "70000"})
    EXPECT_NE(with("mask_labels", "\"" + std::string(cell) + "\"").find("expected whole numbers from 1 to 65535"),
              std::string::npos)
        << cell;
  // A series that is there under a slip of its name is not taken for missing.
  EXPECT_NE(with("FLAIR", "x.nii").find("the column 'flair' is missing; 'FLAIR' has other capitals"), std::string::npos);
  EXPECT_NE(with("t_2", "x.nii").find("the column 't2' is missing"), std::string::npos);
  const std::string files = ",cohort/sub-001/t1c.nii.gz,cohort/sub-001/mask.nii.gz";
  EXPECT_NE(refusal("subject_id,label,t1c,mask,session_id\na,SCLC" + files + ",1\na,SCLC" + files + ",2\n")
                .find("in another session"),
            std::string::npos);
  EXPECT_NE(
      refusal("subject_id,label,t1c,mask,dataset\na,SCLC" + files + ",X\na,SCLC" + files + ",Y\n").find("in another dataset"),
      std::string::npos);
}

TEST_F(CohortTest, ASurveyListsAllFlawsOfATable) {
  for (const char* name : {"t1c", "mask"}) write_file(existing(name), "");
  const std::string files = ",cohort/sub-001/t1c.nii.gz,cohort/sub-001/mask.nii.gz,";
  write_file(folder / "bad.csv",
             "subject_id,label,t1c,mask,flair,coregistered\n"
             "a,SCLC" +
                 files +
                 ",2\n"
                 ",SCLC" +
                 files +
                 ",\n"
                 "A,SCLC,,cohort,nowhere.nii,\n"
                 "a,NSCLC" +
                 files + ",\n");
  std::vector<CohortFlaw> flaws;
  const Cohort cohort = survey_cohort(folder / "bad.csv", flaws);
  std::string all;
  for (const CohortFlaw& f : flaws) all += std::to_string(f.line) + " " + f.subject + " " + f.column + ": " + f.what + "\n";
  for (const char* expected :
       {"2 a coregistered: the column 'coregistered' holds '2'", "3  subject_id: the column 'subject_id' is empty",
        "4 A subject_id: 'A' and 'a' differ by capitals", "4 A t1c: the column 't1c' is empty", "4 A mask: the mask file",
        "4 A flair: the flair file", "5 a subject_id: the subject 'a' has the labels 'SCLC' (line 2) and 'NSCLC'",
        "0  label: the column 'label' has 1 values"})
    EXPECT_NE(all.find(expected), std::string::npos) << expected << "\nin\n" << all;
  EXPECT_EQ(flaws.size(), 8u) << all;
  EXPECT_EQ(cohort.subjects.size(), 2u);
}

TEST(LesionModel, AtSignalZeroTheLabelChangesNothing) {
  for (std::uint32_t patient = 0; patient < 200; ++patient) {
    EXPECT_EQ(draw_lesion_count(3, patient, false, 0), draw_lesion_count(3, patient, true, 0));
    const LesionLatents a = draw_latents(3, patient, 0, false, 0), b = draw_latents(3, patient, 0, true, 0);
    EXPECT_EQ(a.radius_mm, b.radius_mm);
    EXPECT_EQ(a.core_fraction, b.core_fraction);
    EXPECT_EQ(a.t2_ms, b.t2_ms);
    EXPECT_EQ(a.oedema, b.oedema);
    EXPECT_EQ(a.gadolinium_mM, b.gadolinium_mM);
    EXPECT_EQ(a.cerebellar, b.cerebellar);
  }
  EXPECT_NEAR(oracle_auc(3, 0), 0.5, 0.035);  // four standard errors of 2 x 2,000 draws
}

TEST(LesionModel, TheOracleRisesWithTheSignal) {
  double before = oracle_auc(3, 0);
  for (const double signal : {0.1, 0.25, 0.5}) {
    const double now = oracle_auc(3, signal);
    EXPECT_GT(now, before);
    before = now;
  }
  EXPECT_GT(oracle_auc(3, 1), 0.99);
}

TEST(LesionModel, AtSignalZeroWholePatientsAreTheSame) {
  const Anatomy anatomy = procedural_head(3.0);
  const Patient a = make_patient(anatomy, 5, 4, "NSCLC", 0), b = make_patient(anatomy, 5, 4, "SCLC", 0);
  const SeriesProtocol protocol = series_protocol(anatomy, 5, 4, Series::t2, 3.0);
  EXPECT_EQ(render(anatomy, a, protocol, 5).data, render(anatomy, b, protocol, 5).data);
}

}  // namespace
}  // namespace vitrine::imaging

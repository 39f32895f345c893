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
  EXPECT_EQ(subjects[1].flaw, "the column 'flair' is empty");
  EXPECT_THROW(read_cohort(folder / "some.csv"), DataError);
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

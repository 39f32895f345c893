// Crops without volumes: equal to those of whole heads, near to those that preparation makes, and a manifest like its own.
#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "data/dataset.h"
#include "imaging/simulator/cohort_plan.h"
#include "imaging/simulator/crop_simulator.h"
#include "imaging/simulator/cropped_patient.h"
#include "imaging/simulator/subject_writer.h"
#include "prepared_cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

SimulateOptions small(int patients = 2) {
  SimulateOptions o;
  o.patients = patients;
  o.anatomy = "procedural";
  o.spacing_mm = 2.5;
  return o;
}

class SimulatedCrops : public PreparedCohort {
 protected:
  Manifest crops(const SimulateOptions& o, const std::string& name = "crops") const {
    Progress quiet(true);
    return simulate_crops(folder / name, o, quiet);
  }
  std::string refused(const SimulateOptions& o) const {
    try {
      crops(o, "refused");
    } catch (const UsageError& error) {
      EXPECT_FALSE(path_exists(folder / "refused"));
      return error.what();
    }
    return "accepted";
  }
};

// What is left out lies where no crop and no statistic looks.
TEST_F(SimulatedCrops, TheHeadBeyondTheBrainChangesNoCrop) {
  const Anatomy anatomy = procedural_head(2.5);
  SimulateOptions plain = small(), scanned = small(), sagittal = small();
  scanned.scan.sites = 3;
  scanned.scan.in_plane_mm = {1.6, 1.6, true};  // finer than T1c: blurred
  sagittal.scan.plane = "sagittal";
  sagittal.scan.t1c_thickness = 4;
  sagittal.scan.oblique = 15;
  sagittal.scan.neck_mm = 20;
  sagittal.scan.in_plane_mm = {2, 2, true};
  std::uint32_t number = 0;
  for (const SimulateOptions& o : {plain, scanned, sagittal}) {
    const Patient patient = make_patient(anatomy, 3, ++number, "SCLC", 1, 2);
    const ScannedHead head(anatomy, patient, o.scan.neck_mm >= 0);
    const std::array<Scan, 3> scans = scans_of(head, o);
    const CropOptions crop;
    const CroppedPatient part = cropped_patient(head, scans, 3, crop), whole = cropped_patient(head, scans, 3, crop, true);
    ASSERT_EQ(part.channels.size(), 3u);
    ASSERT_EQ(part.lesions.slices.size(), 6u) << number;
    ASSERT_EQ(whole.lesions.slices.size(), 6u);
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_EQ(part.channels[c].volume.data, whole.channels[c].volume.data) << number << ' ' << c;
  }
}

// A real head has islands of brain, which the statistics count.
TEST_F(SimulatedCrops, NorDoesThatOfARealHead) {
  SimulateOptions o;
  o.spacing_mm = 2;
  o.scan.in_plane_mm = {2, 2, true};
  const Anatomy anatomy = load_anatomy({}, 2);
  if (anatomy.name != "ch2") GTEST_SKIP() << "mricron's ch2 is not installed";
  for (const std::uint32_t number : {5u, 19u}) {
    const Patient patient = make_patient(anatomy, 1, number, "SCLC", 0.35, 2);
    const ScannedHead head(anatomy, patient, false);
    const std::array<Scan, 3> scans = scans_of(head, o);
    const CroppedPatient part = cropped_patient(head, scans, 1, {}), whole = cropped_patient(head, scans, 1, {}, true);
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_EQ(part.channels[c].volume.data, whole.channels[c].volume.data) << number << ' ' << c;
  }
}

TEST_F(SimulatedCrops, AreLikeThoseThatPreparationMakesOfTheVolumes) {
  SimulateOptions o = small();
  o.scan.motion_mm = 3;  // with scan options the noise is the same, too
  o.scan.bias_percent = {0, 0, true};
  o.truth = true;
  Progress quiet(true);
  fs::path csv = simulate_cohort(folder / "volumes", o, quiet).csv;
  // The procedural head has no brain that extraction would take for one; of the steps that are true here registration is left.
  std::string table = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask", "brain_mask", "bias_corrected"});
  for (const PlannedPatient& p : plan_cohort(o)) {
    const std::string id = patient_name(static_cast<std::uint32_t>(std::count(table.begin(), table.end(), '\n'))),
                      at = id + "/";
    table += csv_line({id, p.label, at + "t1c.nii.gz", at + "flair.nii.gz", at + "t2.nii.gz", at + "mask.nii.gz",
                       at + "t1c_brain.nii.gz", "1"});
  }
  csv = folder / "volumes" / "with_brain.csv";
  write_file(csv, table);
  PrepOptions prep;
  prep.subject.pictures = false;
  const Manifest prepared = prepare_cohort(csv, folder / "prepared", prep, quiet).manifest;
  o.scan.bias_percent = {};
  o.truth = false;
  const Manifest direct = read_manifest(crops(o).path);
  ASSERT_EQ(direct.samples.size(), prepared.samples.size());
  double difference = 0, values = 0;
  for (std::size_t i = 0; i < direct.samples.size(); ++i) {
    const Sample &a = direct.samples[i], &b = prepared.samples[i];
    EXPECT_EQ(a.sample_id, b.sample_id);  // subject, lesion and slice
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.file, b.file);
    EXPECT_EQ(a.preview, b.preview);
    EXPECT_NEAR(a.side_mm, b.side_mm, 1e-4);
    EXPECT_TRUE(path_exists(folder / "crops" / a.preview));
    const CropChannels x = load_crop(direct, a), y = load_crop(prepared, b);
    ASSERT_EQ(x.channels.size(), 3u);
    EXPECT_EQ(x.width, 64);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(x.channels[c].first, y.channels[c].first);
      for (std::size_t p = 0; p < x.channels[c].second.size(); ++p) {
        const double d = static_cast<double>(x.channels[c].second[p]) - static_cast<double>(y.channels[c].second[p]);
        difference += d * d;
        ++values;
      }
    }
  }
  // The motion is true here and found there; a crop of another place differs by some 0.2.
  EXPECT_LT(std::sqrt(difference / values), 0.005);
}

TEST_F(SimulatedCrops, PatientsAtATimeChangeNoByte) {
  SimulateOptions o = small(3);
  o.spacing_mm = 3.5;
  o.sclc = 1;
  o.lesions = {3, 2};
  o.scan.sites = 2;
  o.scan.in_plane_mm = {2, 2, true};
  for (const int jobs : {1, 2, 3}) {
    o.jobs = jobs;
    const Manifest m = crops(o, std::to_string(jobs));
    std::set<std::pair<std::string, int>> lesions;
    for (const Sample& s : m.samples) lesions.insert({s.subject_id, s.lesion_id});
    EXPECT_EQ(lesions.size(), 5u);
    EXPECT_EQ(m.classes(), (std::vector<std::string>{"NSCLC", "SCLC"}));
  }
  const auto one = files("1");
  EXPECT_EQ(files("2"), one);
  EXPECT_EQ(files("3"), one);
  EXPECT_EQ(load_dataset(read_manifest(folder / "1" / "manifest.csv"), {"sub-001", "sub-002", "sub-003"},
                         input_configuration("t1c+flair+t2"))
                .images.size(),
            15u);
  EXPECT_NO_THROW(crops(o, "3"));
  EXPECT_EQ(files("3"), one);
}

TEST_F(SimulatedCrops, AtSignalZeroTheyAreNotOfAClass) {
  const Anatomy anatomy = procedural_head(2.5);
  const Patient a = make_patient(anatomy, 5, 4, "NSCLC", 0), b = make_patient(anatomy, 5, 4, "SCLC", 0);
  const ScannedHead head_a(anatomy, a, false), head_b(anatomy, b, false);
  const CroppedPatient x = cropped_patient(head_a, scans_of(head_a, small()), 5, {}),
                       y = cropped_patient(head_b, scans_of(head_b, small()), 5, {});
  for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(x.channels[c].volume.data, y.channels[c].volume.data);
}

TEST_F(SimulatedCrops, RefusesWhatIsOfVolumesAndOtherFolders) {
  SimulateOptions o = small();
  o.faults = {"nan"};
  EXPECT_THAT(refused(o), HasSubstr("--faults"));
  o = small();
  o.truth = true;
  EXPECT_THAT(refused(o), HasSubstr("--truth"));
  o = small();
  o.scan.orders = "RAS";
  EXPECT_THAT(refused(o), HasSubstr("--orders"));
  o = small();
  o.scan.bias_percent = {10, 10, true};
  EXPECT_THAT(refused(o), HasSubstr("--bias"));
  o = small();
  o.signal = 3;
  EXPECT_THAT(refused(o), HasSubstr("expected 0 to 2"));
  make_directory(folder / "mine");
  write_file(folder / "mine" / "manifest.csv", "mine");
  EXPECT_THROW(crops(small(), "mine"), UsageError);
  EXPECT_EQ(read_file(folder / "mine" / "manifest.csv", kAnySize), "mine");
  crops(small());
  EXPECT_THROW(crops(small(3)), UsageError);
  Progress quiet(true);
  EXPECT_THROW(simulate_cohort(folder / "crops", small(), quiet), UsageError);
}

}  // namespace
}  // namespace vitrine::imaging

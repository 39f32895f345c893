// Preparation of a cohort of two, under the faults of faults.h: one subject is kept, the other has a new lesion mask. The manifest and what else
// stands for the whole folder is withdrawn while a subject changes, and when it stands, it stands for the crops that lie there.
#include "base/csv.h"
#include "tests/faults/faults.h"
#include "tests/imaging/prepared_cohort.h"

namespace vitrine::testing {
namespace {

// The heads of tests/imaging, without its fixture.
class Heads : public imaging::PreparedCohort {
 public:
  using PreparedCohort::head;
};

class FaultsOfPreparation : public Faults {
 protected:
  void SetUp() override {
    Faults::SetUp();
    std::string csv = csv_line({"subject_id", "label", "t1c", "flair", "t2", "mask", "brain_mask"});
    for (int p = 1; p <= 2; ++p) {
      const std::string id(1, static_cast<char>('a' + p - 1));
      std::vector<std::string> row{id, p == 1 ? "SCLC" : "NSCLC"};
      for (const char* column : {"t1c", "flair", "t2", "mask", "brain_mask"}) {
        row.push_back(id + "_" + column + ".nii.gz");
        imaging::write_nifti(folder / row.back(), Heads::head(p, column));
      }
      csv += csv_line(row);
    }
    write_file(folder / "cohort.csv", csv);
  }

  void prep(const std::vector<Fault>& faults) {
    const std::string command = "mri prep " + path("cohort.csv") + " -o " + path("prep") + " --jobs 1 -q";
    ASSERT_EQ(run(command, "").code, 0);
    imaging::Volume mask = Heads::head(2, "mask");
    mask.data[static_cast<std::size_t>(std::find(mask.data.begin(), mask.data.end(), 1.0f) - mask.data.begin())] = 0;
    imaging::write_nifti(folder / "b_mask.nii.gz", mask);
    withdrawn = {"prep/manifest.csv", "prep/qc.html", "prep/prep.json"};
    enumerate(command, {"prep"}, faults);
  }

  // A subject whose file could not be read is left out of a manifest that is right for the others.
  void expect_whole(const std::string& what) const override {
    if (!fs::exists(folder / "prep/manifest.csv")) return;
    const CsvTable manifest = read_csv(folder / "prep/manifest.csv");  // of one class when a subject is left out
    for (std::size_t i = 0; i < manifest.size(); ++i) {
      const std::string file(manifest[i][manifest.column("file")]), hash(manifest[i][manifest.column("sha256")]);
      EXPECT_EQ(sha256_of_file(folder / "prep" / file, 1u << 28), hash) << what << ": " << file;
    }
  }
};

// Where the system gives no thread, or not all, the results are the same.
TEST_F(FaultsOfPreparation, WithoutThreads) {
  outputs = {"prep"};
  const std::string command = "mri prep " + path("cohort.csv") + " -o " + path("prep") + " --jobs 2 -q";
  ASSERT_EQ(run(command, "").code, 0);
  const State whole = state();
  for (const char* fault : {"thread:1+", "thread:2+"}) {
    fs::remove_all(folder / "prep");
    const Ended e = run(command, fault);
    EXPECT_EQ(e.code, 0) << fault << "\n" << e.errors;
    EXPECT_EQ(state(), whole) << fault;
  }
}

using FaultsOfPreparationLong = FaultsOfPreparation;

TEST_F(FaultsOfPreparation, Prep) { prep({{"alloc", 12}, {"error", 8}, {"short", 2}, {"kill", 4}, {"torn", 2}}); }
TEST_F(FaultsOfPreparationLong, Prep) { prep(all(97)); }

}  // namespace
}  // namespace vitrine::testing

// From a tree of DICOM files to cohort.csv and its volumes.
#include "imaging/scan/scan_dicom.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/csv.h"
#include "dicom_files.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ScanDicom : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) / ("scan_dicom_" + std::to_string(::getpid()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  // Ten slices of a series with this description.
  void series(const std::string& where, const std::string& patient, const std::string& study, const std::string& uid,
              const std::string& description) const {
    vitrine::testing::SliceMaker maker;
    maker.grid.size[2] = 10;
    maker.patient = patient;
    maker.name = patient + "^Name";
    maker.study = study;
    maker.series = uid;
    fs::create_directories(folder / "data" / where);
    for (std::int64_t k = 0; k < 10; ++k) {
      vitrine::testing::DicomElements d = maker.slice(k);
      d.put(0x00180081, "DS",
            description.find("FLAIR") != std::string::npos ? "110" : "3");  // else name and times would not agree
      d.put(0x0008103E, "LO", description).put(0x00080018, "UI", text(uid, ".", k + 1));
      write_file(folder / "data" / where / text(description.substr(0, 2), uid, "_", k), d.file());
    }
  }
  CohortScan scan(const CohortScanOptions& options = {}) const {
    Progress quiet(true);
    return scan_dicom(folder / "data", folder / "out" / "cohort.csv", options, quiet);
  }
  fs::path folder;
};

TEST_F(ScanDicom, ChoosesConvertsAndSaysWhatItLeavesOut) {
  series("p1/all", "PAT-1", "1.2.1", "1.2.1.1", "AX T1 POST GD");
  series("p1/all", "PAT-1", "1.2.1", "1.2.1.2", "AX T2 FLAIR FS");
  series("p1/all", "PAT-1", "1.2.1", "1.2.1.3", "AX DWI");
  series("p2/a", "PAT-2", "1.2.2", "1.2.2.1", "AX T1 POST");
  series("p2/b", "PAT-2", "1.2.2", "1.2.2.2", "t1_mprage_sag_KM");
  EXPECT_TRUE(is_dicom_tree(folder / "data"));
  write_file(folder / "labels.csv", "who,what\np1,SCLC\np2,NSCLC\n");
  CohortScanOptions options;
  options.labels = folder / "labels.csv";
  options.id_column = "who";
  options.label_column = "what";
  CohortScan found = scan(options);
  EXPECT_EQ(found.subjects, 1);
  EXPECT_THAT(found.csv, AllOf(Not(HasSubstr("PAT-")), HasSubstr(",SCLC,volumes/"), HasSubstr("_t1c.nii.gz,volumes/"),
                               HasSubstr("_flair.nii.gz,,")));
  std::string left_out;
  for (const std::string& line : found.left_out) left_out += line + "\n";
  EXPECT_THAT(left_out,
              AllOf(HasSubstr("'AX DWI': another kind"), HasSubstr("2 series for t1c: "), HasSubstr("--series \"t1c=WORDS\"")));
  const CsvTable table = parse_csv(found.csv, "cohort.csv");
  const ReadVolume t1c = read_volume(folder / "out" / std::string(table[0][table.column("t1c")]));
  const ReadVolume direct = read_volume(folder / "data/p1/all", ReadOptions{.series = "1.2.1.1"});
  EXPECT_EQ(t1c.voxels_sha256, direct.voxels_sha256);
  EXPECT_LT(corner_distance(t1c.volume.geometry, direct.volume.geometry), 0.01);
  options.series = parse_series_words("t1c=T1");
  EXPECT_EQ(scan(options).subjects, 1);  // both have it
  options.series = parse_series_words("t1c=mprage");
  found = scan(options);
  EXPECT_EQ(found.subjects, 1);
  EXPECT_THAT(found.csv, HasSubstr(",NSCLC,"));
}

TEST_F(ScanDicom, StudiesAreAskedFor) {
  series("p1/a", "PAT-1", "1.2.1", "1.2.1.1", "AX T1 POST GD");
  series("p1/b", "PAT-1", "1.2.7", "1.2.7.1", "AX T1 POST GD");
  EXPECT_THROW(scan(), DataError);
  CohortScanOptions options;
  options.session = "1.2.7";
  EXPECT_EQ(scan(options).subjects, 1);
  write_file(folder / "data" / "x.nii.gz", "x");
  EXPECT_FALSE(is_dicom_tree(folder / "data"));
  EXPECT_THROW(parse_series_words("mask=x"), UsageError);
}

}  // namespace
}  // namespace vitrine::imaging

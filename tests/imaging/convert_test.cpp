// One entry for all formats: told apart by content, the same place and voxels through each of them, values of images looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "imaging/formats/read_volume.h"
#include "tests/imaging/dicom_files.h"

namespace vitrine::imaging {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Convert : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) /
             ("convert_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(Convert, DicomThroughEveryFormatIsTheSameVolume) {
  const testing::SliceMaker maker;
  maker.write(folder / "dicom");
  const ReadVolume dicom = read_series(folder / "dicom");
  EXPECT_EQ(dicom.order.code, "LPS");
  for (const char* name : {"a.nii.gz", "a.nii", "a.nrrd", "a.mha"}) {
    write_volume(folder / name, in_stored_order(dicom.volume, dicom.order, dicom.stored));
    for (const char* other : {name, "named_otherwise"}) {  // the content says what it is
      if (other != std::string(name)) fs::copy_file(folder / name, folder / other, fs::copy_options::overwrite_existing);
      const ReadVolume back = read_volume(folder / other);
      EXPECT_EQ(back.volume.data, dicom.volume.data) << name;
      EXPECT_LT(corner_distance(back.volume.geometry, dicom.volume.geometry), 1e-4) << name;
      EXPECT_EQ(back.voxels_sha256, dicom.voxels_sha256) << name;
    }
    const std::string bytes = read_file(folder / name, 1 << 20);
    for (const char* personal : {"Doe", "0815", "1950", "t1 post", "1.2.3"})
      EXPECT_EQ(bytes.find(personal), bytes.npos) << personal;
  }
  EXPECT_THROW(write_volume(folder / "a.png", dicom.volume), UsageError);
}

TEST_F(Convert, OddValuesOfAnImageAreNoted) {
  Volume v{{{10, 10, 10}}, std::vector<float>(1000)};
  const auto notes = [&](auto value) {
    for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = static_cast<float>(value(i));
    write_nifti(folder / "v.nii", v);
    std::string all;
    for (const std::string& remark : read_series(folder / "v.nii").remarks) all += remark + "\n";
    return all;
  };
  EXPECT_EQ(notes([](std::size_t i) { return 1.0 + static_cast<double>(i); }), "");
  EXPECT_THAT(notes([](std::size_t i) { return std::min<double>(static_cast<double>(i + 1), 900); }),
              HasSubstr("10.1 % of the voxels hold the largest"));
  EXPECT_THAT(notes([](std::size_t i) { return static_cast<double>(i) - 5; }), HasSubstr("go down to -5"));
  EXPECT_THAT(notes([](std::size_t i) { return (static_cast<double>(i) - 499.5) / 288.7; }), HasSubstr("normalised already"));
  EXPECT_THAT(notes([](std::size_t i) { return i < 400 ? 0.0 : static_cast<double>(i); }),
              HasSubstr("40.0 % of the voxels are exactly 0"));
  EXPECT_THROW(notes([](std::size_t) { return 3.0; }), DataError);
}

}  // namespace
}  // namespace vitrine::imaging

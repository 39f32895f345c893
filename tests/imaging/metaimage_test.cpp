// MetaImage: what is read, from which field, and what is refused.
#include "imaging/formats/metaimage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/error.h"
#include "base/output.h"
#include "imaging/formats/read_volume.h"
#include "tests/fuzz/memory_file.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class MetaImage : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) /
             ("meta_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder);
    for (std::int16_t n = 0; n < 24; ++n) voxels.append(reinterpret_cast<const char*>(&n), 2);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string refusal(const std::string& bytes) const {
    write_file(folder / "x.mha", bytes);
    try {
      read_metaimage_file(folder / "x.mha");
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  VolumeFile read(const std::string& bytes) const {
    write_file(folder / "x.mha", bytes);
    return read_metaimage_file(folder / "x.mha");
  }
  static std::string changed(std::string bytes, const std::string& from, const std::string& to) {
    const std::size_t at = bytes.find(from);
    EXPECT_NE(at, bytes.npos) << from;
    return bytes.replace(at, from.size(), to);
  }

  fs::path folder;
  std::string voxels;
  std::string header =
      "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = "
      "False\nTransformMatrix = 0 1 0 -1 0 0 0 "
      "0 1\nOffset = 10 -20 30\nCenterOfRotation = 0 0 0\nAnatomicalOrientation = ALI\nElementSpacing = 0.5 2 3\nDimSize = 4 3 "
      "2\nElementType = "
      "MET_SHORT\nElementDataFile = LOCAL\n";
};

TEST_F(MetaImage, PlaceAndValuesAreThoseOfTheFields) {
  const VolumeFile file = read(header + voxels);
  const Geometry& g = file.volume.geometry;
  EXPECT_EQ(g.size, (std::array<std::int64_t, 3>{4, 3, 2}));
  EXPECT_EQ(g.spacing, (Vec3{0.5, 2, 3}));
  EXPECT_EQ(g.origin, (Vec3{10, -20, 30}));
  EXPECT_EQ(g.direction, (Matrix3{0, -1, 0, 1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(storage_order(g).code, "PRS");
  EXPECT_EQ(file.volume.at(3, 2, 1), 23);
  EXPECT_TRUE(file.notes.empty());
  EXPECT_THAT(read(changed(header, "ALI", "RAI") + voxels).notes.at(0).text, HasSubstr("AnatomicalOrientation is 'RAI'"));
}

TEST_F(MetaImage, CompressedBigEndianDetachedAndScaled) {
  const Volume plain = read(header + voxels).volume;
  std::string packed(200, '\0');
  uLongf size = packed.size();
  ASSERT_EQ(
      compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(voxels.data()), voxels.size()),
      Z_OK);
  packed.resize(size);
  const std::string zipped = changed(header, "CompressedData = False", "CompressedData = True");
  EXPECT_EQ(read(zipped + packed).volume.data, plain.data);
  EXPECT_THAT(refusal(zipped + packed.substr(0, size - 2)), HasSubstr("zlib stream ends too early"));
  EXPECT_THAT(refusal(zipped + packed + "x"), HasSubstr("garbage"));
  packed[size - 1] = static_cast<char>(packed[size - 1] ^ 1);
  EXPECT_THAT(refusal(zipped + packed), HasSubstr("damaged"));
  std::string swapped = voxels;
  for (std::size_t n = 0; n < swapped.size(); n += 2) std::swap(swapped[n], swapped[n + 1]);
  EXPECT_EQ(read(changed(header, "MSB = False", "MSB = True") + swapped).volume.data, plain.data);
  write_file(folder / "v.raw", voxels);
  EXPECT_EQ(read(changed(header, "LOCAL", "v.raw")).volume.data, plain.data);
  write_file(folder / "v.raw", "head" + voxels);
  EXPECT_EQ(read(changed(changed(header, "LOCAL", "v.raw"), "DimSize", "HeaderSize = -1\nDimSize")).volume.data, plain.data);
  EXPECT_EQ(read(changed(changed(header, "LOCAL", "v.raw"), "DimSize", "HeaderSize = 4\nDimSize")).volume.data, plain.data);
  for (const char* name : {"../v.raw", "/dev/zero", "LIST", "v%03d.raw 1 3 1"})
    EXPECT_NE(refusal(changed(header, "LOCAL", name)), "accepted") << name;
  const VolumeFile scaled =
      read(changed(header, "DimSize", "ElementToIntensityFunctionSlope = 2\nElementToIntensityFunctionOffset = -1\nDimSize") +
           voxels);
  EXPECT_EQ(scaled.volume.data[5], 9);
  EXPECT_EQ(scaled.facts.scaling, "2 * stored - 1");
}

TEST_F(MetaImage, FaultsAreRefusedByName) {
  const std::string good = header + voxels;
  EXPECT_THAT(refusal(good + "x"), HasSubstr("holds more"));
  EXPECT_THAT(refusal(changed(good, "DimSize = 4 3 2", "DimSize = 4 3 0")), HasSubstr("DimSize[3] is 0"));
  EXPECT_THAT(refusal(changed(good, "DimSize = 4 3 2", "DimSize = 4000 4000 4000")), HasSubstr("expected at most"));
  EXPECT_THAT(refusal(changed(good, "NDims = 3", "NDims = 2")), HasSubstr("NDims is 2"));
  EXPECT_THAT(refusal(changed(good, "ElementSpacing = 0.5 2 3", "ElementSpacing = 0.5 2 -3")),
              HasSubstr("ElementSpacing[3] is -3"));
  EXPECT_THAT(refusal(changed(good, "ElementSpacing = 0.5 2 3\n", "")), HasSubstr("lacks the field ElementSpacing"));
  EXPECT_THAT(refusal(changed(good, "MET_SHORT", "MET_SHORT_ARRAY")), HasSubstr("ElementType"));
  EXPECT_THAT(refusal(changed(good, "ElementType", "ElementNumberOfChannels = 3\nElementType")), HasSubstr("vector or colour"));
  EXPECT_THAT(refusal(changed(good, "BinaryData = True", "BinaryData = False")), HasSubstr("are text"));
  EXPECT_THAT(refusal(changed(good, "TransformMatrix = 0 1 0 -1 0 0 0 0 1\n", "")),
              AllOf(HasSubstr("no orientation"), HasSubstr("TransformMatrix")));
  EXPECT_THAT(refusal(changed(good, "0 1 0 -1 0 0 0 0 1", "0 1 0 -1 0 0 0 0 2")), HasSubstr("length 2"));
  EXPECT_THAT(refusal(changed(good, "0 1 0 -1 0 0 0 0 1", "0 1 0 -0.9 0.43589 0 0 0 1")), HasSubstr("sheared"));
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_THROW(read_metaimage_file(testing::MemoryFile(good.substr(0, cut)).path()), DataError) << cut;
}

TEST_F(MetaImage, WhatIsWrittenComesBack) {
  const Volume v = read(header + voxels).volume;
  write_metaimage(folder / "out.mha", v);
  const Volume back = read_metaimage_file(folder / "out.mha").volume;
  EXPECT_EQ(back.data, v.data);
  EXPECT_LT(corner_distance(back.geometry, v.geometry), 1e-12);
}

}  // namespace
}  // namespace vitrine::imaging

// NRRD: what is read, from which field, and what is refused.
#include "imaging/formats/nrrd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "imaging/formats/gzip.h"
#include "imaging/formats/read_volume.h"
#include "tests/fuzz/memory_file.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Nrrd : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) /
             ("nrrd_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder);
    for (std::int16_t n = 0; n < 24; ++n) voxels.append(reinterpret_cast<const char*>(&n), 2);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string refusal(const std::string& bytes, const ReadOptions& options = {}) const {
    write_file(folder / "x.nrrd", bytes);
    try {
      read_nrrd_file(folder / "x.nrrd", options);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }
  VolumeFile read(const std::string& bytes) const {
    write_file(folder / "x.nrrd", bytes);
    return read_nrrd_file(folder / "x.nrrd");
  }
  static std::string changed(std::string bytes, const std::string& from, const std::string& to) {
    const std::size_t at = bytes.find(from);
    EXPECT_NE(at, bytes.npos) << from;
    return bytes.replace(at, from.size(), to);
  }

  fs::path folder;
  std::string voxels;
  std::string header =
      "NRRD0004\n# a comment\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 3 2\nspace directions: "
      "(0,0.5,0) "
      "(-2,0,0) (0,0,3)\nkinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: (10, -20, 30)\nspace units: "
      "\"mm\" \"mm\" "
      "\"mm\"\nkey:=value of the user\n\n";
};

TEST_F(Nrrd, PlaceAndValuesAreThoseOfTheFields) {
  const VolumeFile file = read(header + voxels);
  const Geometry& g = file.volume.geometry;
  EXPECT_EQ(g.size, (std::array<std::int64_t, 3>{4, 3, 2}));
  EXPECT_EQ(g.spacing, (Vec3{0.5, 2, 3}));
  EXPECT_EQ(g.origin, (Vec3{10, -20, 30}));
  EXPECT_EQ(g.direction, (Matrix3{0, -1, 0, 1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(file.volume.at(3, 2, 1), 23);
  EXPECT_TRUE(file.notes.empty());
  EXPECT_EQ(file.facts.spacing_field, "space directions");
}

TEST_F(Nrrd, SpacesAreTurnedToLps) {
  const std::string ras = changed(header, "left-posterior-superior", "RAS"),
                    las = changed(header, "left-posterior-superior", "left-anterior-superior");
  EXPECT_EQ(read(ras + voxels).volume.geometry.origin, (Vec3{-10, 20, 30}));
  EXPECT_EQ(read(ras + voxels).volume.geometry.direction, (Matrix3{0, 1, 0, -1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(read(las + voxels).volume.geometry.origin, (Vec3{10, 20, 30}));
  EXPECT_EQ(storage_order(read(las + voxels).volume.geometry).code, "ARS");
  EXPECT_THAT(refusal(changed(header, "left-posterior-superior", "scanner-xyz") + voxels),
              HasSubstr("field space is 'scanner-xyz'"));
  EXPECT_THAT(refusal(changed(header, "left-posterior-superior", "3D-right-handed") + voxels), HasSubstr("field space"));
}

TEST_F(Nrrd, GzipBigEndianDetachedAndFurtherAxes) {
  const Volume plain = read(header + voxels).volume;
  {
    DeflatingFile file(folder / "v.gz");
    file.write(voxels);
    file.commit();
  }
  const std::string packed = read_file(folder / "v.gz", 1 << 20), gz = changed(header, "raw", "gzip");
  EXPECT_EQ(read(gz + packed).volume.data, plain.data);
  EXPECT_THAT(refusal(gz + packed.substr(0, packed.size() - 3)), HasSubstr("truncated"));
  EXPECT_THAT(refusal(gz + voxels), HasSubstr("no gzip stream"));
  std::string swapped = voxels;
  for (std::size_t n = 0; n < swapped.size(); n += 2) std::swap(swapped[n], swapped[n + 1]);
  EXPECT_EQ(read(changed(header, "little", "big") + swapped).volume.data, plain.data);
  std::string four = changed(changed(header, "dimension: 3", "dimension: 4"), "sizes: 4", "sizes: 1 4");
  four = changed(changed(four, "(0,0.5,0) ", "none (0,0.5,0) "), "kinds: domain", "kinds: list domain");
  EXPECT_EQ(read(four + voxels).volume.data, plain.data);
  EXPECT_THAT(refusal(changed(four, "sizes: 1 4 3 2", "sizes: 3 4 3 2") + voxels), HasSubstr("no scalar volume"));
  write_file(folder / "v.raw", "skip" + voxels);
  std::string detached = changed(header, "\n\n", "\nbyte skip: 4\ndata file: v.raw\n");
  EXPECT_EQ(read(detached).volume.data, plain.data);
  EXPECT_EQ(read(changed(detached, "byte skip: 4", "byte skip: -1")).volume.data, plain.data);
  EXPECT_THAT(refusal(changed(detached, "v.raw", "../v.raw")), HasSubstr("beside the header"));
  EXPECT_THAT(refusal(changed(detached, "v.raw", "/etc/passwd")), HasSubstr("beside the header"));
  EXPECT_THAT(refusal(changed(detached, "v.raw", "none.raw")), HasSubstr("does not exist"));
  EXPECT_THAT(refusal(changed(detached, "v.raw", "LIST")), HasSubstr("several files"));
}

TEST_F(Nrrd, FaultsAreRefusedByName) {
  const std::string good = header + voxels;
  EXPECT_THAT(refusal(good + "x"), HasSubstr("holds more"));
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("holds fewer"));
  EXPECT_THAT(refusal(changed(good, "NRRD0004", "NRRD0009")), HasSubstr("NRRD0001 to NRRD0005"));
  EXPECT_THAT(refusal(changed(good, "sizes: 4 3 2", "sizes: 4 3")), HasSubstr("holds 2 numbers, expected 3"));
  EXPECT_THAT(refusal(changed(good, "sizes: 4 3 2", "sizes: 4 -3 2")), HasSubstr("is -3"));
  EXPECT_THAT(refusal(changed(good, "sizes: 4 3 2", "sizes: 4096 4096 4096")), HasSubstr("expected at most"));
  EXPECT_THAT(refusal(changed(good, "type: short", "type: block")), HasSubstr("field type"));
  EXPECT_THAT(refusal(changed(good, "endian: little\n", "")), HasSubstr("lacks the field endian"));
  EXPECT_THAT(refusal(changed(good, "encoding: raw", "encoding: bzip2")), HasSubstr("expected raw or gzip"));
  EXPECT_THAT(refusal(changed(good, "type: short", "type: short\ntype: short")), HasSubstr("twice"));
  EXPECT_THAT(refusal(changed(good, "(0,0,3)", "(0,0,nan)")), HasSubstr("three finite numbers"));
  EXPECT_THAT(refusal(changed(good, "(0,0,3)", "(0,0,0)")), HasSubstr("0.1 to 10 mm"));
  EXPECT_THAT(refusal(changed(good, "(0,0,3)", "(1,0,3)")), HasSubstr("sheared"));
  EXPECT_THAT(refusal(changed(good, "(0,0,3)", "(0,0,300)")), HasSubstr("0.1 to 10 mm"));
  EXPECT_THAT(refusal(changed(good, "\"mm\" \"mm\" \"mm\"", "\"in\" \"in\" \"in\"")), HasSubstr("expected mm"));
  std::string nan = changed(changed(header, "short", "float"), "sizes: 4 3 2", "sizes: 2 3 2") + std::string(48, '\xFF');
  EXPECT_THAT(refusal(nan), HasSubstr("NaN"));
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_THROW(read_nrrd_file(testing::MemoryFile(good.substr(0, cut)).path()), DataError) << cut;
}

TEST_F(Nrrd, WithoutAnOrientationItIsRefusedOrAssumed) {
  std::string none = changed(header, "space: left-posterior-superior\n", "");
  none = changed(changed(none, "space directions: (0,0.5,0) (-2,0,0) (0,0,3)", "spacings: 0.5 2 3"),
                 "space origin: (10, -20, 30)\n", "");
  EXPECT_THAT(refusal(none + voxels), AllOf(HasSubstr("has no orientation"), HasSubstr("space is missing")));
  write_file(folder / "n.nrrd", none + voxels);
  const VolumeFile file = read_nrrd_file(folder / "n.nrrd", {.assume_orientation = "RAS"});
  EXPECT_EQ(file.volume.geometry.spacing, (Vec3{0.5, 2, 3}));
  EXPECT_EQ(storage_order(file.volume.geometry).code, "RAS");
}

TEST_F(Nrrd, WhatIsWrittenComesBack) {
  Volume v = read(header + voxels).volume;
  v.data[5] = 0.1F;
  write_nrrd(folder / "out.nrrd", v);
  const Volume back = read_nrrd_file(folder / "out.nrrd").volume;
  EXPECT_EQ(back.data, v.data);
  EXPECT_LT(corner_distance(back.geometry, v.geometry), 1e-12);
}

}  // namespace
}  // namespace vitrine::imaging

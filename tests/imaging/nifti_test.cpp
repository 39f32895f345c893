#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/formats/nifti.h"
#include "imaging/formats/nifti_header.h"
#include "imaging/volume.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Nifti : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("nifti_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
    grid_.size = {5, 4, 3};
    grid_.spacing = {0.5, 1, 3};
    grid_.origin = {10, -20, 30};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A whole plain file with voxels 0, 1, 2, ...
  std::string plain() const {
    std::string bytes = nifti_header_bytes(grid_, NiftiType::f32);
    for (int n = 0; n < 60; ++n) {
      const auto v = static_cast<float>(n);
      bytes.append(reinterpret_cast<const char*>(&v), 4);
    }
    return bytes;
  }
  template <class T>
  static std::string with(std::string bytes, std::size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(T));
    return bytes;
  }
  std::string refusal(const std::string& bytes, const char* name = "x.nii") const {
    write_file(folder_ / name, bytes);
    return refusal_of(name);
  }
  std::string refusal_of(const char* name) const {
    try {
      read_nifti(folder_ / name);
    } catch (const DataError& e) {
      return e.what();
    }
    return "accepted";
  }

  std::filesystem::path folder_;
  Geometry grid_;
};

TEST_F(Nifti, RoundTripKeepsVoxelsAndPlace) {
  for (const bool mirrored : {false, true}) {
    for (const double angle : {0.0, 0.4, 2.9}) {
      Volume v{grid_, {}};
      RigidTransform turn;
      turn.angles = {angle, 0.3 * angle, -angle};
      v.geometry.direction = turn.rotation();
      if (mirrored) {
        for (std::size_t row = 0; row < 3; ++row) v.geometry.direction[3 * row] *= -1;
      }
      for (int n = 0; n < 60; ++n) v.data.push_back(0.1F * static_cast<float>(n) - 2);
      for (const char* name : {"a.nii.gz", "a.nii"}) {
        write_nifti(folder_ / name, v);
        const Volume back = read_nifti(folder_ / name);
        EXPECT_EQ(back.data, v.data);
        EXPECT_LT(corner_distance(v.geometry, back.geometry), 1e-5);
      }
    }
  }
}

TEST_F(Nifti, QformAloneGivesTheSamePlace) {
  RigidTransform turn;
  for (const double angle : {0.2, 1.7, 3.1}) {
    turn.angles = {angle, -0.6 * angle, 0.8 * angle};
    grid_.direction = turn.rotation();
    write_file(folder_ / "q.nii", with<std::int16_t>(plain(), 254, 0));
    EXPECT_LT(corner_distance(grid_, read_nifti(folder_ / "q.nii").geometry), 1e-4);
  }
}

TEST_F(Nifti, AxesAreTurnedFromRasToLps) {
  grid_.origin = {0, 0, 0};
  std::string bytes = with<std::int16_t>(plain(), 252, 0);
  for (std::size_t n = 0; n < 12; ++n) bytes = with<float>(bytes, 280 + 4 * n, 0.0F);
  bytes = with<float>(bytes, 280, 0.5F);  // x grows with i, to the Right in NIfTI
  bytes = with<float>(bytes, 280 + 16 + 4, 1.0F);
  bytes = with<float>(bytes, 280 + 32 + 8, 3.0F);
  bytes = with<float>(bytes, 292, 7.0F);
  write_file(folder_ / "x.nii", bytes);
  const Geometry g = read_nifti(folder_ / "x.nii").geometry;
  EXPECT_EQ(g.origin[0], -7);
  EXPECT_EQ(g.direction[0], -1);
  EXPECT_EQ(g.direction[4], -1);
  EXPECT_EQ(g.direction[8], 1);
}

TEST_F(Nifti, MaskIsWrittenAsBytes) {
  Mask m{grid_, std::vector<float>(60, 0.0F)};
  m.data[7] = 1;
  write_mask_nifti(folder_ / "m.nii", m);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "m.nii"), 352U + 60U);
  EXPECT_EQ(read_nifti(folder_ / "m.nii").data, m.data);
}

TEST_F(Nifti, BigEndianAndScaledIntegersAreRead) {
  std::string bytes = nifti_header_bytes(grid_, NiftiType::u8);
  bytes = with<std::int16_t>(bytes, 70, 4);
  bytes = with<std::int16_t>(bytes, 72, 16);
  bytes = with<float>(bytes, 112, 0.5F);
  bytes = with<float>(bytes, 116, -1.0F);
  const auto swap = [&](std::size_t offset, std::size_t n) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(offset), bytes.begin() + static_cast<std::ptrdiff_t>(offset + n));
  };
  swap(0, 4);
  for (std::size_t n = 0; n < 8; ++n) swap(40 + 2 * n, 2);
  for (const std::size_t offset : {70, 72, 252, 254}) swap(offset, 2);
  for (std::size_t n = 0; n < 8; ++n) swap(76 + 4 * n, 4);
  for (const std::size_t offset : {108, 112, 116}) swap(offset, 4);
  for (std::size_t n = 0; n < 18; ++n) swap(256 + 4 * n, 4);
  for (int n = 0; n < 60; ++n) {
    bytes.push_back('\1');
    bytes.push_back(static_cast<char>(n));
  }
  write_file(folder_ / "be.nii", bytes);
  const Volume v = read_nifti(folder_ / "be.nii");
  EXPECT_EQ(v.at(2, 1, 0), 0.5F * (256 + 7) - 1);
  EXPECT_LT(corner_distance(grid_, v.geometry), 1e-5);
}

TEST_F(Nifti, DamagedGzipIsRefused) {
  Volume v{grid_, std::vector<float>(60, 1.5F)};
  write_nifti(folder_ / "g.nii.gz", v);
  const std::string good = read_file(folder_ / "g.nii.gz", 1 << 20);
  EXPECT_THAT(refusal(good.substr(0, good.size() - 9), "t.nii.gz"), AllOf(HasSubstr("t.nii.gz"), HasSubstr("truncated")));
  EXPECT_THAT(refusal(good.substr(0, good.size() - 3), "t.nii.gz"), HasSubstr("truncated"));
  std::string crc = good;
  crc[crc.size() - 6] = static_cast<char>(crc[crc.size() - 6] ^ 1);
  EXPECT_THAT(refusal(crc, "c.nii.gz"), HasSubstr("incorrect data check"));
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_NE(refusal(good.substr(0, cut)), "accepted") << cut;
}

TEST_F(Nifti, WrongSizesAreRefused) {
  const std::string good = plain();
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("holds fewer"));
  EXPECT_THAT(refusal(good + "x"), HasSubstr("holds more"));
  EXPECT_THAT(refusal(good.substr(0, 100)), HasSubstr("expected at least 348"));
  EXPECT_THAT(refusal(""), HasSubstr("is not NIfTI"));
  EXPECT_THAT(refusal(std::string(4000, 'P')), HasSubstr("sizeof_hdr"));
}

TEST_F(Nifti, FaultyHeadersAreRefusedByName) {
  const std::string good = plain();
  EXPECT_THAT(refusal(with<std::int32_t>(good, 344, 0)), HasSubstr("Analyze 7.5"));
  EXPECT_THAT(refusal(with<char>(good, 345, 'i')), HasSubstr(".hdr/.img pair"));
  EXPECT_THAT(refusal(with<std::int32_t>(good, 0, 540)), HasSubstr("NIfTI-2"));
  EXPECT_THAT(refusal(with<std::int16_t>(with<std::int16_t>(good, 40, 4), 48, 7)), HasSubstr("dim[4] is 7"));
  EXPECT_THAT(refusal(with<std::int16_t>(good, 40, 2)), HasSubstr("dim[0] is 2"));
  EXPECT_THAT(refusal(with<std::int16_t>(good, 42, -3)), HasSubstr("dim[1] is -3"));
  std::string bomb = good;
  for (std::size_t axis = 0; axis < 3; ++axis) bomb = with<std::int16_t>(bomb, 42 + 2 * axis, 4096);
  EXPECT_THAT(refusal(bomb), HasSubstr("expected at most"));
  EXPECT_THAT(refusal(with<std::int16_t>(good, 70, 128)), HasSubstr("datatype is 128"));
  EXPECT_THAT(refusal(with<std::int16_t>(good, 72, 8)), HasSubstr("bitpix"));
  EXPECT_THAT(refusal(with<float>(good, 108, 100.0F)), HasSubstr("vox_offset"));
  EXPECT_THAT(refusal(with<float>(good, 112, std::numeric_limits<float>::infinity())), HasSubstr("scl_slope"));
  EXPECT_THAT(refusal(with<float>(good, 80, 0.0F)), HasSubstr("pixdim[1] is 0"));
  EXPECT_THAT(refusal(with<float>(good, 84, std::nanf(""))), HasSubstr("pixdim[2]"));
  EXPECT_THAT(refusal(with<char>(good, 123, 1)), HasSubstr("metres"));
}

TEST_F(Nifti, DoubtfulOrientationIsRefused) {
  const std::string good = plain();
  EXPECT_THAT(refusal(with<std::int16_t>(with<std::int16_t>(good, 252, 0), 254, 0)), HasSubstr("has no orientation"));
  EXPECT_THAT(refusal(with<float>(good, 268, 40.0F)), AllOf(HasSubstr("disagree"), HasSubstr("fslorient")));
  EXPECT_THAT(refusal(with<float>(good, 76, -1.0F)), HasSubstr("disagree"));
  EXPECT_THAT(refusal(with<float>(good, 280 + 4, 0.2F)), HasSubstr("repair the header"));
  EXPECT_THAT(refusal(with<float>(good, 280, 0.6F)), HasSubstr("voxel size along axis 1"));
  EXPECT_THAT(refusal(with<float>(good, 280, std::nanf(""))), HasSubstr("srow"));
  EXPECT_THAT(refusal(with<float>(with<std::int16_t>(good, 254, 0), 256, 2.0F)), HasSubstr("quaternion"));
}

TEST_F(Nifti, TheFormThatIsPreferredIsTakenWithAWarning) {
  const std::string good = plain(), shifted = with<float>(good, 268, 40.0F);  // qoffset_x
  const auto read = [&](const std::string& bytes, ReadOptions::Form form) {
    write_file(folder_ / "p.nii", bytes);
    return read_nifti_file(folder_ / "p.nii", {.prefer = form});
  };
  const VolumeFile s = read(shifted, ReadOptions::Form::sform), q = read(shifted, ReadOptions::Form::qform);
  EXPECT_LT(corner_distance(s.volume.geometry, grid_), 1e-5);
  EXPECT_EQ(q.volume.geometry.origin[0], -40);
  for (const VolumeFile* file : {&s, &q}) {
    ASSERT_EQ(file->notes.size(), 1U);
    EXPECT_TRUE(file->notes[0].warning);
    EXPECT_THAT(file->notes[0].text, AllOf(HasSubstr("as asked for"), HasSubstr("differs by 50.00 mm")));
  }
  EXPECT_EQ(s.facts.place, "sform (code 1)");
  // A damaged sform does not stand in the way of the qform.
  EXPECT_LT(corner_distance(read(with<float>(good, 280, 0.6F), ReadOptions::Form::qform).volume.geometry, grid_), 1e-5);
  EXPECT_THAT(refusal(with<float>(good, 76, -1.0F)), HasSubstr("mirror image"));
}

TEST_F(Nifti, AnOrientationIsAssumedOnlyWhenItIsAskedFor) {
  const std::string bytes = with<std::int16_t>(with<std::int16_t>(plain(), 252, 0), 254, 0);
  EXPECT_THAT(refusal(bytes), HasSubstr("--assume-orientation"));
  const VolumeFile file = read_nifti_file(folder_ / "x.nii", {.assume_orientation = "PIR"});
  const Matrix3 expected{0, 0, -1, 1, 0, 0, 0, -1, 0};
  EXPECT_EQ(file.volume.geometry.direction, expected);
  const Vec3 middle = file.volume.geometry.to_physical({2, 1.5, 1});
  EXPECT_EQ(std::abs(middle[0]) + std::abs(middle[1]) + std::abs(middle[2]), 0);
  EXPECT_TRUE(file.notes.back().warning);
  for (const char* code : {"RA", "RAX", "RRS", "ras"})
    EXPECT_THROW(read_nifti_file(folder_ / "x.nii", {.assume_orientation = code}), UsageError) << code;
}

TEST_F(Nifti, ASmallShearIsStraightenedWithAWarning) {
  const auto sheared = [&](float cosine) {
    std::string bytes = with<std::int16_t>(plain(), 252, 0);
    bytes = with<float>(bytes, 280 + 4, -cosine);  // column j leans along x; lengths stay
    return with<float>(bytes, 296 + 4, -std::sqrt(1 - cosine * cosine));
  };
  write_file(folder_ / "s.nii", sheared(0.006F));
  const VolumeFile file = read_nifti_file(folder_ / "s.nii");
  ASSERT_EQ(file.notes.size(), 1U);
  EXPECT_THAT(file.notes[0].text, AllOf(HasSubstr("0.34 degrees"), HasSubstr("straightened")));
  EXPECT_LT(corner_distance(file.volume.geometry, grid_), 0.05);
  EXPECT_THAT(refusal(sheared(0.02F)), AllOf(HasSubstr("sheared"), HasSubstr("1.15 degrees")));
}

TEST_F(Nifti, MetresAndMicrometresAreConverted) {
  for (const auto& [unit, factor] : {std::pair<char, float>{1, 1e-3F}, {3, 1e3F}}) {
    std::string bytes = with<char>(plain(), 123, unit);
    for (std::size_t n = 0; n < 3; ++n) {
      float value;
      std::memcpy(&value, bytes.data() + 80 + 4 * n, 4);
      bytes = with<float>(bytes, 80 + 4 * n, factor * value);
    }
    for (std::size_t at = 268; at < 328; at += 4) {
      float value;
      std::memcpy(&value, bytes.data() + at, 4);
      bytes = with<float>(bytes, at, factor * value);
    }
    write_file(folder_ / "u.nii", bytes);
    const VolumeFile file = read_nifti_file(folder_ / "u.nii");
    EXPECT_LT(corner_distance(file.volume.geometry, grid_), 1e-4);
    EXPECT_THAT(file.notes[0].text, HasSubstr("converted to millimetres"));
  }
}

TEST_F(Nifti, PairsAreReadByEitherName) {
  std::string header = with<float>(with<char>(plain().substr(0, 348), 345, 'i'), 108, 0.0F);
  const std::string voxels = plain().substr(352);
  write_file(folder_ / "p.hdr", header);
  EXPECT_THAT(refusal_of("p.hdr"), AllOf(HasSubstr("pair"), HasSubstr(".img")));
  write_file(folder_ / "p.img", voxels);
  const VolumeFile a = read_nifti_file(folder_ / "p.hdr"), b = read_nifti_file(folder_ / "p.img");
  EXPECT_EQ(a.volume.data[59], 59);
  EXPECT_EQ(a.volume.data, b.volume.data);
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.facts.format, "NIfTI-1 pair");
  write_file(folder_ / "p.img", voxels.substr(1));
  EXPECT_THAT(refusal_of("p.img"), HasSubstr("holds fewer"));
  std::filesystem::remove(folder_ / "p.hdr");
  EXPECT_THAT(refusal_of("p.img"), HasSubstr(".hdr"));
}

TEST_F(Nifti, NonFiniteVoxelsAreRefusedWithTheirPlace) {
  EXPECT_THAT(refusal(with<float>(plain(), 352 + 4 * 27, std::nanf(""))),
              AllOf(HasSubstr("1 voxel is"), HasSubstr("(2, 1, 1)")));
}

TEST_F(Nifti, AFewVoxelsAtTheBorderThatAreNotFiniteBecomeZeroWithAWarning) {
  Volume v{{{10, 10, 10}, {1, 1, 1}}, std::vector<float>(1000, 5.0F)};
  for (std::int64_t i = 0; i < 4; ++i) v.at(i, 3, 9) = i % 2 == 0 ? std::nanf("") : HUGE_VALF;  // a line from one face inwards
  v.at(3, 3, 8) = std::nanf("");
  write_nifti(folder_ / "b.nii", v);
  const VolumeFile file = read_nifti_file(folder_ / "b.nii");
  float sum = 0;
  for (const float x : file.volume.data) sum += x;
  EXPECT_EQ(sum, 5 * 995);
  ASSERT_EQ(file.notes.size(), 1U);
  EXPECT_TRUE(file.notes[0].warning);
  EXPECT_THAT(file.notes[0].text, HasSubstr("5 voxels at the border of the volume are NaN or infinite"));
  v.at(5, 5, 5) = std::nanf("");  // inside
  write_nifti(folder_ / "b.nii", v);
  EXPECT_THAT(refusal_of("b.nii"), AllOf(HasSubstr("6 voxels are NaN"), HasSubstr("reach in from the border")));
  v.at(5, 5, 5) = 5;
  for (std::int64_t i = 0; i < 10; ++i) v.at(i, 0, 0) = std::nanf("");  // more than 1 %
  write_nifti(folder_ / "b.nii", v);
  EXPECT_THAT(refusal_of("b.nii"), HasSubstr("15 voxels are NaN"));
}

TEST_F(Nifti, MissingFileAndUnwritableFolder) {
  EXPECT_THROW(read_nifti(folder_ / "none.nii.gz"), DataError);
  EXPECT_THROW(write_nifti(folder_ / "none" / "a.nii.gz", Volume{grid_, std::vector<float>(60)}), FileError);
}

}  // namespace
}  // namespace vitrine::imaging

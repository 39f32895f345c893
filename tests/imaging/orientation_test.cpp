// One volume in every order in which a file may store it.
#include "imaging/orientation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/output.h"
#include "imaging/formats/nifti.h"
#include "imaging/formats/read_volume.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

Volume patient(const Vec3& angles = {}) {
  Geometry g{{5, 7, 4}, {1.2, 0.9375, 4.4}, {-83.2, 14.7, -61.3}};
  RigidTransform turn;
  turn.angles = angles;
  g.direction = turn.rotation();
  Volume v{g, {}};
  for (int n = 0; n < 5 * 7 * 4; ++n) v.data.push_back(static_cast<float>((n * 37) % 101));
  return v;
}

// `v` as a file with axes `axis` (stored axis a runs along v's axis[a]) of which some run the other way; written independently of the code
// under test, by physical places.
Volume stored_as(const Volume& v, const std::array<std::size_t, 3>& axis, const std::array<bool, 3>& reversed) {
  Volume out;
  Vec3 first{};
  for (std::size_t a = 0; a < 3; ++a) {
    out.geometry.size[a] = v.geometry.size[axis[a]];
    out.geometry.spacing[a] = v.geometry.spacing[axis[a]];
    if (reversed[a]) first[axis[a]] = static_cast<double>(v.geometry.size[axis[a]] - 1);
    for (std::size_t r = 0; r < 3; ++r)
      out.geometry.direction[3 * r + a] = (reversed[a] ? -1 : 1) * v.geometry.direction[3 * r + axis[a]];
  }
  out.geometry.origin = v.geometry.to_physical(first);
  out.data.resize(v.data.size());
  for (std::int64_t k = 0; k < out.geometry.size[2]; ++k) {
    for (std::int64_t j = 0; j < out.geometry.size[1]; ++j) {
      for (std::int64_t i = 0; i < out.geometry.size[0]; ++i) {
        const Vec3 p = v.geometry.to_index(
            out.geometry.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        out.at(i, j, k) = v.at(std::llround(p[0]), std::llround(p[1]), std::llround(p[2]));
      }
    }
  }
  return out;
}

template <class Work>
void for_each_order(const Work& work) {
  std::array<std::size_t, 3> axis{0, 1, 2};
  do {
    for (int flips = 0; flips < 8; ++flips)
      work(axis, std::array<bool, 3>{(flips & 1) != 0, (flips & 2) != 0, (flips & 4) != 0});
  } while (std::next_permutation(axis.begin(), axis.end()));
}

bool same_bits(const Geometry& a, const Geometry& b) {
  return a.size == b.size && std::memcmp(a.spacing.data(), b.spacing.data(), sizeof(Vec3)) == 0 &&
         std::memcmp(a.origin.data(), b.origin.data(), sizeof(Vec3)) == 0 &&
         std::memcmp(a.direction.data(), b.direction.data(), sizeof(Matrix3)) == 0;
}

class OrientationFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) / ("orientation_" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST(Orientation, NamesTheOrders) {
  std::set<std::string> codes;
  for_each_order([&](const auto& axis, const auto& reversed) {
    const StorageOrder order = storage_order(stored_as(patient({0.1, -0.2, 0.15}), axis, reversed).geometry);
    codes.insert(order.code);
    EXPECT_EQ(order.code[0], std::string("LPS")[axis[0]] == 'L' ? (reversed[0] ? 'R' : 'L')
                             : axis[0] == 1                     ? (reversed[0] ? 'A' : 'P')
                                                                : (reversed[0] ? 'I' : 'S'));
    EXPECT_NEAR(order.most_degrees_off(), storage_order(patient({0.1, -0.2, 0.15}).geometry).most_degrees_off(), 1e-9);
  });
  EXPECT_EQ(codes.size(), 48u);
  EXPECT_EQ(storage_order(patient().geometry).code, "LPS");
}

TEST_F(OrientationFiles, AllOrdersOfAFileGiveTheSameBits) {
  for (const Vec3& angles : {Vec3{}, Vec3{0.12, -0.07, 0.2}, Vec3{0.5, 0.3, -0.4}}) {
    const Volume original = patient(angles);
    write_nifti(folder / "lps.nii.gz", original);
    const ReadVolume expected = read_volume(folder / "lps.nii.gz");
    EXPECT_EQ(expected.volume.data, original.data);
    EXPECT_LT(corner_distance(expected.volume.geometry, original.geometry) * 0.9375, 0.005);  // mm: the rounding that is stated
    for_each_order([&](const auto& axis, const auto& reversed) {
      write_nifti(folder / "x.nii", stored_as(original, axis, reversed));
      const ReadVolume read = read_volume(folder / "x.nii");
      EXPECT_EQ(read.volume.data, expected.volume.data) << read.order.code;
      EXPECT_TRUE(same_bits(read.volume.geometry, expected.volume.geometry)) << read.order.code;
      EXPECT_EQ(read.voxels_sha256, expected.voxels_sha256);
    });
  }
}

TEST_F(OrientationFiles, AQformAloneGivesTheSamePlaceInEveryOrder) {
  const Volume original = patient();
  for_each_order([&](const auto& axis, const auto& reversed) {
    write_nifti(folder / "q.nii", stored_as(original, axis, reversed));
    std::string bytes = read_file(folder / "q.nii", 1 << 20);
    const std::int16_t none = 0;
    std::memcpy(bytes.data() + 254, &none, 2);  // sform_code
    write_file(folder / "q.nii", bytes);
    const ReadVolume read = read_volume(folder / "q.nii");
    EXPECT_EQ(read.volume.data, original.data) << read.order.code;
    EXPECT_LT(corner_distance(read.volume.geometry, original.geometry) * 0.9375, 0.005) << read.order.code;
  });
}

TEST(Orientation, StoredIndexLeadsBackToTheFile) {
  const Volume original = patient({0.1, 0, -0.1});
  for_each_order([&](const auto& axis, const auto& reversed) {
    const Volume stored = stored_as(original, axis, reversed);
    const StorageOrder order = storage_order(stored.geometry);
    const Volume read = in_anatomical_order(stored, order);
    const auto p = order.stored_index({3, 1, 2});
    EXPECT_EQ(stored.at(p[0], p[1], p[2]), read.at(3, 1, 2));
  });
}

TEST(Orientation, AnAxisAtHalfARightAngleIsTakenTheSameWayInEveryOrder) {
  for (const Vec3& angles : {Vec3{0.25 * M_PI, 0, 0}, Vec3{0, 0.25 * M_PI, 0}, Vec3{0, 0, 0.25 * M_PI}}) {
    const Volume original = patient(angles);
    const Volume expected = in_anatomical_order(original, storage_order(original.geometry));
    for_each_order([&](const auto& axis, const auto& reversed) {
      const Volume stored = stored_as(original, axis, reversed);
      EXPECT_EQ(in_anatomical_order(stored, storage_order(stored.geometry)).data, expected.data);
    });
  }
}

TEST(Orientation, TheGeometryIsThatOfTheFileToFiveMicrometres) {
  Volume v = patient({0.4, -0.3, 0.2});
  v.geometry.size = {256, 256, 180};
  v.geometry.origin = {-101.23456, 87.65432, -33.33333};
  const StorageOrder order = storage_order(v.geometry);
  const Geometry g = anatomical_geometry(v.geometry, order);
  EXPECT_LT(corner_distance(v.geometry, g) * 0.9375, 0.005);
  EXPECT_NEAR(determinant(g.direction), 1, 1e-12);
}

TEST(Orientation, SaysHowObliqueAVolumeIs) {
  RigidTransform turn;
  turn.angles = {0, 0, 12 * M_PI / 180};
  Geometry g = patient().geometry;
  g.direction = turn.rotation();
  const StorageOrder order = storage_order(g);
  EXPECT_NEAR(order.most_degrees_off(), 12, 1e-9);
  EXPECT_NEAR(order.degrees_off[2], 0, 1e-6);
}

}  // namespace
}  // namespace vitrine::imaging

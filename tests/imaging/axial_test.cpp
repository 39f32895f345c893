// One patient, stored in any order of voxels and acquired in any plane: the same axial crops.
#include "imaging/steps/axial.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "imaging/formats/nifti.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/crop.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Geometry turned(Geometry g, const Vec3& degrees) {
  RigidTransform turn;
  for (std::size_t c = 0; c < 3; ++c) turn.angles[c] = degrees[c] * M_PI / 180;
  g.direction = turn.rotation();
  return g;
}

// Voxels of this spacing about the origin over a box of `mm`.
Geometry about_origin(const Vec3& spacing, const Vec3& mm, const Vec3& degrees = {}) {
  Geometry g = turned({{}, spacing, {}}, degrees);
  Vec3 first;
  for (std::size_t c = 0; c < 3; ++c) {
    g.size[c] = std::llround(mm[c] / spacing[c]);
    first[c] = -static_cast<double>(g.size[c] - 1) / 2 * spacing[c];
  }
  g.origin = times(g.direction, first);
  return g;
}

Vec3 centre_of(const Geometry& g, std::int64_t i, std::int64_t j, std::int64_t k) {
  return g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
}

template <class Value>
Volume sampled(const Geometry& g, const Value& value) {
  Volume v{g, {}};
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i) v.data.push_back(static_cast<float>(value(centre_of(g, i, j, k))));
  return v;
}

const Vec3 kLesion{9.3, -7.6, 4.9};
double from_lesion(const Vec3& p) {
  const Vec3 d{(p[0] - kLesion[0]) / 1.3, p[1] - kLesion[1], (p[2] - kLesion[2]) / 0.9};
  return std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}
bool in_lesion(const Vec3& p) { return from_lesion(p) < 9; }

// 0 to 1: tissue in waves, and a lesion with a bright rim about a dark core, its edges as soft as a scanner's.
double head(const Vec3& p, double phase) {
  const double waves = std::sin(0.23 * p[0] + phase) + std::cos(0.19 * p[1] - 0.11 * p[2]) + std::sin(0.21 * p[2] + 0.1 * p[0]);
  const double d = from_lesion(p), inside = 0.5 - 0.5 * std::tanh((d - 9) / 1.2), core = 0.5 - 0.5 * std::tanh((d - 5) / 1.2);
  return (1 - inside) * (0.4 + 0.06 * waves) + inside * (0.85 - 0.5 * core);
}

// What a scanner measures: the mean over each voxel.
Volume acquired(const Geometry& g, double phase) {
  Volume v{g, {}};
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        double sum = 0;
        for (int n = 0; n < 64; ++n) {
          const auto at = [&](std::int64_t whole, int part) { return static_cast<double>(whole) + (part + 0.5) / 4 - 0.5; };
          sum += head(g.to_physical({at(i, n & 3), at(j, n >> 2 & 3), at(k, n >> 4)}), phase);
        }
        v.data.push_back(static_cast<float>(sum / 64));
      }
    }
  }
  return v;
}

// The patient as files would hold it, and the transform from T1c to FLAIR.
struct Acquired {
  Volume t1c, flair, mask;
  RigidTransform to_flair{{0.05, -0.03, 0.08}, {2.5, -1.5, 1}, {0, 0, 0}};
};

Acquired acquired_in(const Vec3& spacing, const Vec3& degrees) {
  Acquired a;
  const Geometry grid = about_origin(spacing, {72, 76, 64}, degrees);
  a.t1c = acquired(grid, 0);
  a.mask = sampled(grid, [](const Vec3& p) { return in_lesion(p) ? 1.0 : 0.0; });
  a.flair = Volume{about_origin({1, 1, 3}, {80, 80, 75}), {}};
  const Geometry& f = a.flair.geometry;
  for (std::int64_t k = 0; k < f.size[2]; ++k)
    for (std::int64_t j = 0; j < f.size[1]; ++j)
      for (std::int64_t i = 0; i < f.size[0]; ++i)
        a.flair.data.push_back(static_cast<float>(head(a.to_flair.apply_inverse(centre_of(f, i, j, k)), 1.3)));
  return a;
}

struct OnAxialGrid {
  AxialGrid grid;
  Volume t1c, flair;
  LesionMask lesion;
};

// As preparation does it: each volume is interpolated once.
OnAxialGrid on_axial_grid(Volume t1c, const Volume& flair, Volume mask, const RigidTransform& to_flair) {
  OnAxialGrid out;
  out.grid = axial_grid(t1c.geometry);
  const Geometry& grid = out.grid.grid;
  out.t1c = out.grid.recut ? resample(t1c, grid, {}, Interpolation::cubic) : t1c;
  out.flair = resample(flair, grid, to_flair, Interpolation::cubic);
  mask.geometry = t1c.geometry;
  out.lesion.labels = out.grid.recut ? recut_labels(mask, grid) : mask;
  return out;
}

std::vector<std::vector<float>> crops_of(const OnAxialGrid& p) {
  Notes notes;
  std::vector<std::vector<float>> crops;
  for (const LesionSlice& s : find_lesion_slices(p.lesion, {}, "mask", notes).slices) {
    crops.push_back(crop_slice(p.t1c, s, 64));
    crops.push_back(crop_slice(p.flair, s, 64));
  }
  return crops;
}

// The crop of 40 mm about the lesion's middle in the slice nearest to it, and how far that slice lies off.
std::vector<float> crop_about_lesion(const OnAxialGrid& p, const Volume& volume, double& off_mm) {
  const Vec3 index = volume.geometry.to_index(kLesion);
  LesionSlice s;
  s.slice = std::llround(index[2]);
  s.centre_i = index[0];
  s.centre_j = index[1];
  s.side_mm = 40;
  off_mm = std::abs(index[2] - static_cast<double>(s.slice)) * p.grid.grid.spacing[2];
  return crop_slice(volume, s, 64);
}

Volume stored_as(const Volume& v, const std::array<std::size_t, 3>& axis, int flips) {
  Volume out;
  Vec3 first{};
  for (std::size_t a = 0; a < 3; ++a) {
    const bool reversed = (flips >> a & 1) != 0;
    out.geometry.size[a] = v.geometry.size[axis[a]];
    out.geometry.spacing[a] = v.geometry.spacing[axis[a]];
    if (reversed) first[axis[a]] = static_cast<double>(v.geometry.size[axis[a]] - 1);
    for (std::size_t r = 0; r < 3; ++r)
      out.geometry.direction[3 * r + a] = (reversed ? -1 : 1) * v.geometry.direction[3 * r + axis[a]];
  }
  out.geometry.origin = v.geometry.to_physical(first);
  const auto& n = out.geometry.size;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    for (std::int64_t j = 0; j < n[1]; ++j) {
      for (std::int64_t i = 0; i < n[0]; ++i) {
        std::array<std::int64_t, 3> from{};
        const std::array<std::int64_t, 3> at{i, j, k};
        for (std::size_t a = 0; a < 3; ++a) from[axis[a]] = (flips >> a & 1) != 0 ? n[a] - 1 - at[a] : at[a];
        out.data.push_back(v.at(from[0], from[1], from[2]));
      }
    }
  }
  return out;
}

class AxialFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(::testing::TempDir()) / ("axial_" + std::to_string(::getpid()));
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  Volume reread(const std::string& name, const Volume& v) const {
    write_nifti(folder / name, v);
    return read_volume(folder / name).volume;
  }
  fs::path folder;
};

TEST_F(AxialFiles, All48OrdersGiveTheSameCrops) {
  for (const auto& [spacing, degrees] : {std::pair{Vec3{2, 2, 2}, Vec3{0, 0, 0}}, std::pair{Vec3{5, 2, 2}, Vec3{0, 0, 0}},
                                         std::pair{Vec3{2, 2, 3}, Vec3{14, -9, 6}}}) {
    Acquired a = acquired_in(spacing, degrees);
    const OnAxialGrid one =
        on_axial_grid(reread("t1c.nii", a.t1c), reread("flair.nii", a.flair), reread("mask.nii", a.mask), a.to_flair);
    EXPECT_EQ(one.grid.recut, spacing[0] != spacing[2]);
    const std::vector<std::vector<float>> expected = crops_of(one);
    ASSERT_GE(expected.size(), 4u);
    std::array<std::size_t, 3> axis{0, 1, 2};
    do {
      for (int flips = 0; flips < 8; ++flips) {
        const OnAxialGrid other = on_axial_grid(reread("t1c.nii", stored_as(a.t1c, axis, flips)),
                                                reread("flair.nii", stored_as(a.flair, axis, flips)),
                                                reread("mask.nii", stored_as(a.mask, axis, 7 - flips)), a.to_flair);
        ASSERT_EQ(crops_of(other), expected) << axis[0] << axis[1] << axis[2] << " " << flips << ": " << other.grid.why;
      }
    } while (std::next_permutation(axis.begin(), axis.end()));
  }
}

TEST(Axial, AnotherPlaneGivesTheSameCrops) {
  Acquired axial = acquired_in({1, 1, 1}, {});
  const OnAxialGrid expected = on_axial_grid(axial.t1c, axial.flair, axial.mask, axial.to_flair);
  EXPECT_FALSE(expected.grid.recut);
  double off = 0;
  const std::vector<float> t1c = crop_about_lesion(expected, expected.t1c, off),
                           flair = crop_about_lesion(expected, expected.flair, off);
  for (const auto& [spacing, degrees] :
       {std::pair{Vec3{2, 1, 1}, Vec3{0, 0, 0}}, std::pair{Vec3{1, 2, 1}, Vec3{0, 0, 0}},
        std::pair{Vec3{1, 1, 1}, Vec3{18, 0, 0}}, std::pair{Vec3{1, 1, 2}, Vec3{12, 15, -20}}}) {
    Acquired a = acquired_in(spacing, degrees);
    const OnAxialGrid p = on_axial_grid(a.t1c, a.flair, a.mask, a.to_flair);
    EXPECT_TRUE(p.grid.recut);
    const std::vector<float> t1c_there = crop_about_lesion(p, p.t1c, off), flair_there = crop_about_lesion(p, p.flair, off);
    EXPECT_LT(off, 0.51);
    double first = 0, second = 0;
    for (std::size_t n = 0; n < t1c.size(); ++n) {
      first += std::pow(static_cast<double>(t1c[n] - t1c_there[n]), 2);
      second += std::pow(static_cast<double>(flair[n] - flair_there[n]), 2);
    }
    EXPECT_LT(std::sqrt(first / static_cast<double>(t1c.size())), 0.03) << p.grid.why;
    EXPECT_LT(std::sqrt(second / static_cast<double>(t1c.size())), 0.03) << p.grid.why;
    std::printf("rms of T1c %.4f, of FLAIR %.4f: %s\n", std::sqrt(first / 4096), std::sqrt(second / 4096), p.grid.why.c_str());
    // The chosen slices and their squares lie where those of the axial acquisition do.
    Notes notes;
    const LesionSearch here = find_lesion_slices(p.lesion, {}, "mask", notes),
                       there = find_lesion_slices(expected.lesion, {}, "mask", notes);
    ASSERT_EQ(here.slices.size(), there.slices.size());
    EXPECT_NEAR(here.lesions[0].volume_mm3, there.lesions[0].volume_mm3, 0.03 * there.lesions[0].volume_mm3);
    for (std::size_t s = 0; s < here.slices.size(); ++s) EXPECT_NEAR(here.slices[s].side_mm, there.slices[s].side_mm, 2.7);
  }
}

TEST(Axial, KeepsWhatIsAxialAndSaysWhyNot) {
  const auto grid = [](const Vec3& spacing, const Vec3& degrees) {
    return axial_grid(about_origin(spacing, {180, 220, 160}, degrees));
  };
  for (const auto& [spacing, degrees] :
       {std::pair{Vec3{1, 1, 1}, Vec3{0, 0, 0}}, std::pair{Vec3{0.5, 0.5, 5}, Vec3{4.9, 0, 0}},
        std::pair{Vec3{0.45, 0.9, 4}, Vec3{0, 0, 0}}, std::pair{Vec3{1.2, 1, 1}, Vec3{0, -4, 0}},
        std::pair{Vec3{1, 1, 0.6}, Vec3{0, 0, 0}}}) {
    const Geometry t1c = about_origin(spacing, {180, 220, 160}, degrees);
    const AxialGrid a = axial_grid(t1c);
    EXPECT_FALSE(a.recut) << a.why;
    EXPECT_EQ(corner_distance(a.grid, t1c), 0);
    EXPECT_THAT(a.why, HasSubstr("its own grid was kept"));
  }
  EXPECT_THAT(grid({1, 1, 1}, {5.1, 0, 0}).why, HasSubstr("lies 5.1 degrees off axial"));
  EXPECT_THAT(grid({5, 0.5, 0.5}, {}).why, HasSubstr("acquired in sagittal slices (voxels of 5.00 x 0.50 x 0.50 mm)"));
  EXPECT_THAT(grid({1, 3, 1}, {}).why, HasSubstr("acquired in coronal slices"));
  EXPECT_THAT(grid({1, 0.5, 0.5}, {}).why, HasSubstr("sagittal"));
  EXPECT_EQ(grid({5, 0.8, 0.8}, {}).grid.spacing, (Vec3{0.8, 0.8, 1}));
  EXPECT_EQ(grid({0.9, 0.9, 5}, {10, 0, 0}).grid.spacing, (Vec3{0.9, 0.9, 2}));
  EXPECT_EQ(grid({2.5, 2.5, 2.5}, {10, 0, 0}).grid.spacing, (Vec3{2.5, 2.5, 2.5}));
}

TEST(Axial, TheNewGridCoversTheBoxAndKeepsItsBound) {
  for (const Vec3& degrees : {Vec3{8, 0, 0}, Vec3{20, -25, 30}}) {
    for (const Vec3& spacing : {Vec3{1, 1, 1}, Vec3{0.45, 0.45, 5}, Vec3{0.3, 0.3, 0.3}}) {
      const Geometry t1c = about_origin(spacing, {200, 230, 170}, degrees);
      const AxialGrid a = axial_grid(t1c);
      ASSERT_TRUE(a.recut);
      EXPECT_LE(a.grid.voxels(), AxialOptions().most_voxels);
      EXPECT_GT(a.grid.voxels(), 7'000'000);
      EXPECT_EQ(a.grid.spacing[0], a.grid.spacing[1]);
      EXPECT_EQ(a.grid.direction, Geometry().direction);
      for (int corner = 0; corner < 8; ++corner) {
        Vec3 index;
        for (std::size_t c = 0; c < 3; ++c) index[c] = (corner >> c & 1) != 0 ? static_cast<double>(t1c.size[c] - 1) : 0;
        EXPECT_TRUE(a.grid.holds(a.grid.to_index(t1c.to_physical(index))));
      }
    }
  }
  Geometry absurd = about_origin({9, 9, 9}, {9, 9, 9}, {30, 0, 0});
  absurd.size = {4000, 4000, 4000};
  EXPECT_THROW(axial_grid(absurd), DataError);
}

TEST(Axial, ALesionNeverVanishesAndKeepsItsVolume) {
  const Geometry t1c = about_origin({0.5, 0.5, 5}, {90, 90, 90}, {17, 0, 9});
  Volume labels{t1c, std::vector<float>(static_cast<std::size_t>(t1c.voxels()))};
  labels.at(40, 90, 3) = 7;                                            // one voxel alone
  labels.at(90, 40, 9) = labels.at(91, 41, 9) = 5;                     // two that touch at an edge
  for (std::int64_t i = 120; i < 150; ++i) labels.at(i, 120, 12) = 2;  // a line
  for (std::int64_t j = 60; j < 84; ++j)
    for (std::int64_t i = 60; i < 84; ++i)
      for (std::int64_t k = 5; k < 8; ++k) labels.at(i, j, k) = i < 72 ? 1.0F : 3.0F;  // two blocks side by side
  labels.at(72, 70, 6) = 4;                                                            // and one inside
  const Volume out = recut_labels(labels, axial_grid(t1c).grid);
  const std::set<float> found(out.data.begin(), out.data.end());
  EXPECT_EQ(found, (std::set<float>{0, 1, 2, 3, 4, 5, 7}));
  const Vec3& s = out.geometry.spacing;
  for (const float label : {1.0F, 3.0F}) {
    const double mm3 = static_cast<double>(std::count(out.data.begin(), out.data.end(), label)) * s[0] * s[1] * s[2];
    EXPECT_NEAR(mm3, 6 * 12 * 15, 0.06 * 6 * 12 * 15);
  }
  // Nothing lies elsewhere than in the file, but for the neighbours' share.
  for (std::int64_t k = 0; k < out.geometry.size[2]; ++k) {
    for (std::int64_t j = 0; j < out.geometry.size[1]; ++j) {
      for (std::int64_t i = 0; i < out.geometry.size[0]; ++i) {
        const float label = out.at(i, j, k);
        if (label == 0) continue;
        const auto at = nearest_voxel(out.geometry, {i, j, k}, t1c);
        bool near = false;
        for (std::int64_t c = std::max<std::int64_t>(at[2] - 1, 0); c <= std::min(at[2] + 1, t1c.size[2] - 1); ++c)
          for (std::int64_t b = std::max<std::int64_t>(at[1] - 1, 0); b <= std::min(at[1] + 1, t1c.size[1] - 1); ++b)
            for (std::int64_t a = std::max<std::int64_t>(at[0] - 1, 0); a <= std::min(at[0] + 1, t1c.size[0] - 1); ++a)
              near = near || labels.at(a, b, c) == label;
        EXPECT_TRUE(near) << label << " at " << i << " " << j << " " << k;
      }
    }
  }
}

TEST(Axial, AnEmptyMaskStaysEmptyAndAFullOneFull) {
  const Geometry t1c = about_origin({2, 2, 2}, {40, 40, 40}, {12, 0, 0});
  Volume mask{t1c, std::vector<float>(static_cast<std::size_t>(t1c.voxels()))};
  const Geometry grid = axial_grid(t1c).grid;
  const std::vector<float> none = recut_labels(mask, grid).data;
  EXPECT_EQ(std::count(none.begin(), none.end(), 0.0F), grid.voxels());
  std::fill(mask.data.begin(), mask.data.end(), 1.0F);
  EXPECT_EQ(recut_labels(mask, grid).data, coverage(t1c, grid, {}).data);
}

}  // namespace
}  // namespace vitrine::imaging

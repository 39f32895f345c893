// Pictures for quality control: what they show, which side is which, and that they are small and repeat.
#include "imaging/qc_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "imaging/qc_canvas.h"
#include "imaging/qc_planes.h"
#include "prepared_cohort.h"
#include "tensor/parallel.h"

namespace vitrine::imaging {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::uint32_t u32(const std::string& bytes, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; ++i) v = v << 8 | static_cast<unsigned char>(bytes.at(at + i));
  return v;
}

// A PNG of a palette read back, by the specification: its colours pixel by pixel.
struct Decoded {
  int width = 0, height = 0;
  std::vector<std::array<int, 3>> pixels;
  const std::array<int, 3>& at(int x, int y) const { return pixels.at(static_cast<std::size_t>(y * width + x)); }
};

Decoded decoded(const std::string& png) {
  Decoded d;
  EXPECT_EQ(png.substr(0, 8), std::string("\x89PNG\r\n\x1a\n", 8));
  std::string palette, data;
  for (std::size_t at = 8; at < png.size();) {
    const std::size_t size = u32(png, at);
    const std::string type = png.substr(at + 4, 4), content = png.substr(at + 8, size);
    const std::string body = type + content;
    EXPECT_EQ(u32(png, at + 8 + size), ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
    if (type == "IHDR") {
      d.width = static_cast<int>(u32(content, 0));
      d.height = static_cast<int>(u32(content, 4));
      EXPECT_EQ(content.substr(8), std::string("\x08\x03\0\0\0", 5));
    }
    if (type == "PLTE") palette = content;
    if (type == "IDAT") data += content;
    at += 12 + size;
  }
  const auto width = static_cast<std::size_t>(d.width), height = static_cast<std::size_t>(d.height);
  std::string rows((width + 1) * height, '\0');
  uLongf size = rows.size();
  EXPECT_EQ(
      ::uncompress(reinterpret_cast<Bytef*>(rows.data()), &size, reinterpret_cast<const Bytef*>(data.data()), data.size()),
      Z_OK);
  std::vector<int> index(width * height);
  for (std::size_t y = 0; y < height; ++y) {
    const int filter = rows[y * (width + 1)];
    for (std::size_t x = 0; x < width; ++x) {
      const int a = x > 0 ? index[y * width + x - 1] : 0, b = y > 0 ? index[(y - 1) * width + x] : 0;
      const int c = x > 0 && y > 0 ? index[(y - 1) * width + x - 1] : 0, p = a + b - c;
      const int paeth = std::abs(p - a) <= std::abs(p - b) && std::abs(p - a) <= std::abs(p - c) ? a
                        : std::abs(p - b) <= std::abs(p - c)                                     ? b
                                                                                                 : c;
      const int predictions[] = {0, a, b, (a + b) / 2, paeth};
      const int value = (static_cast<unsigned char>(rows[y * (width + 1) + 1 + x]) + predictions[filter]) & 0xff;
      index[y * width + x] = value;
      std::array<int, 3> colour{};
      for (std::size_t n = 0; n < 3; ++n)
        colour[n] = static_cast<unsigned char>(palette.at(3 * static_cast<std::size_t>(value) + n));
      d.pixels.push_back(colour);
    }
  }
  return d;
}

// What the fixture of the cohort makes, for tests that prepare nothing.
struct Heads : PreparedCohort {
  using PreparedCohort::head;
  using PreparedCohort::volume;
};

// A patient of the cohort of tests, and a field that grows to the left.
struct Patient {
  Volume t1c = Heads::head(1, "t1c", false), flair = Heads::head(1, "flair", false), t2 = Heads::head(1, "t2", false);
  Mask brain = Heads::head(1, "brain_mask"), lesion = Heads::head(1, "mask");
  Volume field = Heads::volume([](const Vec3& p) { return 3 * std::exp(0.004 * p[0]); });

  QcInputs inputs() const { return {t1c, &flair, &t2, brain, lesion, {&field, &field, &field}}; }
};

const QcPicture& named(const std::vector<QcPicture>& pictures, const std::string& name) {
  const auto found = std::find_if(pictures.begin(), pictures.end(), [&](const QcPicture& p) { return p.name == name; });
  if (found == pictures.end()) throw std::runtime_error("no picture " + name);
  return *found;
}

std::vector<std::string> names(const std::vector<QcPicture>& pictures) {
  std::vector<std::string> out;
  for (const QcPicture& p : pictures) out.push_back(p.name);
  return out;
}

// Where a picture has a colour: the box of its pixels.
struct Found {
  int count = 0, left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};
Found colour_in(const Decoded& d, const std::array<int, 3>& colour) {
  Found f;
  for (int y = 0; y < d.height; ++y) {
    for (int x = 0; x < d.width; ++x) {
      if (d.at(x, y) != colour) continue;
      ++f.count;
      f.left = std::min(f.left, x);
      f.right = std::max(f.right, x);
      f.top = std::min(f.top, y);
      f.bottom = std::max(f.bottom, y);
    }
  }
  return f;
}
constexpr std::array<int, 3> kBrainColour{70, 205, 245}, kLesionColour{255, 158, 44}, kEdgeColour{255, 122, 47};

TEST(PalettePng, IsReadBackAsItWasGiven) {
  PalettePicture p{7, 5, {}, {}};
  for (int c = 0; c < 200; ++c) p.palette.push_back({static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(255 - c), 7});
  for (int i = 0; i < 35; ++i) p.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 200));
  const Decoded d = decoded(palette_png(p));
  ASSERT_EQ(d.width, 7);
  ASSERT_EQ(d.height, 5);
  for (std::size_t i = 0; i < 35; ++i) EXPECT_EQ(d.pixels[i][0], p.pixels[i]);
  PalettePicture smooth{64, 64, p.palette, {}};  // a ramp: the filters earn their place
  for (int i = 0; i < 64 * 64; ++i) smooth.pixels.push_back(static_cast<std::uint8_t>((i % 64 + i / 64) * 3 / 2));
  EXPECT_LT(palette_png(smooth).size(), 1200u);
  EXPECT_EQ(decoded(palette_png(smooth)).at(63, 63)[0], 189);
  p.pixels[3] = 200;
  EXPECT_THROW(palette_png(p), InternalError);
}

TEST(QcPlanes, TheRightIsAtTheLeftAndTheTopAtTheTop) {
  Volume v{{{4, 5, 3}, {1, 1, 4}, {0, 0, 0}}, std::vector<float>(60, 0)};
  v.at(0, 1, 2) = 9;  // right, front, top
  const VoxelBox all{{0, 0, 0}, {3, 4, 2}};
  const auto brightest = [&](Plane plane, std::int64_t slice) {
    const PlaneView view = plane_view(v.geometry, plane, slice, all, 1);
    const std::vector<float> values = sampled(v, view);
    const auto at = static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
    return std::array<int, 4>{view.width, view.height, at % view.width, at / view.width};
  };
  EXPECT_EQ(brightest(Plane::axial, 2), (std::array<int, 4>{4, 5, 0, 1}));
  const auto coronal = brightest(Plane::coronal, 1);  // thick slices are as thick as they are
  EXPECT_THAT(coronal, AllOf(ElementsAre(4, 12, 0, ::testing::Lt(2))));
  EXPECT_THAT(brightest(Plane::sagittal, 0), ElementsAre(5, 12, 1, ::testing::Lt(2)));
  EXPECT_THAT(side_letters(Plane::axial), ElementsAre('R', 'L', 'A', 'P'));
  EXPECT_THAT(side_letters(Plane::coronal), ElementsAre('R', 'L', 'S', 'I'));
  EXPECT_THAT(side_letters(Plane::sagittal), ElementsAre('A', 'P', 'S', 'I'));
}

TEST(QcPlanes, ALargePixelIsTheMeanOfItsVoxels) {
  Volume v{{{8, 2, 1}, {0.5, 0.5, 1}, {0, 0, 0}}, {}};
  for (int i = 0; i < 16; ++i) v.data.push_back(static_cast<float>(i % 8 % 2 == 0 ? 10 : 20));
  const PlaneView view = plane_view(v.geometry, Plane::axial, 0, {{0, 0, 0}, {7, 1, 0}}, 1);
  EXPECT_EQ(view.width, 4);
  EXPECT_EQ(view.height, 1);
  EXPECT_THAT(sampled(v, view), Each(15.0f));
}

TEST(QcPlanes, EdgesLieOnTheBorderAndOutlinesInsideIt) {
  std::vector<float> values;
  std::vector<std::uint8_t> region;
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 60; ++x) {
      const bool inside = std::hypot(x - 30.0, y - 20.0) < 12;
      values.push_back(inside ? 100 : 20);
      region.push_back(inside ? 1 : 0);
    }
  }
  const std::vector<std::uint8_t> found = edges(values, 60, 40), border = outline(region, 60, 40);
  int count = 0;
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 60; ++x) {
      const double r = std::hypot(x - 30.0, y - 20.0);
      if (found[static_cast<std::size_t>(y * 60 + x)] != 0) {
        ++count;
        EXPECT_NEAR(r, 12, 1.5);
      }
      if (border[static_cast<std::size_t>(y * 60 + x)] != 0) {
        EXPECT_NEAR(r, 11.3, 0.8);
      }
    }
  }
  EXPECT_GT(count, 50);  // of a circumference of 75
  EXPECT_THAT(edges(std::vector<float>(2400, 3), 60, 40), Each(0));
}

TEST(QcPictures, AllAreThereSmallAndTheSameTwice) {
  const Patient patient;
  const std::vector<QcPicture> pictures = qc_pictures(patient.inputs());
  EXPECT_THAT(names(pictures), ElementsAre("t1c_flair_checkerboard", "t1c_flair_edges", "t1c_t2_checkerboard", "t1c_t2_edges",
                                           "brain_axial", "brain_coronal_sagittal", "field_t1c", "field_flair", "field_t2"));
  const int threads = thread_count();
  set_thread_count(threads == 1 ? 2 : 1);
  const std::vector<QcPicture> again = qc_pictures(patient.inputs());
  set_thread_count(threads);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_EQ(sha256(pictures[i].png), sha256(again[i].png)) << pictures[i].name;
    EXPECT_NE(pictures[i].caption, "");
    const Decoded d = decoded(pictures[i].png);
    EXPECT_GT(d.width, 300) << pictures[i].name;
    EXPECT_LT(d.width, 520) << pictures[i].name;
    bytes += pictures[i].png.size();
  }
  EXPECT_LT(bytes, 400'000u);
}

TEST(QcPictures, NoiseEverywhereStaysSmall) {
  Patient patient;
  std::uint32_t state = 1;
  for (Volume* v : {&patient.t1c, &patient.flair, &patient.t2}) {
    for (float& value : v->data) {
      state = state * 1664525u + 1013904223u;
      value = static_cast<float>(state >> 8 & 0xffff);
    }
  }
  std::size_t bytes = 0;
  for (const QcPicture& p : qc_pictures(patient.inputs())) bytes += p.png.size();
  EXPECT_LT(bytes, 400'000u);
}

TEST(QcPictures, OutlinesLieWhereBrainAndLesionAre) {
  const Patient patient;
  const Decoded d = decoded(named(qc_pictures(patient.inputs()), "brain_axial").png);
  const Found brain = colour_in(d, kBrainColour), lesion = colour_in(d, kLesionColour);
  EXPECT_GT(brain.count, 500);
  EXPECT_GT(lesion.count, 20);
  // The lesion lies 8 mm to the patient's right (x < 0), which is the left half of its panel; nothing of it is seen in most panels.
  const int panel = d.width / 3;
  EXPECT_EQ(lesion.left / panel, lesion.right / panel);
  EXPECT_LT((lesion.left + lesion.right) / 2 % panel, panel / 2);
}

TEST(QcPictures, AShiftedSeriesShowsItsEdgesShifted) {
  const Patient patient;
  Patient moved;
  for (std::int64_t at = 0; at < moved.flair.geometry.voxels(); ++at) {  // four voxels to the left: 10 mm
    const std::int64_t i = at % moved.flair.geometry.size[0];
    moved.flair.data[static_cast<std::size_t>(at)] = i >= 4 ? patient.flair.data[static_cast<std::size_t>(at - 4)] : 0;
  }
  const Found here = colour_in(decoded(named(qc_pictures(patient.inputs()), "t1c_flair_edges").png), kEdgeColour);
  const Found there = colour_in(decoded(named(qc_pictures(moved.inputs()), "t1c_flair_edges").png), kEdgeColour);
  EXPECT_GT(here.count, 300);
  EXPECT_NE(sha256(named(qc_pictures(patient.inputs()), "t1c_flair_checkerboard").png),
            sha256(named(qc_pictures(moved.inputs()), "t1c_flair_checkerboard").png));
  EXPECT_GT(there.left, here.left + 10);  // the axial panel is the leftmost
}

TEST(QcPictures, TheFieldIsBlueWhereItDarkensAndBrownWhereItBrightens) {
  const Patient patient;
  const Decoded d = decoded(named(qc_pictures(patient.inputs()), "field_t1c").png);
  double blue = 0, blue_at = 0, brown = 0, brown_at = 0;
  for (int y = 0; y < d.height * 4 / 10; ++y) {  // the axial field, in the third column
    for (int x = 2 * d.width / 3; x < d.width; ++x) {
      const auto& c = d.at(x, y);
      if (c[2] > c[0] + 40) blue_at += x, ++blue;
      if (c[0] > c[2] + 40) brown_at += x, ++brown;
    }
  }
  ASSERT_GT(blue, 100);
  ASSERT_GT(brown, 100);
  EXPECT_LT(blue_at / blue + 20, brown_at / brown);  // it grows to the patient's left, the right of the picture
}

TEST(QcPictures, WhatIsNotThereIsNotShown) {
  const Patient patient;
  Mask none = patient.lesion;
  std::fill(none.data.begin(), none.data.end(), 0.0f);
  EXPECT_THAT(names(qc_pictures({patient.t1c, nullptr, &patient.t2, patient.brain, none, {}})),
              ElementsAre("t1c_t2_checkerboard", "t1c_t2_edges", "brain_axial", "brain_coronal_sagittal"));
  EXPECT_EQ(qc_pictures({patient.t1c, nullptr, nullptr, none, none, {&patient.field}}).size(), 3u);  // no brain either
  Volume constant = patient.t1c;
  std::fill(constant.data.begin(), constant.data.end(), 5.0f);
  EXPECT_EQ(qc_pictures({constant, &constant, nullptr, patient.brain, none, {}}).size(), 4u);
  Volume other = patient.flair;
  other.geometry.origin[0] += 1;
  EXPECT_THROW(qc_pictures({patient.t1c, &other, nullptr, patient.brain, none, {}}), InternalError);
}

TEST(QcPictures, CaptionsSayWhatIsSeen) {
  const Patient patient;
  const std::vector<QcPicture> pictures = qc_pictures(patient.inputs());
  EXPECT_THAT(named(pictures, "t1c_flair_edges").caption, AllOf(HasSubstr("FLAIR"), HasSubstr("largest lesion")));
  EXPECT_THAT(named(pictures, "field_t2").caption, HasSubstr("T2 before and after"));
}

}  // namespace
}  // namespace vitrine::imaging

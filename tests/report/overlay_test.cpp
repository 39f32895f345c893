// Colours that rise in lightness, and maps over grey pictures.
#include "report/overlay.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace vitrine::report {
namespace {

using Bytes = std::vector<std::uint8_t>;

// L* of CIE 1976 for sRGB and its white, D65.
double lightness(const std::array<std::uint8_t, 3>& colour) {
  const double share[] = {0.2126, 0.7152, 0.0722};
  double luminance = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double v = colour[c] / 255.0;
    luminance += share[c] * (v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
  }
  return luminance > 0.008856 ? 116 * std::cbrt(luminance) - 16 : 903.3 * luminance;
}

TEST(Overlay, InfernosLightnessRisesEvenly) {
  EXPECT_EQ(inferno(0), (std::array<std::uint8_t, 3>{0x00, 0x00, 0x04}));
  EXPECT_EQ(inferno(1), (std::array<std::uint8_t, 3>{0xFC, 0xFF, 0xA4}));
  EXPECT_EQ(inferno(-3), inferno(0));
  EXPECT_EQ(inferno(7), inferno(1));
  EXPECT_EQ(inferno(4.0 / 9), (std::array<std::uint8_t, 3>{0xA5, 0x2C, 0x60}));
  for (int i = 1; i <= 50; ++i) {
    const double step = lightness(inferno(i / 50.0)) - lightness(inferno((i - 1) / 50.0));
    EXPECT_GT(step, 0.4) << i;  // of 98 in fifty steps
    EXPECT_LT(step, 4) << i;
  }
}

TEST(Overlay, ZeroLeavesTheImageAndOneColoursIt) {
  const float grey[] = {0.2f, 1}, values[] = {0, 1};
  const Picture p = overlay_picture(grey, values, 2, 1, 1);
  EXPECT_EQ(p.channels, 3);
  // 51 stays; 0.3 * 255 + 0.7 * (252, 255, 164)
  EXPECT_EQ(p.pixels, (Bytes{51, 51, 51, 253, 255, 191}));
  const Picture colours = colour_picture(values, 2, 1, 2);
  EXPECT_EQ(colours.width, 4);
  EXPECT_EQ(colours.height, 2);
  EXPECT_EQ(Bytes(colours.pixels.begin() + 3, colours.pixels.begin() + 9), (Bytes{0, 0, 4, 252, 255, 164}));
}

TEST(Overlay, PicturesAreSetBelowOneAnother) {
  const Picture upper = rgb_of({1, 1, 1, {7}}), lower = rgb_of({1, 2, 1, {1, 2}});
  EXPECT_EQ(rgb_of(upper).pixels, (Bytes{7, 7, 7}));
  const Picture both = one_below_another({upper, lower}, 1);
  EXPECT_EQ(both.height, 4);
  EXPECT_EQ(both.pixels, (Bytes{7, 7, 7, 255, 255, 255, 1, 1, 1, 2, 2, 2}));
  EXPECT_THROW(one_below_another({}, 1), InternalError);
  EXPECT_THROW(one_below_another({upper, Picture{1, 1, 1, {0}}}, 1), InternalError);
}

}  // namespace
}  // namespace vitrine::report

#include "report/overlay.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"

namespace vitrine::report {
namespace {

using Colour = std::array<std::uint8_t, 3>;

// inferno(10).
constexpr Colour kPoints[] = {{0x00, 0x00, 0x04}, {0x1B, 0x0C, 0x42}, {0x4B, 0x0C, 0x6B}, {0x78, 0x1C, 0x6D},
                              {0xA5, 0x2C, 0x60}, {0xCF, 0x44, 0x46}, {0xED, 0x69, 0x25}, {0xFB, 0x9A, 0x06},
                              {0xF7, 0xD0, 0x3C}, {0xFC, 0xFF, 0xA4}};
constexpr int kSteps = static_cast<int>(std::size(kPoints)) - 1;

std::uint8_t byte_of(double value) { return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0))); }

// colour_at(i): of the i-th value, row by row.
Picture rgb_picture(int width, int height, int zoom, const std::function<Colour(int)>& colour_at) {
  Picture picture{width * zoom, height * zoom, 3, {}};
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const Colour c = colour_at((y / zoom) * width + x / zoom);
      picture.pixels.insert(picture.pixels.end(), c.begin(), c.end());
    }
  }
  return picture;
}

}  // namespace

std::array<std::uint8_t, 3> inferno(double value) {
  const double at = std::clamp(value, 0.0, 1.0) * kSteps;
  const int low = std::min(static_cast<int>(at), kSteps - 1);
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double a = kPoints[low][c], b = kPoints[low + 1][c];
    colour[c] = byte_of(a + (at - low) * (b - a));
  }
  return colour;
}

Picture colour_picture(const float* values, int width, int height, int zoom) {
  return rgb_picture(width, height, zoom, [values](int i) { return inferno(static_cast<double>(values[i])); });
}

Picture overlay_picture(const float* grey, const float* values, int width, int height, int zoom) {
  return rgb_picture(width, height, zoom, [=](int i) {
    const double value = std::clamp(static_cast<double>(values[i]), 0.0, 1.0), share = kOverlay * value;
    const double level = 255 * std::clamp(static_cast<double>(grey[i]), 0.0, 1.0);
    Colour colour = inferno(value);
    for (std::uint8_t& c : colour) c = byte_of((1 - share) * level + share * static_cast<double>(c));
    return colour;
  });
}

Picture rgb_of(const Picture& picture) {
  if (picture.channels == 3) return picture;
  Picture rgb{picture.width, picture.height, 3, {}};
  for (const std::uint8_t v : picture.pixels) rgb.pixels.insert(rgb.pixels.end(), 3, v);
  return rgb;
}

Picture one_below_another(const std::vector<Picture>& pictures, int gap) {
  if (pictures.empty()) throw InternalError("png: no pictures to put below one another");
  Picture result{pictures.front().width, 0, pictures.front().channels, {}};
  for (const Picture& p : pictures) {
    if (p.width != result.width || p.channels != result.channels)
      throw InternalError("png: pictures below one another differ in width or channels");
    if (result.height > 0) {
      result.pixels.insert(result.pixels.end(), static_cast<std::size_t>(gap * p.width * p.channels), 255);
      result.height += gap;
    }
    result.pixels.insert(result.pixels.end(), p.pixels.begin(), p.pixels.end());
    result.height += p.height;
  }
  return result;
}

}  // namespace vitrine::report

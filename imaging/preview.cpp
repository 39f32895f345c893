#include "imaging/preview.h"

#include "imaging/letters.h"
#include "report/png.h"

namespace vitrine::imaging {
namespace {

constexpr int kZoom = 3, kGap = 4;
constexpr int kLetterZoom = 2, kMargin = 6;

// White on a black edge, so that it can be read on any ground. Nothing is drawn where the picture is too small for it.
void draw(report::Picture& picture, const Letter& letter, int left, int top) {
  const auto set = [&](int x, int y, std::uint8_t value) {
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
    picture.pixels[static_cast<std::size_t>(y * picture.width + x)] = value;
  };
  const auto is_ink = [&](int x, int y) {  // of the letter's enlarged pixels
    if (x < 0 || y < 0 || x >= kLetterColumns * kLetterZoom || y >= kLetterRows * kLetterZoom) return false;
    return letter[static_cast<std::size_t>(y / kLetterZoom)][x / kLetterZoom] == '#';
  };
  for (int y = -1; y <= kLetterRows * kLetterZoom; ++y) {
    for (int x = -1; x <= kLetterColumns * kLetterZoom; ++x) {
      bool near = false;
      for (int d = 0; d < 9; ++d) near = near || is_ink(x + d % 3 - 1, y + d / 3 - 1);
      if (near) set(left + x, top + y, is_ink(x, y) ? 255 : 0);
    }
  }
}

}  // namespace

std::string preview_png(const std::vector<std::vector<float>>& slices, int size) {
  std::vector<report::Picture> pictures;
  for (const std::vector<float>& slice : slices) {
    report::Picture picture = report::grey_picture(slice.data(), size, size, kZoom);
    draw(picture, letter_of('R'), kMargin, kMargin);
    draw(picture, letter_of('L'), picture.width - kMargin - kLetterColumns * kLetterZoom, kMargin);
    pictures.push_back(std::move(picture));
  }
  return report::png_bytes(report::side_by_side(pictures, kGap));
}

std::vector<report::QcPanel> qc_panels(const CropChannels& crop) {
  std::vector<report::QcPanel> panels;
  for (const auto& [name, values] : crop.channels) {
    const report::Picture picture =
        report::grey_picture(values.data(), static_cast<int>(crop.width), static_cast<int>(crop.height), 1);
    panels.push_back({channel_title(name), report::png_bytes(picture)});
  }
  return panels;
}

}  // namespace vitrine::imaging

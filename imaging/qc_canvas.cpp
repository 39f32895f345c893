#include "imaging/qc_canvas.h"

#include <algorithm>
#include <cmath>

#include "imaging/letters.h"

namespace vitrine::imaging {
namespace {

constexpr int kWarm = 64, kField = 128;
constexpr int kLetterGap = 1;  // in a letter's pixels

struct Stop {
  double at;
  Colour colour;
};
constexpr Stop kFieldScale[] = {
    {0, {8, 48, 107}}, {0.25, {66, 146, 198}}, {0.5, {250, 250, 250}}, {0.75, {230, 140, 50}}, {1, {127, 59, 8}}};

std::uint8_t byte_of(double v) { return static_cast<std::uint8_t>(std::lround(std::clamp(v, 0.0, 255.0))); }

Colour field_colour(double share) {
  std::size_t i = 1;
  while (i + 1 < std::size(kFieldScale) && share > kFieldScale[i].at) ++i;
  const Stop &a = kFieldScale[i - 1], &b = kFieldScale[i];
  const double t = (share - a.at) / (b.at - a.at);
  const auto mixed = [t](std::uint8_t from, std::uint8_t to) { return byte_of(from + t * (to - from)); };
  return {mixed(a.colour.red, b.colour.red), mixed(a.colour.green, b.colour.green), mixed(a.colour.blue, b.colour.blue)};
}

std::vector<Colour> palette_of(int levels) {
  std::vector<Colour> colours(256);
  for (int level = 0; level < levels; ++level) {
    const double v = 255.0 * level / (levels - 1);
    colours[static_cast<std::size_t>(level)] = {byte_of(v), byte_of(v), byte_of(v)};
    colours[static_cast<std::size_t>(kWarm + level)] = {byte_of(v), byte_of(0.82 * v), byte_of(0.58 * v)};
  }
  for (int level = 0; level < kFieldLevels; ++level)
    colours[static_cast<std::size_t>(kField + level)] = field_colour(static_cast<double>(level) / (kFieldLevels - 1));
  const auto set = [&](Ink ink, Colour colour) { colours[static_cast<std::size_t>(ink)] = colour; };
  set(Ink::black, {0, 0, 0});
  set(Ink::white, {255, 255, 255});
  set(Ink::edge, {255, 122, 47});
  set(Ink::brain, {70, 205, 245});
  set(Ink::lesion, {255, 158, 44});
  return colours;
}

}  // namespace

std::uint8_t grey_index(int level) { return static_cast<std::uint8_t>(level); }
std::uint8_t warm_index(int level) { return static_cast<std::uint8_t>(kWarm + level); }
std::uint8_t field_index(int level) { return static_cast<std::uint8_t>(kField + level); }

void Panel::set(int x, int y, std::uint8_t index) {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  pixels[static_cast<std::size_t>(y * width + x)] = index;
}

Panel empty_panel(int width, int height) {
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), grey_index(0))};
}

void paint(Panel& panel, const std::vector<std::uint8_t>& where, Ink ink) {
  for (std::size_t at = 0; at < panel.pixels.size(); ++at) {
    if (where[at] != 0) panel.pixels[at] = static_cast<std::uint8_t>(ink);
  }
}

int written_width(const std::string& word, int zoom) {
  return zoom * (static_cast<int>(word.size()) * (kLetterColumns + kLetterGap) - kLetterGap);
}

void write(Panel& panel, const std::string& word, int left, int top, int zoom) {
  for (const Ink ink : {Ink::black, Ink::white}) {
    const int edge = ink == Ink::black ? 1 : 0;
    for (std::size_t n = 0; n < word.size(); ++n) {
      const Letter& letter = letter_of(word[n]);
      const int start = left + static_cast<int>(n) * (kLetterColumns + kLetterGap) * zoom;
      for (int p = 0; p < kLetterRows * kLetterColumns; ++p) {
        const int row = p / kLetterColumns, column = p % kLetterColumns;
        if (letter[static_cast<std::size_t>(row)][column] != '#') continue;
        for (int y = -edge; y < zoom + edge; ++y) {
          for (int x = -edge; x < zoom + edge; ++x)
            panel.set(start + column * zoom + x, top + row * zoom + y, static_cast<std::uint8_t>(ink));
        }
      }
    }
  }
}

void write_sides(Panel& panel, const std::array<char, 4>& letters, int zoom) {
  constexpr int kMargin = 3;
  const int wide = kLetterColumns * zoom, high = kLetterRows * zoom;
  const int middle_x = (panel.width - wide) / 2, middle_y = (panel.height - high) / 2;
  if (panel.width < 4 * wide || panel.height < 4 * high) return;
  write(panel, std::string(1, letters[0]), kMargin, middle_y, zoom);
  write(panel, std::string(1, letters[1]), panel.width - kMargin - wide, middle_y, zoom);
  write(panel, std::string(1, letters[2]), middle_x, kMargin, zoom);
  write(panel, std::string(1, letters[3]), middle_x, panel.height - kMargin - high, zoom);
}

Panel arranged(const std::vector<std::vector<Panel>>& rows, int gap) {
  std::vector<int> widths, heights;
  for (const std::vector<Panel>& row : rows) {
    heights.push_back(0);
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c == widths.size()) widths.push_back(0);
      widths[c] = std::max(widths[c], row[c].width);
      heights.back() = std::max(heights.back(), row[c].height);
    }
  }
  const auto total = [gap](const std::vector<int>& sizes) {
    int sum = gap * (static_cast<int>(sizes.size()) - 1);
    for (const int s : sizes) sum += s;
    return sum;
  };
  Panel out = empty_panel(total(widths), total(heights));
  int top = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    int left = 0;
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const Panel& p = rows[r][c];
      const int x0 = left + (widths[c] - p.width) / 2, y0 = top + (heights[r] - p.height) / 2;
      for (int y = 0; y < p.height; ++y)
        std::copy_n(p.pixels.begin() + y * p.width, p.width, out.pixels.begin() + (y0 + y) * out.width + x0);
      left += widths[c] + gap;
    }
    top += heights[r] + gap;
  }
  return out;
}

std::string png_of(const Panel& panel, int levels) {
  return palette_png({panel.width, panel.height, palette_of(levels), panel.pixels});
}

}  // namespace vitrine::imaging

// What pictures of quality control are painted with: one palette for all, panels of its indices, lines, letters, and panels set in a grid.
//
// Palette    greys of T1c; the same ramp in a warm tone for the series beside it; a scale from blue over white to brown for the field; inks
//            whose colours colour-blind people can tell apart (after Okabe, Ito 2008, Color Universal Design)
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/palette_png.h"

namespace vitrine::imaging {

inline constexpr int kMostLevels = 64;   // of a ramp of greys
inline constexpr int kFieldLevels = 33;  // odd: the middle is white

enum class Ink : std::uint8_t { black = 192, white, edge, brain, lesion };

// A level of 0 to levels - 1 as an index of the palette, for `levels` up to kMostLevels.
std::uint8_t grey_index(int level);
std::uint8_t warm_index(int level);
std::uint8_t field_index(int level);

struct Panel {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // indices of the palette

  void set(int x, int y, std::uint8_t index);  // nothing outside the panel
};

Panel empty_panel(int width, int height);  // black
// Every pixel of `where` that is not 0.
void paint(Panel& panel, const std::vector<std::uint8_t>& where, Ink ink);
// White on a black edge, each pixel `zoom` times as large. Nothing is drawn where the panel is too small.
void write(Panel& panel, const std::string& word, int left, int top, int zoom);
int written_width(const std::string& word, int zoom);
// Letters of the left, right, top and bottom side at their middles.
void write_sides(Panel& panel, const std::array<char, 4>& letters, int zoom);

// Rows of panels, `gap` black pixels between them; a column is as wide as its widest panel, which stand in the middle of their places.
Panel arranged(const std::vector<std::vector<Panel>>& rows, int gap);

// With `levels` greys in a ramp.
std::string png_of(const Panel& panel, int levels);

}  // namespace vitrine::imaging

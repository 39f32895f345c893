// PNG of at most 256 colours: one byte a pixel, deflated. The same bytes for the same picture and the same zlib.
//
// Filters    none, or for each row the one whose differences have the least sum, whichever makes the smaller file: the indices of a ramp of
//            greys are as smooth as the greys
// Reference  W3C PNG specification, third edition, sections 9 (filters), 11.2 (IHDR, PLTE, IDAT)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vitrine::imaging {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0;
};

struct PalettePicture {
  int width = 0, height = 0;
  std::vector<Colour> palette;       // 1 to 256
  std::vector<std::uint8_t> pixels;  // row-major, indices into the palette
};

// Colours that no pixel has are left out, the order of the others is kept. InternalError for a picture that is none.
std::string palette_png(const PalettePicture& picture);

}  // namespace vitrine::imaging

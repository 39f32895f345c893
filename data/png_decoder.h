// PNG through libpng: the pixels of Pillow's Image.open(f).convert("RGB"), row by row, and nothing that is damaged in silence.
//
// Kinds      grey and palette of 1 to 16 bits, RGB, each with and without alpha or a transparent colour, which are dropped: what lies under
//            transparent pixels shows. 16 bits become 8 as v * 255 / 65535, rounded; Pillow cuts RGB to its high byte instead (v / 256), and
//            takes 16-bit grey for a picture whose white is 255. Gamma, colour profiles and significant bits are not applied, as in Pillow
// Refused    a checksum that does not fit, of a chunk (CRC-32) or of the pixels (Adler-32); a file that ends before IEND; pixels that are
//            missing or too many; a palette's index without a colour
// Bounds     those of data/png_chunks.h; rows are decoded one by one, an interlaced picture's into memory for its region alone
// Reference  PNG (W3C, third edition); libpng-manual.txt
#pragma once

#include <memory>

#include "data/photograph_bytes.h"
#include "data/photograph_header.h"
#include "data/resize.h"

namespace vitrine {

// As JpegDecoder.
class PngDecoder {
 public:
  explicit PngDecoder(const PhotographBytes& bytes);
  ~PngDecoder();

  const PictureHeader& header() const;
  void start(const Region& region);
  const std::uint8_t* row();
  PictureFlaws finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrine

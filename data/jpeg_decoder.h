// JPEG through libjpeg-turbo: the pixels of Pillow's Image.open(f).convert("RGB"), row by row, and nothing that is damaged in silence.
//
// Kinds      baseline, extended and progressive, Huffman or arithmetic coding, 8 bits; grey, YCbCr, RGB, CMYK and YCCK. The inverse DCT is the
//            accurate one, chroma is upsampled with the triangle filter. Four channels are read as Adobe writes them, inverted, with and
//            without its marker, and become RGB as in Pillow: R = K' - (255 - C') K' / 255, rounded, of the stored bytes C' and K'
// Rows       of `start`'s region only: others are entropy-decoded and no more
// Refused    as damaged: every warning about data that libjpeg gives, but for bytes that have no meaning between its segments, which cameras
//            leave there. As truncated: a file that ends before its rows do, or, when it has several scans, before its end mark
// Bounds     64 million pixels; a bit of file for each 8 x 8 block; memory for rows, and for the coefficients of a file in several scans, of
//            which only those are touched that arrive; 500 scans, and work in proportion to pixels and bytes
// Reference  ITU-T T.81; T.872 (Adobe's marker); libjpeg-turbo's libjpeg.txt
#pragma once

#include <cstdint>
#include <memory>

#include "data/photograph_bytes.h"
#include "data/photograph_header.h"
#include "data/resize.h"

namespace vitrine {

// Every function throws DataError (the end of a sentence: "it is truncated: ..."), Interrupted and std::bad_alloc.
class JpegDecoder {
 public:
  explicit JpegDecoder(const PhotographBytes& bytes);  // which outlive it
  ~JpegDecoder();

  const PictureHeader& header() const;
  void start(const Region& region);
  // The next row of the region: four bytes a pixel from its left end, kernels::kRowPadding readable bytes behind. Until the next call.
  const std::uint8_t* row();
  PictureFlaws finish();  // after the region's last row; reads the rest of the file

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrine

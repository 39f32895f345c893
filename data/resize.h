// Photographs to network inputs: shorter-side resize and centre crop, the pixels as Pillow's.
//
// Resize     separable; bilinear, or bicubic with a = -0.5, the support widened by the scale when shrinking (antialiased); along the rows
//            first, then down the columns, each pass rounded to 8 bits; columns first where the height loses more than twice as many pixels
//            as the width, which is what Pillow 13 does (before 13 rows always came first)
// Numerics   whole numbers (data/resize_taps.h): the same bits on every instruction set, and those of Pillow 13's Image.resize
// Work       only what the result needs is computed: a picture is given row by row, in the order in which it is stored, and its rows and
//            columns outside `needed` are not looked at
// Reference  Keys 1981, doi 10.1109/TASSP.1981.1163711; Pillow's Image.resize
#pragma once

#include <cstdint>
#include <vector>

#include "data/resize_taps.h"
#include "tensor/tensor.h"

namespace vitrine {

struct ByteImage {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> rgb;  // height * width * 3
};

// How a stored picture is turned to be looked at: its rows become columns when `transposed`; a row or column i is stored at n - 1 - i when
// `rows_flipped` or `columns_flipped`.
struct Turn {
  bool transposed = false, rows_flipped = false, columns_flipped = false;
};

// A rectangle of a resized picture, in pixels of what is looked at.
struct Cut {
  std::int64_t height = 0, width = 0;  // of the whole, resized
  std::int64_t top = 0, left = 0;      // of the rectangle
  std::int64_t cut_height = 0, cut_width = 0;
};

// Shorter side `resized` pixels (the other one rounded half to even), then the central crop x crop square, an odd pixel left after it.
// torchvision truncates the longer side instead and rounds half of an odd rest to even, which can be one pixel each (docs/checkpoints.md): the
// reference values of the real weights were made with the rule here. height, width: of what is looked at. ShapeError when the crop does
// not fit or a size is not positive.
Cut central_square(std::int64_t height, std::int64_t width, std::int64_t resized, std::int64_t crop);

struct Region {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;  // of the stored picture; bottom and right lie outside
};

// One picture, row by row. Memory: a few rows for each row of the result that a stored row belongs to.
class Resampler {
 public:
  // height, width: of the stored picture.
  Resampler(std::int64_t height, std::int64_t width, const Turn& turn, const Cut& cut, Filter filter);

  const Region& needed() const { return needed_; }
  // The next of the rows needed().top to bottom: its pixels needed().left to right, four bytes each (red, green, blue and any), and
  // kernels::kRowPadding bytes behind them that may be read.
  void row(const std::uint8_t* pixels);
  ByteImage take();  // after the last row

 private:
  void finish(std::int64_t output);
  void keep(std::int64_t output, const std::uint8_t* pixels);

  const kernels::ResizeKernels& kernels_;
  bool transposed_, along_first_ = true;
  bool downward_;      // outputs come in their order as rows arrive
  Taps along_, down_;  // of the stored row, of the stored columns
  Region needed_;
  std::int64_t at_ = 0;  // the stored row that comes next
  std::int64_t first_open_ = 0, slots_ = 0, sum_bytes_ = 0;
  std::vector<std::uint32_t> sums_;  // of the outputs that are not finished, in a ring of slots_
  std::vector<std::uint8_t> line_, finished_;
  ByteImage result_;
};

// ShapeError unless both sizes are positive.
ByteImage resize(const ByteImage& image, std::int64_t height, std::int64_t width, Filter filter);
ByteImage resize_and_crop(const ByteImage& image, std::int64_t resized, std::int64_t crop, Filter filter);

Tensor to_unit_range(const ByteImage& image);  // [H, W, 3], values / 255
bool is_grey(const ByteImage& image);          // red, green and blue are equal in every pixel

}  // namespace vitrine

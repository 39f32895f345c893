// Which stored pixels make up which pixels of the result, along one axis, in whole numbers.
//
// Weights  of Pillow's resample for 8-bit images: the kernel at the distances in pixels, divided by its sum, times 2^22, rounded half away
//          from zero. A result is (sum of weight * value + 2^21) / 2^22, rounded down, cut to 0..255; a sum of integers has the same
//          bits in any order.
#pragma once

#include <cstdint>
#include <vector>

#include "data/resize_kernels.h"

namespace vitrine {

enum class Filter { bilinear, bicubic };

// The outputs [from, from + count) of resampling `in` pixels to `out`; with `flipped`, input pixel i is stored at in - 1 - i.
struct Axis {
  std::int64_t in = 0, out = 0, from = 0, count = 0;
  bool flipped = false;
};

struct Taps {
  std::vector<OutputTaps> outputs;   // in order of the result
  std::vector<std::int32_t> weight;  // each output's padded with zeros to a multiple of kTapsPadding
  std::int64_t begin = 0, end = 0;   // the stored pixels that are needed
};

Taps taps_of(const Axis& axis, Filter filter);

}  // namespace vitrine

// The window of a pooling op, and the sizes that follow from it.
#pragma once

#include <cstdint>
#include <string_view>

#include "layers/kernels/conv_shape.h"
#include "tensor/cuda/host_device.h"
#include "tensor/shape.h"

namespace vitrine {

inline constexpr std::int64_t kLargestWindow = 4095;  // its taps are counted in float32

struct PoolOptions {
  std::int64_t window = 2;   // rows and columns, at most kLargestWindow
  std::int64_t stride = 0;   // 0: the window's size, so that windows do not overlap
  std::int64_t padding = 0;  // on every side, at most half of the window: so each window holds a pixel
};

// Sizes for x [N, H, W, C], with K = C. UsageError naming `op` for options outside their range, ShapeError where there is no output pixel.
// A window that would reach beyond the padding is left out (floor mode).
ConvShape pool_shape(std::string_view op, const Shape& x, const PoolOptions& options);

namespace kernels {

// The part of a window's rows or columns, starting at `start`, that lies inside 0 .. size: taps [first, last).
struct Taps {
  std::int64_t first, last;
};
VITRINE_HD static inline Taps taps_inside(std::int64_t start, std::int64_t window, std::int64_t size) {
  return {start < 0 ? -start : 0, start + window > size ? size - start : window};
}

// The outputs whose window holds the row or column `at` (counted from the padding's edge): [first, last).
VITRINE_HD static inline Taps outputs_over(std::int64_t at, std::int64_t window, std::int64_t stride, std::int64_t outputs) {
  const std::int64_t first = at < window ? 0 : (at - window) / stride + 1, last = at / stride + 1;
  return {first, last < outputs ? last : outputs};
}

}  // namespace kernels
}  // namespace vitrine

// The inner loops of resampling, one table for each instruction set (tensor/isa.h). Pixels have four bytes: red, green, blue and one that
// is carried along.
#pragma once

#include <cstdint>

namespace vitrine {

inline constexpr int kWeightBits = 22;           // behind the binary point
inline constexpr std::int64_t kTapsPadding = 4;  // weights of one output come in multiples of it

struct OutputTaps {
  std::int64_t first = 0;    // the first stored pixel
  std::int64_t count = 0;    // of pixels
  std::int64_t weights = 0;  // where their weights begin
};

}  // namespace vitrine

namespace vitrine::kernels {

inline constexpr std::int64_t kPixelBytes = 4;
inline constexpr std::int64_t kRowPadding = kTapsPadding * kPixelBytes;  // bytes behind a row that may be read

struct ResizeKernels {
  // Along a row: out pixel o from the pixels outputs[o].first - begin, ... of `row`.
  void (*across)(const std::uint8_t* row, std::int64_t begin, const OutputTaps* outputs, std::int64_t count,
                 const std::int32_t* weight, std::uint8_t* out);
  // Down the columns: sum[i] += weight * row[i], in 32 bits that wrap.
  void (*add)(std::uint32_t* sum, const std::uint8_t* row, std::int32_t weight, std::int64_t count);
  // Sums rounded and cut to bytes, and set to zero.
  void (*finish)(std::uint32_t* sum, std::uint8_t* out, std::int64_t count);
};

namespace scalar {
extern const ResizeKernels resize_kernels;
}
namespace avx2 {
extern const ResizeKernels resize_kernels;
}
namespace avx512 {
extern const ResizeKernels resize_kernels;
}

}  // namespace vitrine::kernels

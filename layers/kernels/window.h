// Where a convolution's window lies: stride and explicit padding on each side.
//
// Two padding rules share one name in published EfficientNets (docs/checkpoints.md): PyTorch's symmetric padding, k / 2 on every side,
// and TensorFlow's SAME, which depends on the input size and puts the odd pixel after. A window is always explicit, so an op
// never guesses; these helpers compute it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vitrine {

struct Padding {  // rows and columns that are taken as outside, per side
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
};

struct ConvOptions {
  std::int64_t stride = 1;
  Padding padding;
};

// PyTorch's convention: k / 2 on every side, so that odd kernels at stride 1 keep the size.
inline Padding symmetric_padding(std::int64_t kernel) { return {kernel / 2, kernel / 2, kernel / 2, kernel / 2}; }

// TensorFlow's SAME: the output has ceil(size / stride) rows; total = max((out - 1) * stride + kernel - size, 0), the smaller half first.
inline Padding same_padding(std::int64_t height, std::int64_t width, std::int64_t kernel, std::int64_t stride) {
  const auto total = [&](std::int64_t size) {
    return std::max<std::int64_t>(0, ((size + stride - 1) / stride - 1) * stride + kernel - size);
  };
  const std::int64_t h = total(height), w = total(width);
  return {h / 2, w / 2, h - h / 2, w - w / 2};
}

inline constexpr std::int64_t kLargestPadding = std::int64_t{1} << 30;  // sums of sizes stay far from overflow

// None is negative or beyond that.
inline bool is_padding(const Padding& p) {
  const auto fits = [](std::int64_t side) { return side >= 0 && side <= kLargestPadding; };
  return fits(p.top) && fits(p.left) && fits(p.bottom) && fits(p.right);
}

// Rows or columns of the output; below 1 when the kernel does not fit.
inline std::int64_t output_size(std::int64_t size, std::int64_t before, std::int64_t after, std::int64_t kernel,
                                std::int64_t stride) {
  const std::int64_t room = size + before + after - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

}  // namespace vitrine

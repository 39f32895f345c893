// Which outputs of a convolution have a given tap inside the image, for kernels.
#pragma once

#include <cstdint>

#include "tensor/simd.h"

namespace vitrine::cpu::VITRINE_ISA {

// First and one past the last q whose input column q * stride + offset lies inside 0 .. size.
struct Range {
  std::int64_t first, last;
};
static inline Range inside(std::int64_t outputs, std::int64_t stride, std::int64_t offset, std::int64_t size) {
  std::int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
  std::int64_t last = size > offset ? (size - offset - 1) / stride + 1 : 0;
  if (last > outputs) last = outputs;
  if (first > last) first = last;
  return {first, last};
}

}  // namespace vitrine::cpu::VITRINE_ISA

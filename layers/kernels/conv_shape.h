// The sizes of one convolution, for kernels and for what calls them.
#pragma once

#include <cstdint>

#include "layers/kernels/window.h"

namespace vitrine {

// All sizes of one convolution; depthwise has K = C.
struct ConvShape {
  std::int64_t N, H, W, C, R, S, K, P, Q, stride;
  Padding padding;
};

// What a node shows of its convolution beside x and w: show(name, number).
template <class Visitor>
void show_window(Visitor& show, const ConvShape& s) {
  show("stride", s.stride);
  show("top", s.padding.top), show("left", s.padding.left), show("bottom", s.padding.bottom), show("right", s.padding.right);
}

namespace kernels {

// Chunks of 1,024 output pixels whose sums a weight gradient keeps apart; 0 where it goes through the pixels weight by weight.
inline std::int64_t weight_gradient_chunks(const ConvShape& s) {
  const std::int64_t pixels = s.N * s.P * s.Q, width = s.R * s.S * s.C;
  return s.R * s.S > 1 && width <= 256 && width * s.K <= 16384 && pixels >= 2048 ? (pixels + 1023) / 1024 : 0;
}

}  // namespace kernels
}  // namespace vitrine

#include "layers/conv2d.h"

#include "layers/kernels/packed_cpu.h"
#include "layers/kernels/weight_gradient_cpu.h"
#include "layers/kernels/window_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

bool is_pointwise(const ConvShape& z) {
  const Padding& p = z.padding;
  return z.R == 1 && z.S == 1 && z.stride == 1 && p.top + p.left + p.bottom + p.right == 0;
}

// acc[v] += sum over c of x[c] * w[c * K + v * kLanes ...]
template <int Vectors>
void add_channels(const float* x, const float* w, std::int64_t count, std::int64_t K, int tail, F (&acc)[Vectors]) {
  for (std::int64_t c = 0; c < count; ++c) {
    const F value = broadcast(x[c]);
    for (int v = 0; v < Vectors; ++v) {
      const float* p = w + c * K + v * kLanes;
      acc[v] = fma(value, v == Vectors - 1 && tail < kLanes ? load_partial(p, tail) : load(p), acc[v]);
    }
  }
}

// One output position of a general convolution: chunks of the flattened index (tap, channel), joined in order.
struct Dot {
  F chunk = zero(), total = zero();
  std::int64_t end = kDotTerms;
  bool first = true;

  void close() {
    total = first ? chunk : total + chunk;
    first = false;
    chunk = zero();
    end += kDotTerms;
  }
  // The terms `index` .. `index + count` are x[0..count) against rows of w.
  void add(std::int64_t index, const float* x, const float* w, std::int64_t count, std::int64_t K, int lanes) {
    while (count > 0) {
      while (index >= end) close();
      const std::int64_t terms = end - index < count ? end - index : count;
      F acc[1] = {chunk};
      add_channels<1>(x, w, terms, K, lanes, acc);
      chunk = acc[0];
      index += terms;
      x += terms;
      w += terms * K;
      count -= terms;
    }
  }
  F sum() {
    close();
    return total;
  }
};

// Windows as rows of a product: its terms are the flattened index (tap, channel), and zeros outside the image change no sum. Each thread packs
// the weights for itself: they then lie in its cache, and rows of a power of two would get in each other's way there.
void general_forward(const ConvShape& z, const float* x, const float* w, const float* b, float* y) {
  const std::int64_t width = z.R * z.S * z.C, padded = Packed{nullptr, width, z.K}.padded();
  parallel_for(z.N * z.P, 1, [&](std::int64_t first, std::int64_t last) {
    float* const room = thread_scratch(static_cast<std::size_t>((width + 1) * padded + z.R * padded_columns(z) * z.C));
    pack(w, b, width, z.K, room);
    const Packed packed{room, width, z.K};
    for (std::int64_t row = first; row < last; ++row) {
      const LeftRows left = window_rows(z, x, row / z.P, row % z.P, room + (width + 1) * padded);
      packed_product(left, packed, z.Q, y + row * z.Q * z.K);
    }
  });
}

// wt [R, S, K, C]: the weights of every tap transposed.
void general_backward_data(const ConvShape& z, const float* dy, const float* wt, float* dx) {
  parallel_for(z.N * z.H, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.H, h = row % z.H;
      for (std::int64_t v = 0; v < z.W; ++v) {
        for (std::int64_t c = 0; c < z.C; c += kLanes) {
          const int lanes = static_cast<int>(z.C - c < kLanes ? z.C - c : kLanes);
          Dot dot;
          for (std::int64_t r = 0; r < z.R; ++r) {
            const std::int64_t up = h + z.padding.top - r;
            if (up < 0 || up % z.stride != 0 || up / z.stride >= z.P) continue;
            for (std::int64_t s = 0; s < z.S; ++s) {
              const std::int64_t left = v + z.padding.left - s;
              if (left < 0 || left % z.stride != 0 || left / z.stride >= z.Q) continue;
              const float* from = dy + ((n * z.P + up / z.stride) * z.Q + left / z.stride) * z.K;
              dot.add((r * z.S + s) * z.K, from, wt + (r * z.S + s) * z.K * z.C + c, z.K, z.C, lanes);
            }
          }
          store_partial(dx + (row * z.W + v) * z.C + c, dot.sum(), lanes);
        }
      }
    }
  });
}

void forward(const ConvShape& z, const float* x, const float* w, const float* b, float* y) {
  if (is_pointwise(z)) {
    product(x, w, b, z.N * z.H * z.W, z.C, z.K, y);
  } else {
    general_forward(z, x, w, b, y);
  }
}

void backward_data(const ConvShape& z, const float* dy, const float* w, float* scratch, float* dx) {
  for (std::int64_t tap = 0; tap < z.R * z.S; ++tap) transpose(w + tap * z.C * z.K, z.C, z.K, scratch + tap * z.C * z.K);
  if (is_pointwise(z)) {
    product(dy, scratch, nullptr, z.N * z.H * z.W, z.K, z.C, dx);
  } else {
    general_backward_data(z, dy, scratch, dx);
  }
}

}  // namespace

extern const Conv2dKernels conv2d_table;
const Conv2dKernels conv2d_table = {forward, backward_data, weight_gradient, bias_gradient};

}  // namespace vitrine::kernels::VITRINE_ISA

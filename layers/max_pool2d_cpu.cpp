#include "layers/max_pool2d.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

struct Maximum {
  F value, tap;
};

// Over rows x columns taps, the first at x; their numbers grow by S from row to row.
Maximum maximum_of(const float* x, const Taps& rows, const Taps& columns, std::int64_t S, std::int64_t row_step, std::int64_t C,
                   int lanes) {
  Maximum m = {load_partial(x, lanes), broadcast(static_cast<float>(rows.first * S + columns.first))};
  for (std::int64_t r = rows.first; r < rows.last; ++r, x += row_step) {
    for (std::int64_t s = columns.first; s < columns.last; ++s) {
      const F value = load_partial(x + (s - columns.first) * C, lanes);
      const I larger = (value > m.value) | ((value != value) & (m.value == m.value));  // a NaN is the maximum
      m.value = select(larger, value, m.value);
      m.tap = select(larger, broadcast(static_cast<float>(r * S + s)), m.tap);
    }
  }
  return m;
}

void forward(const ConvShape& z, const float* x, float* y, float* taps) {
  parallel_for(z.N * z.P, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.P, h = row % z.P * z.stride - z.padding.top;
      const Taps rows = taps_inside(h, z.R, z.H);
      for (std::int64_t q = 0; q < z.Q; ++q) {
        const std::int64_t v = q * z.stride - z.padding.left;
        const Taps columns = taps_inside(v, z.S, z.W);
        const float* const from = x + ((n * z.H + h + rows.first) * z.W + v + columns.first) * z.C;
        const std::int64_t to = (row * z.Q + q) * z.C;
        for (std::int64_t c = 0; c < z.C; c += kLanes) {
          const int lanes = lanes_of(z.C, c);
          const Maximum m = maximum_of(from + c, rows, columns, z.S, z.W * z.C, z.C, lanes);
          store_partial(y + to + c, m.value, lanes);
          store_partial(taps + to + c, m.tap, lanes);
        }
      }
    }
  });
}

void backward(const ConvShape& z, const float* taps, const float* dy, float* dx) {
  parallel_for(z.N * z.H, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.H, h = row % z.H + z.padding.top;
      const Taps rows = outputs_over(h, z.R, z.stride, z.P);
      for (std::int64_t w = 0; w < z.W; ++w) {
        const std::int64_t v = w + z.padding.left;
        const Taps columns = outputs_over(v, z.S, z.stride, z.Q);
        for (std::int64_t c = 0; c < z.C; c += kLanes) {
          const int lanes = lanes_of(z.C, c);
          F sum = zero();
          for (std::int64_t p = rows.first; p < rows.last; ++p) {
            for (std::int64_t q = columns.first; q < columns.last; ++q) {
              const std::int64_t at = ((n * z.P + p) * z.Q + q) * z.C + c;
              const F here = broadcast(static_cast<float>((h - p * z.stride) * z.S + v - q * z.stride));
              sum = select(load_partial(taps + at, lanes) == here, sum + load_partial(dy + at, lanes), sum);
            }
          }
          store_partial(dx + (row * z.W + w) * z.C + c, sum, lanes);
        }
      }
    }
  });
}

}  // namespace

extern const MaxPool2dKernels max_pool2d_table;
const MaxPool2dKernels max_pool2d_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA

#include "layers/average_pool2d.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

float count(const ConvShape& z, bool count_include_pad, const Taps& rows, const Taps& columns) {
  return static_cast<float>(count_include_pad ? z.R * z.S : (rows.last - rows.first) * (columns.last - columns.first));
}

// The sum over rows x columns taps, the first at x.
F sum_of(const float* x, std::int64_t rows, std::int64_t columns, std::int64_t row_step, std::int64_t C, int lanes) {
  F sum = zero();
  for (std::int64_t r = 0; r < rows; ++r, x += row_step) {
    for (std::int64_t s = 0; s < columns; ++s) sum = sum + load_partial(x + s * C, lanes);
  }
  return sum;
}

void forward(const ConvShape& z, bool count_include_pad, const float* x, float* y) {
  parallel_for(z.N * z.P, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.P, h = row % z.P * z.stride - z.padding.top;
      const Taps rows = taps_inside(h, z.R, z.H);
      for (std::int64_t q = 0; q < z.Q; ++q) {
        const std::int64_t v = q * z.stride - z.padding.left;
        const Taps columns = taps_inside(v, z.S, z.W);
        const F divisor = broadcast(count(z, count_include_pad, rows, columns));
        const float* const from = x + ((n * z.H + h + rows.first) * z.W + v + columns.first) * z.C;
        float* const to = y + (row * z.Q + q) * z.C;
        for (std::int64_t c = 0; c < z.C; c += kLanes) {
          const int lanes = lanes_of(z.C, c);
          const F sum = sum_of(from + c, rows.last - rows.first, columns.last - columns.first, z.W * z.C, z.C, lanes);
          store_partial(to + c, sum / divisor, lanes);
        }
      }
    }
  });
}

void backward(const ConvShape& z, bool count_include_pad, const float* dy, float* dx) {
  parallel_for(z.N * z.H, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const std::int64_t n = row / z.H;
      const Taps rows = outputs_over(row % z.H + z.padding.top, z.R, z.stride, z.P);
      for (std::int64_t w = 0; w < z.W; ++w) {
        const Taps columns = outputs_over(w + z.padding.left, z.S, z.stride, z.Q);
        for (std::int64_t c = 0; c < z.C; c += kLanes) {
          const int lanes = lanes_of(z.C, c);
          F sum = zero();
          for (std::int64_t p = rows.first; p < rows.last; ++p) {
            const Taps down = taps_inside(p * z.stride - z.padding.top, z.R, z.H);
            for (std::int64_t q = columns.first; q < columns.last; ++q) {
              const Taps across = taps_inside(q * z.stride - z.padding.left, z.S, z.W);
              const F divisor = broadcast(count(z, count_include_pad, down, across));
              sum = sum + load_partial(dy + ((n * z.P + p) * z.Q + q) * z.C + c, lanes) / divisor;
            }
          }
          store_partial(dx + (row * z.W + w) * z.C + c, sum, lanes);
        }
      }
    }
  });
}

}  // namespace

extern const AveragePool2dKernels average_pool2d_table;
const AveragePool2dKernels average_pool2d_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA

#include "layers/max_pool2d.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void forward(const ConvShape& z, const float* x, float* y, float* taps) {
  for_rows("max_pool2d", z.N * z.P * z.Q, z.C, [=] VITRINE_HD(std::int64_t pixel, std::int64_t c) {
    const std::int64_t n = pixel / z.Q / z.P;
    const std::int64_t h = pixel / z.Q % z.P * z.stride - z.padding.top, v = pixel % z.Q * z.stride - z.padding.left;
    const kernels::Taps rows = kernels::taps_inside(h, z.R, z.H), columns = kernels::taps_inside(v, z.S, z.W);
    const float* const from = x + ((n * z.H + h) * z.W + v) * z.C + c;
    float best = from[(rows.first * z.W + columns.first) * z.C];
    std::int64_t tap = rows.first * z.S + columns.first;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      for (std::int64_t s = columns.first; s < columns.last; ++s) {
        const float value = from[(r * z.W + s) * z.C];
        if (!(value > best || (value != value && best == best))) continue;  // a NaN is the maximum
        best = value;
        tap = r * z.S + s;
      }
    }
    y[pixel * z.C + c] = best;
    taps[pixel * z.C + c] = static_cast<float>(tap);
  });
}

void backward(const ConvShape& z, const float* taps, const float* dy, float* dx) {
  for_rows("max_pool2d", z.N * z.H * z.W, z.C, [=] VITRINE_HD(std::int64_t pixel, std::int64_t c) {
    const std::int64_t n = pixel / z.W / z.H, h = pixel / z.W % z.H + z.padding.top, v = pixel % z.W + z.padding.left;
    const kernels::Taps rows = kernels::outputs_over(h, z.R, z.stride, z.P),
                        columns = kernels::outputs_over(v, z.S, z.stride, z.Q);
    float sum = 0;
    for (std::int64_t p = rows.first; p < rows.last; ++p) {
      for (std::int64_t q = columns.first; q < columns.last; ++q) {
        const std::int64_t at = ((n * z.P + p) * z.Q + q) * z.C + c;
        if (taps[at] == static_cast<float>((h - p * z.stride) * z.S + v - q * z.stride)) sum += dy[at];
      }
    }
    dx[pixel * z.C + c] = sum;
  });
}

}  // namespace

extern const kernels::MaxPool2dKernels max_pool2d_table;
const kernels::MaxPool2dKernels max_pool2d_table = {forward, backward};

}  // namespace vitrine::cuda

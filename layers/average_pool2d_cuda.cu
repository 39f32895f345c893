#include "layers/average_pool2d.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

// By what the sum of window (p, q) is divided.
VITRINE_HD float count(const ConvShape& z, bool count_include_pad, std::int64_t p, std::int64_t q) {
  if (count_include_pad) return static_cast<float>(z.R * z.S);
  const kernels::Taps rows = kernels::taps_inside(p * z.stride - z.padding.top, z.R, z.H);
  const kernels::Taps columns = kernels::taps_inside(q * z.stride - z.padding.left, z.S, z.W);
  return static_cast<float>((rows.last - rows.first) * (columns.last - columns.first));
}

void forward(const ConvShape& z, bool count_include_pad, const float* x, float* y) {
  for_rows("average_pool2d", z.N * z.P * z.Q, z.C, [=] VITRINE_HD(std::int64_t pixel, std::int64_t c) {
    const std::int64_t n = pixel / z.Q / z.P, p = pixel / z.Q % z.P, q = pixel % z.Q;
    const std::int64_t h = p * z.stride - z.padding.top, v = q * z.stride - z.padding.left;
    const kernels::Taps rows = kernels::taps_inside(h, z.R, z.H), columns = kernels::taps_inside(v, z.S, z.W);
    float sum = 0;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      for (std::int64_t s = columns.first; s < columns.last; ++s) sum += x[((n * z.H + h + r) * z.W + v + s) * z.C + c];
    }
    y[pixel * z.C + c] = sum / count(z, count_include_pad, p, q);
  });
}

void backward(const ConvShape& z, bool count_include_pad, const float* dy, float* dx) {
  for_rows("average_pool2d", z.N * z.H * z.W, z.C, [=] VITRINE_HD(std::int64_t pixel, std::int64_t c) {
    const std::int64_t n = pixel / z.W / z.H;
    const kernels::Taps rows = kernels::outputs_over(pixel / z.W % z.H + z.padding.top, z.R, z.stride, z.P);
    const kernels::Taps columns = kernels::outputs_over(pixel % z.W + z.padding.left, z.S, z.stride, z.Q);
    float sum = 0;
    for (std::int64_t p = rows.first; p < rows.last; ++p) {
      for (std::int64_t q = columns.first; q < columns.last; ++q)
        sum += dy[((n * z.P + p) * z.Q + q) * z.C + c] / count(z, count_include_pad, p, q);
    }
    dx[pixel * z.C + c] = sum;
  });
}

}  // namespace

extern const kernels::AveragePool2dKernels average_pool2d_table;
const kernels::AveragePool2dKernels average_pool2d_table = {forward, backward};

}  // namespace vitrine::cuda

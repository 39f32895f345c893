#include "layers/depthwise_conv2d.h"

#include "layers/cudnn/convolution.h"
#include "layers/kernels/depthwise_sweep_cuda.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "layers/kernels/window_cuda.h"

namespace vitrine::cuda {
namespace {

// Any window, forward or backward: one thread for an output, `windows` says what its taps see.
template <class Seen>
void general(std::int64_t pixels, std::int64_t taps, std::int64_t C, Seen windows, const float* w, float* y) {
  for_rows("depthwise_conv2d", pixels, C, [=] VITRINE_HD(std::int64_t pixel, std::int64_t c) {
    float sum = 0;
    for (std::int64_t t = 0; t < taps; ++t) sum = std::fma(windows(pixel, t * C + c), w[t * C + c], sum);
    y[pixel * C + c] = sum;
  });
}

void own_forward(const ConvShape& z, const float* x, const float* w, float* y) {
  if (!has_depthwise_tiles(z)) return general(z.N * z.P * z.Q, z.R * z.S, z.C, Windows{z, x}, w, y);
  const std::int64_t C = z.C;
  depthwise_forward<0>(
      "depthwise_conv2d", z, w, RowMajor{x, C},
      [=] VITRINE_HD(std::int64_t row, std::int64_t c, float value, double*) { y[row * C + c] = value; }, TakeNothing{});
}

void own_backward_data(const ConvShape& z, const float* dy, const float* w, float* dx) {
  if (!has_depthwise_tiles(z)) return general(z.N * z.H * z.W, z.R * z.S, z.C, OutputWindows{z, dy}, w, dx);
  const std::int64_t C = z.C;
  depthwise_backward_data("depthwise_conv2d", z, w, RowMajor{dy, C},
                          [=] VITRINE_HD(std::int64_t row, std::int64_t c, float value) { dx[row * C + c] = value; });
}

void own_backward_weights(const ConvShape& z, const float* x, const float* dy, float* dw) {
  if (settings().tier == Tier::run_to_run && has_depthwise_tiles(z)) {
    const auto nothing = [] VITRINE_HD(std::int64_t, std::int64_t, float, double*) {};
    return depthwise_sweep<false>("depthwise_conv2d", z, nullptr, RowMajor{dy, z.C}, RowMajor{x, z.C}, nothing, TakeNothing{},
                                  dw);
  }
  const std::int64_t pixels = z.N * z.P * z.Q, chunks = (pixels + kChunk - 1) / kChunk, size = z.R * z.S * z.C;
  Tensor room = Tensor::uninitialized({chunks, size}, current());
  float* const partial = room.mutable_data();
  const Windows windows{z, x};
  for_each("depthwise_conv2d", chunks * size, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t term = i % size, c = term % z.C, first = i / size * kChunk;
    const std::int64_t last = first + kChunk < pixels ? first + kChunk : pixels;
    float sum = 0;
    for (std::int64_t pixel = first; pixel < last; ++pixel) sum = std::fma(windows(pixel, term), dy[pixel * z.C + c], sum);
    partial[i] = sum;
  });
  join_chunks("depthwise_conv2d", partial, chunks, size, dw);
}

void forward(const ConvShape& z, const float* x, const float* w, float* y) {
  run_convolution(
      {ConvolutionPart::forward, z, true}, [=] { own_forward(z, x, w, y); }, [=] { return library_depthwise(z, x, w, y); });
}

void backward_data(const ConvShape& z, const float* dy, const float* w, float* dx) {
  run_convolution(
      {ConvolutionPart::data_gradient, z, true}, [=] { own_backward_data(z, dy, w, dx); },
      [=] { return library_depthwise_data_gradient(z, dy, w, dx); });
}

void backward_weights(const ConvShape& z, const float* x, const float* dy, float* dw) {
  run_convolution(
      {ConvolutionPart::weight_gradient, z, true}, [=] { own_backward_weights(z, x, dy, dw); },
      [=] { return library_depthwise_weight_gradient(z, x, dy, dw); });
}

}  // namespace

extern const kernels::DepthwiseConv2dKernels depthwise_conv2d_table;
const kernels::DepthwiseConv2dKernels depthwise_conv2d_table = {forward, backward_data, backward_weights};

}  // namespace vitrine::cuda

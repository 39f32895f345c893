#include "layers/conv2d.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/kernels/long_sums_cuda.h"
#include "layers/kernels/window_cuda.h"
#include "layers/products_cuda.h"

namespace vitrine::cuda {
namespace {

// The weight gradient of a stem at small sizes is shared among more blocks: its sums are few, and much of a GPU would be idle. More outputs
// than a stem has would take much memory for the blocks' sums.
constexpr std::int64_t kFewPixels = 1 << 16, kFewOutputs = 4096, kStemPart = 64;

bool is_product(const ConvShape& z) {
  const Padding& p = z.padding;
  return !cudnn::uses_graphs() && z.R == 1 && z.S == 1 && z.stride == 1 && p.top + p.left + p.bottom + p.right == 0;
}

void own_forward(const ConvShape& z, const float* x, const float* w, const float* b, float* y) {
  const std::int64_t K = z.K;
  product_of(
      "conv2d", z.N * z.P * z.Q, K, z.R * z.S * z.C, Windows{z, x},
      [=] VITRINE_HD(std::int64_t term, std::int64_t k) { return w[term * K + k]; },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t k, float sum) { y[pixel * K + k] = b == nullptr ? sum : sum + b[k]; });
}

void own_backward_data(const ConvShape& z, const float* dy, const float* w, float* dx) {
  const std::int64_t C = z.C, K = z.K;
  product_of(
      "conv2d", z.N * z.H * z.W, C, z.R * z.S * K, OutputWindows{z, dy},
      [=] VITRINE_HD(std::int64_t term, std::int64_t c) { return w[(term / K * C + c) * K + term % K]; },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t c, float sum) { dx[pixel * C + c] = sum; });
}

void own_backward_weights(const ConvShape& z, const float* x, const float* dy, float* dw) {
  const std::int64_t pixels = z.N * z.P * z.Q, width = z.R * z.S * z.C, K = z.K;
  const bool shares = settings().tier == Tier::run_to_run && pixels <= kFewPixels && width * K <= kFewOutputs;
  const Windows windows{z, x};
  product_of_long_sums(
      "conv2d", width, K, pixels, [=] VITRINE_HD(std::int64_t term, std::int64_t pixel) { return windows(pixel, term); },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t k) { return dy[pixel * K + k]; }, dw, shares ? kStemPart * 4 : kChunk,
      shares ? kStemPart : kChunk);
}

void forward(const ConvShape& z, const float* x, const float* w, const float* b, float* y) {
  if (is_product(z)) return product("conv2d", x, w, b, z.N * z.P * z.Q, z.C, z.K, y);
  run_convolution(
      ConvolutionPart::forward, z, false, b != nullptr, [=] { own_forward(z, x, w, b, y); },
      [=] { return library_convolution(z, x, w, b, y); });
}

void backward_data(const ConvShape& z, const float* dy, const float* w, float*, float* dx) {
  if (is_product(z)) return product_transposed("conv2d", dy, w, z.N * z.H * z.W, z.K, z.C, dx);
  run_convolution(
      ConvolutionPart::data_gradient, z, false, false, [=] { own_backward_data(z, dy, w, dx); },
      [=] { return library_convolution_data_gradient(z, dy, w, dx); });
}

void backward_weights(const ConvShape& z, const float* x, const float* dy, float*, float* dw) {
  if (is_product(z)) return product_over_rows("conv2d", x, dy, z.N * z.P * z.Q, z.C, z.K, dw);
  run_convolution(
      ConvolutionPart::weight_gradient, z, false, false, [=] { own_backward_weights(z, x, dy, dw); },
      [=] { return library_convolution_weight_gradient(z, x, dy, dw); });
}

void backward_bias(const float* dy, std::int64_t pixels, std::int64_t K, float* db) {
  if (cudnn::uses_graphs() && library_sum_of_rows("conv2d", dy, pixels, K, db)) return;
  sum_over_rows("conv2d", dy, pixels, K, db);
}

}  // namespace

extern const kernels::Conv2dKernels conv2d_table;
const kernels::Conv2dKernels conv2d_table = {forward, backward_data, backward_weights, backward_bias};

}  // namespace vitrine::cuda

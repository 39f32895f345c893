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

template <class Stored>
void own_forward(const ConvShape& z, const Stored* x, const Stored* w, const float* b, Stored* y) {
  const std::int64_t K = z.K;
  product_of(
      "conv2d", z.N * z.P * z.Q, K, z.R * z.S * z.C, Windows<Stored>{z, x},
      [=] VITRINE_HD(std::int64_t term, std::int64_t k) { return value_at(w + term * K + k); },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t k, float sum) {
        keep(y + pixel * K + k, b == nullptr ? sum : sum + b[k]);
      });
}

template <class Stored>
void own_backward_data(const ConvShape& z, const Stored* dy, const Stored* w, Stored* dx) {
  const std::int64_t C = z.C, K = z.K;
  product_of(
      "conv2d", z.N * z.H * z.W, C, z.R * z.S * K, OutputWindows<Stored>{z, dy},
      [=] VITRINE_HD(std::int64_t term, std::int64_t c) { return value_at(w + (term / K * C + c) * K + term % K); },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t c, float sum) { keep(dx + pixel * C + c, sum); });
}

template <class Stored>
void own_backward_weights(const ConvShape& z, const Stored* x, const Stored* dy, float* dw) {
  const std::int64_t pixels = z.N * z.P * z.Q, width = z.R * z.S * z.C, K = z.K;
  const bool shares = settings().tier == Tier::run_to_run && pixels <= kFewPixels && width * K <= kFewOutputs;
  const Windows<Stored> windows{z, x};
  product_of_long_sums(
      "conv2d", width, K, pixels, [=] VITRINE_HD(std::int64_t term, std::int64_t pixel) { return windows(pixel, term); },
      [=] VITRINE_HD(std::int64_t pixel, std::int64_t k) { return value_at(dy + pixel * K + k); }, dw,
      shares ? kStemPart * 4 : kChunk, shares ? kStemPart : kChunk);
}

// y = x w + b; b is null where x lies in bfloat16.
void dense(const ConvShape& z, const float* x, const float* w, const float* b, float* y) {
  product("conv2d", x, w, b, z.N * z.P * z.Q, z.C, z.K, y);
}
void dense(const ConvShape& z, const BFloat16* x, const BFloat16* w, const float*, BFloat16* y) {
  product("conv2d", x, w, z.N * z.P * z.Q, z.C, z.K, y);
}

template <class Stored>
void forward(const ConvShape& z, const Stored* x, const Stored* w, const float* b, Stored* y) {
  if (is_product(z)) return dense(z, x, w, b, y);
  run_convolution(
      {ConvolutionPart::forward, z, false, b != nullptr, dtype_of<Stored>}, [=] { own_forward(z, x, w, b, y); },
      [=] { return library_convolution(z, x, w, b, y); });
}

template <class Stored>
void backward_data(const ConvShape& z, const Stored* dy, const Stored* w, float*, Stored* dx) {
  if (is_product(z)) return product_transposed("conv2d", dy, w, z.N * z.H * z.W, z.K, z.C, dx);
  run_convolution(
      {ConvolutionPart::data_gradient, z, false, false, dtype_of<Stored>}, [=] { own_backward_data(z, dy, w, dx); },
      [=] { return library_convolution_data_gradient(z, dy, w, dx); });
}

template <class Stored>
void backward_weights(const ConvShape& z, const Stored* x, const Stored* dy, float*, float* dw) {
  if (is_product(z)) return product_over_rows("conv2d", x, dy, z.N * z.P * z.Q, z.C, z.K, dw);
  run_convolution(
      {ConvolutionPart::weight_gradient, z, false, false, dtype_of<Stored>}, [=] { own_backward_weights(z, x, dy, dw); },
      [=] { return library_convolution_weight_gradient(z, x, dy, dw); });
}

void backward_bias(const float* dy, std::int64_t pixels, std::int64_t K, float* db) {
  if (cudnn::uses_graphs() && library_sum_of_rows("conv2d", dy, pixels, K, db)) return;
  sum_over_rows("conv2d", dy, pixels, K, db);
}

}  // namespace

extern const kernels::Conv2dKernels conv2d_table;
const kernels::Conv2dKernels conv2d_table = {forward<float>, backward_data<float>, backward_weights<float>, backward_bias};

extern const kernels::Conv2dKernelsOf<BFloat16> conv2d_bfloat16_table;
const kernels::Conv2dKernelsOf<BFloat16> conv2d_bfloat16_table = {forward<BFloat16>, backward_data<BFloat16>,
                                                                  backward_weights<BFloat16>, nullptr};

}  // namespace vitrine::cuda

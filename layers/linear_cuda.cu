#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "layers/linear.h"
#include "layers/products_cuda.h"

namespace vitrine::cuda {
namespace {

void forward(const float* x, const float* w, const float* b, std::int64_t N, std::int64_t C, std::int64_t K, float* y) {
  product("linear", x, w, b, N, C, K, y);
}

void backward_data(const float* dy, const float* w, std::int64_t N, std::int64_t C, std::int64_t K, float*, float* dx) {
  product_transposed("linear", dy, w, N, K, C, dx);
}

void backward_weights(const float* x, const float* dy, std::int64_t N, std::int64_t C, std::int64_t K, float* dw) {
  product_over_rows("linear", x, dy, N, C, K, dw);
}

void backward_bias(const float* dy, std::int64_t N, std::int64_t K, float* db) {
  if (cudnn::uses_graphs() && library_sum_of_rows("linear", dy, N, K, db)) return;
  sum_over_rows("linear", dy, N, K, db);
}

}  // namespace

extern const kernels::LinearKernels linear_table;
const kernels::LinearKernels linear_table = {forward, backward_data, backward_weights, backward_bias, nullptr};

}  // namespace vitrine::cuda

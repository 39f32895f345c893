#include "layers/products_cuda.h"

#include "layers/cudnn/biased.h"
#include "layers/cudnn/run.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "tensor/cuda/blas.h"

namespace vitrine::cuda {
namespace {

// cuBLASLt's product, our kernel, and cuDNN's graph of the same, which takes the operands, a bias where there is one, and the result.
std::vector<Candidate> candidates_of(const ProductShape& s, const void* a, const void* b, const float* bias, void* y,
                                     const std::function<void()>& own, const cudnn::Description& graph) {
  std::vector<const void*> memory{a, b};
  if (bias != nullptr) memory.push_back(bias);
  memory.push_back(y);
  return {{Kernels::cublaslt, [=] { return library_product(s, a, b, bias, y); }, {s.plan_name(bias != nullptr)}},
          own_candidate(own),
          {Kernels::cudnn, [=] { return cudnn::run(s.op, graph, memory); }, {graph.plan_name()}}};
}

}  // namespace

std::vector<Candidate> product_candidates(const char* op, const float* a, const float* b, const float* bias, std::int64_t M,
                                          std::int64_t K, std::int64_t N, float* y) {
  return candidates_of(
      {op, M, N, K, false, false}, a, b, bias, y, [=] { own_product(op, a, b, bias, M, K, N, y); },
      bias != nullptr ? cudnn::biased_linear(M, K, N, cudnn::Ending::none) : cudnn::linear(M, K, N));
}

std::vector<Candidate> product_transposed_candidates(const char* op, const float* dy, const float* w, std::int64_t M,
                                                     std::int64_t K, std::int64_t N, float* dx) {
  return candidates_of(
      {op, M, N, K, false, true}, dy, w, nullptr, dx, [=] { own_product_transposed(op, dy, w, M, K, N, dx); },
      cudnn::linear_data_gradient(M, N, K));
}

std::vector<Candidate> product_over_rows_candidates(const char* op, const float* x, const float* dy, std::int64_t rows,
                                                    std::int64_t C, std::int64_t K, float* dw,
                                                    const std::function<void()>& own) {
  return candidates_of({op, C, K, rows, true, false}, x, dy, nullptr, dw, own, cudnn::linear_weight_gradient(rows, C, K));
}

void product(const char* op, const float* a, const float* b, const float* bias, std::int64_t M, std::int64_t K, std::int64_t N,
             float* y) {
  run_candidates(ProductShape{op, M, N, K, false, false}.text_of(bias != nullptr),
                 product_candidates(op, a, b, bias, M, K, N, y));
}

void product_transposed(const char* op, const float* dy, const float* w, std::int64_t M, std::int64_t K, std::int64_t N,
                        float* dx) {
  run_candidates(ProductShape{op, M, N, K, false, true}.text_of(false), product_transposed_candidates(op, dy, w, M, K, N, dx));
}

void product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw) {
  product_over_rows(op, x, dy, rows, C, K, dw, [=] { own_product_over_rows(op, x, dy, rows, C, K, dw); });
}

void product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw, const std::function<void()>& own) {
  run_candidates(ProductShape{op, C, K, rows, true, false}.text_of(false),
                 product_over_rows_candidates(op, x, dy, rows, C, K, dw, own));
}

void product(const char* op, const BFloat16* a, const BFloat16* b, std::int64_t M, std::int64_t K, std::int64_t N,
             BFloat16* y) {
  const ProductShape s{op, M, N, K, false, false, DType::bf16, DType::bf16};
  run_candidates(s.text_of(false), candidates_of(
                                       s, a, b, nullptr, y, [=] { own_product(op, a, b, M, K, N, y); },
                                       cudnn::linear(M, K, N).in_bfloat16(true)));
}

void product_transposed(const char* op, const BFloat16* dy, const BFloat16* w, std::int64_t M, std::int64_t K, std::int64_t N,
                        BFloat16* dx) {
  const ProductShape s{op, M, N, K, false, true, DType::bf16, DType::bf16};
  run_candidates(s.text_of(false), candidates_of(
                                       s, dy, w, nullptr, dx, [=] { own_product_transposed(op, dy, w, M, K, N, dx); },
                                       cudnn::linear_data_gradient(M, N, K).in_bfloat16(true)));
}

void product_over_rows(const char* op, const BFloat16* x, const BFloat16* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw) {
  const ProductShape s{op, C, K, rows, true, false, DType::bf16, DType::f32};
  run_candidates(s.text_of(false), candidates_of(
                                       s, x, dy, nullptr, dw, [=] { own_product_over_rows(op, x, dy, rows, C, K, dw); },
                                       cudnn::linear_weight_gradient(rows, C, K).in_bfloat16(false)));
}

}  // namespace vitrine::cuda

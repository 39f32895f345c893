// The three products of a linear map and its gradients on a CUDA device: by cuBLASLt, our own kernel or cuDNN, whichever is taken
// (tensor/cuda/candidates.h).
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/bfloat16.h"
#include "tensor/cuda/candidates.h"

namespace vitrine::cuda {

// y [M, N] = a [M, K] b [K, N] (+ bias [N], which may be null).
void product(const char* op, const float* a, const float* b, const float* bias, std::int64_t M, std::int64_t K, std::int64_t N,
             float* y);
inline void product(const char* op, const float* a, const float* b, std::int64_t M, std::int64_t K, std::int64_t N, float* y) {
  product(op, a, b, nullptr, M, K, N, y);
}
// dx [M, N] = dy [M, K] w^T with w [N, K].
void product_transposed(const char* op, const float* dy, const float* w, std::int64_t M, std::int64_t K, std::int64_t N,
                        float* dx);
// dw [C, K] = x^T dy with x [rows, C], dy [rows, K].
void product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw);
// The same where another kernel of ours than own_product_over_rows makes dw.
void product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw, const std::function<void()>& own);

// The same of operands in bfloat16 in memory, with float32 sums.
void product(const char* op, const BFloat16* a, const BFloat16* b, std::int64_t M, std::int64_t K, std::int64_t N, BFloat16* y);
void product_transposed(const char* op, const BFloat16* dy, const BFloat16* w, std::int64_t M, std::int64_t K, std::int64_t N,
                        BFloat16* dx);
void product_over_rows(const char* op, const BFloat16* x, const BFloat16* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                       float* dw);

// The ways to compute them, in the order in which they are preferred where nothing is timed.
std::vector<Candidate> product_candidates(const char* op, const float* a, const float* b, const float* bias, std::int64_t M,
                                          std::int64_t K, std::int64_t N, float* y);
std::vector<Candidate> product_transposed_candidates(const char* op, const float* dy, const float* w, std::int64_t M,
                                                     std::int64_t K, std::int64_t N, float* dx);
std::vector<Candidate> product_over_rows_candidates(const char* op, const float* x, const float* dy, std::int64_t rows,
                                                    std::int64_t C, std::int64_t K, float* dw,
                                                    const std::function<void()>& own);

}  // namespace vitrine::cuda

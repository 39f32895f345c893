// The three products of a linear map and its gradients on a CUDA device by our own kernels (layers/products_cuda.h chooses), and sums over rows.
#pragma once

#include <cstdint>

#include "tensor/bfloat16.h"

namespace vitrine::cuda {

// y [M, N] = a [M, K] b [K, N] (+ bias [N], which may be null).
void own_product(const char* op, const float* a, const float* b, const float* bias, std::int64_t M, std::int64_t K,
                 std::int64_t N, float* y);
// dx [M, N] = dy [M, K] w^T with w [N, K].
void own_product_transposed(const char* op, const float* dy, const float* w, std::int64_t M, std::int64_t K, std::int64_t N,
                            float* dx);
// dw [C, K] = x^T dy with x [rows, C], dy [rows, K]: sums of 1,024 rows joined by the tree of layers/kernels/pairwise.h.
void own_product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                           float* dw);
// The same in bfloat16, with float32 sums (tensor/bfloat16.h).
void own_product(const char* op, const BFloat16* a, const BFloat16* b, std::int64_t M, std::int64_t K, std::int64_t N,
                 BFloat16* y);
void own_product_transposed(const char* op, const BFloat16* dy, const BFloat16* w, std::int64_t M, std::int64_t K,
                            std::int64_t N, BFloat16* dx);
void own_product_over_rows(const char* op, const BFloat16* x, const BFloat16* dy, std::int64_t rows, std::int64_t C,
                           std::int64_t K, float* dw);
// Two arrays in bfloat16, the second after the first in `to`, from second_at(n) on: the next multiple of 8 elements.
constexpr std::int64_t second_at(std::int64_t n) { return (n + 7) / 8 * 8; }
void round_to_bfloat16(const char* op, const float* first, std::int64_t n, const float* second, std::int64_t m, BFloat16* to);
// db [K] = sum over rows of dy [rows, K], in the same order.
void sum_over_rows(const char* op, const float* dy, std::int64_t rows, std::int64_t K, float* db);
// y [size] = the chunks' sums [chunks][size], joined by the tree.
void join_chunks(const char* op, const float* partial, std::int64_t chunks, std::int64_t size, float* y);

}  // namespace vitrine::cuda

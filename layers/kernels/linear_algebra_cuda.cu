#include "layers/kernels/linear_algebra_cuda.h"

#include "layers/kernels/long_sums_cuda.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace {

std::int64_t chunks_of(std::int64_t rows) { return (rows + kChunk - 1) / kChunk; }

}  // namespace

void own_product(const char* op, const float* a, const float* b, const float* bias, std::int64_t M, std::int64_t K,
                 std::int64_t N, float* y) {
  product_of(
      op, M, N, K, [=] VITRINE_HD(std::int64_t m, std::int64_t k) { return a[m * K + k]; },
      [=] VITRINE_HD(std::int64_t k, std::int64_t n) { return b[k * N + n]; },
      [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) {
        y[m * N + n] = bias == nullptr ? sum : sum + constant(bias + n);
      });
}

void own_product_transposed(const char* op, const float* dy, const float* w, std::int64_t M, std::int64_t K, std::int64_t N,
                            float* dx) {
  product_of(
      op, M, N, K, [=] VITRINE_HD(std::int64_t m, std::int64_t k) { return dy[m * K + k]; },
      [=] VITRINE_HD(std::int64_t k, std::int64_t n) { return w[n * K + k]; },
      [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { dx[m * N + n] = sum; });
}

void own_product_over_rows(const char* op, const float* x, const float* dy, std::int64_t rows, std::int64_t C, std::int64_t K,
                           float* dw) {
  product_of_long_sums(
      op, C, K, rows, [=] VITRINE_HD(std::int64_t c, std::int64_t r) { return x[r * C + c]; },
      [=] VITRINE_HD(std::int64_t r, std::int64_t k) { return dy[r * K + k]; }, dw);
}

void own_product(const char* op, const BFloat16* a, const BFloat16* b, std::int64_t M, std::int64_t K, std::int64_t N,
                 BFloat16* y) {
  product_of(
      op, M, N, K, [=] VITRINE_HD(std::int64_t m, std::int64_t k) { return value_at(a + m * K + k); },
      [=] VITRINE_HD(std::int64_t k, std::int64_t n) { return value_at(b + k * N + n); },
      [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { keep(y + m * N + n, sum); });
}

void own_product_transposed(const char* op, const BFloat16* dy, const BFloat16* w, std::int64_t M, std::int64_t K,
                            std::int64_t N, BFloat16* dx) {
  product_of(
      op, M, N, K, [=] VITRINE_HD(std::int64_t m, std::int64_t k) { return value_at(dy + m * K + k); },
      [=] VITRINE_HD(std::int64_t k, std::int64_t n) { return value_at(w + n * K + k); },
      [=] VITRINE_HD(std::int64_t m, std::int64_t n, float sum) { keep(dx + m * N + n, sum); });
}

void own_product_over_rows(const char* op, const BFloat16* x, const BFloat16* dy, std::int64_t rows, std::int64_t C,
                           std::int64_t K, float* dw) {
  product_of_long_sums(
      op, C, K, rows, [=] VITRINE_HD(std::int64_t c, std::int64_t r) { return value_at(x + r * C + c); },
      [=] VITRINE_HD(std::int64_t r, std::int64_t k) { return value_at(dy + r * K + k); }, dw);
}

void round_to_bfloat16(const char* op, const float* first, std::int64_t n, const float* second, std::int64_t m, BFloat16* to) {
  const std::int64_t start = second_at(n);
  for_each(op, n + m, [=] VITRINE_HD(std::int64_t i) {
    to[i < n ? i : i - n + start] = to_bfloat16(constant(i < n ? first + i : second + i - n));
  });
}

void sum_over_rows(const char* op, const float* dy, std::int64_t rows, std::int64_t K, float* db) {
  const std::int64_t chunks = chunks_of(rows);
  Tensor room = Tensor::uninitialized({chunks, K}, current());
  float* const partial = room.mutable_data();
  for_each(op, chunks * K, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t chunk = i / K, k = i % K, first = chunk * kChunk;
    const std::int64_t last = first + kChunk < rows ? first + kChunk : rows;
    float sum = 0;
    for (std::int64_t r = first; r < last; ++r) sum = sum + dy[r * K + k];
    partial[i] = sum;
  });
  join_chunks(op, partial, chunks, K, db);
}

void join_chunks(const char* op, const float* partial, std::int64_t chunks, std::int64_t size, float* y) {
  for_each(op, size, [=] VITRINE_HD(std::int64_t i) {
    constexpr int kAtOnce = 8;  // reads that are under way together
    PairwiseTree tree;
    for (std::int64_t chunk = 0; chunk < chunks; chunk += kAtOnce) {
      float part[kAtOnce];
      VITRINE_UNROLL
      for (int k = 0; k < kAtOnce; ++k) part[k] = chunk + k < chunks ? constant(partial + (chunk + k) * size + i) : 0.0f;
      for (int k = 0; k < kAtOnce && chunk + k < chunks; ++k) tree.push(static_cast<double>(part[k]));
    }
    y[i] = static_cast<float>(tree.sum());
  });
}

}  // namespace vitrine::cuda

// A product whose terms are the pixels of a batch: chunks of 1,024 terms, joined by the tree of layers/kernels/pairwise.h. The run-to-run tier may
// take shorter ones, which more blocks share.
#pragma once

#include "layers/kernels/gemm_cuda.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {

// y [M, N] = sum over terms t of a(m, t) b(t, n). A block takes `length` terms, and adds up float32 sums of `part` of them.
template <class A, class B>
void product_of_long_sums(const char* op, std::int64_t M, std::int64_t N, std::int64_t terms, A a, B b, float* y,
                          std::int64_t length = kChunk, std::int64_t part = kChunk) {
  const std::int64_t chunks = (terms + length - 1) / length, size = M * N;
  Tensor room = Tensor::uninitialized({chunks, size}, current());
  float* const partial = room.mutable_data();
  products<float>(
      op, chunks, M, N, part, true, a, b,
      [=] VITRINE_HD(std::int64_t chunk) {
        const std::int64_t first = chunk * length;
        return Span{first, first + length < terms ? first + length : terms};
      },
      [=] VITRINE_HD(std::int64_t chunk, std::int64_t m, std::int64_t n, float sum) {
        partial[chunk * size + m * N + n] = sum;
      });
  join_chunks(op, partial, chunks, size, y);
}

}  // namespace vitrine::cuda

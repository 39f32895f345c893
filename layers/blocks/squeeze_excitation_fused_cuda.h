// The gate of squeeze-excitation on a CUDA device, an image to a block: for training (layers/blocks/squeeze_excitation_fused.h) and for folded networks.
#pragma once

#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/pairwise.h"
#include "layers/unary_cuda.h"
#include "tensor/cuda/one_float.h"

namespace vitrine::cuda {

inline constexpr int kGateThreads = 512;

// A sum of K terms in parts that threads share. Portable: the chunks of 128 terms of any product. Run-to-run: part p has the terms
// p, p + parts, ..., so that neighbouring threads read neighbours.
struct Parts {
  std::int64_t count, step, chunk;  // chunk: terms of a part where they are neighbours, else 0

  static Parts of(std::int64_t K, std::int64_t wanted) {
    if (settings().tier == Tier::portable) return {(K + kDotChunk - 1) / kDotChunk, 1, kDotChunk};
    const std::int64_t parts = wanted < 1 ? 1 : wanted > 64 ? 64 : wanted;
    return {parts, parts, 0};
  }
  template <class Term>
  VITRINE_HD float sum(std::int64_t part, std::int64_t K, Term term) const {
    const std::int64_t first = chunk > 0 ? part * chunk : part, end = chunk > 0 && first + chunk < K ? first + chunk : K;
    return sum_of_terms(first, end, step, term);
  }
  VITRINE_HD float join(const float* parts, std::int64_t stride) const {
    float total = parts[0];
    for (std::int64_t p = 1; p < count; ++p) total = total + parts[p * stride];
    return total;
  }
};

// The same sum by one thread, in chunks of 128.
template <class Term>
VITRINE_HD inline float dot(std::int64_t K, Term term) {
  float total = 0;
  for (std::int64_t k = 0; k < K; k += kDotChunk) {
    const float sum = sum_of_terms(k, k + kDotChunk < K ? k + kDotChunk : K, 1, term);
    total = k == 0 ? sum : total + sum;
  }
  return total;
}

// 512 channels of an image to a block; what they share, h, each computes for itself: a GPU has processors to spare, but no time to wait.
// reduce(c, r), expand(r, c): the weights. shared: parts [count][R], h [R]
template <class Reduce, class Expand>
struct GateKernel {
  kernels::GateShape s;
  Parts parts;
  Reduce reduce;
  const float* reduce_bias;
  Expand expand;
  const float *expand_bias, *z;
  float *hidden, *gate;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t n = block.index % s.N, slice = block.index / s.N, R = s.R, C = s.C;
    float *const sums = block.shared, *const h = sums + parts.count * R;
    block.each([&](int t) {
      for (int i = t; i < static_cast<int>(parts.count * R); i += block.threads) {
        const int r = i % static_cast<int>(R);
        sums[i] = parts.sum(i / static_cast<int>(R), C,
                            [&](std::int64_t c, float sum) { return std::fma(constant(z + n * C + c), reduce(c, r), sum); });
      }
    });
    block.each([&](int t) {
      for (std::int64_t r = t; r < R; r += block.threads) {
        const float a = parts.join(sums + r, R) + reduce_bias[r];
        if (slice == 0) hidden[n * R + r] = a;
        h[r] = Swish::value(a);
      }
    });
    block.each([&](int t) {
      const std::int64_t c = slice * kGateThreads + t;
      if (c >= C) return;
      const float b = dot(R, [&](std::int64_t r, float sum) { return std::fma(h[r], expand(r, c), sum); }) + expand_bias[c];
      gate[n * C + c] = sigmoid(b);
    });
  }
};

// hidden [N, R] = z Wr + br, gate [N, C] = sigmoid(swish(hidden) We + be).
template <class Reduce, class Expand>
void gate_of_means(const char* op, const kernels::GateShape& s, Reduce reduce, const float* reduce_bias, Expand expand,
                   const float* expand_bias, const float* z, float* hidden, float* gate) {
  const Parts parts = Parts::of(s.C, kGateThreads / s.R);
  const std::int64_t slices = (s.C + kGateThreads - 1) / kGateThreads;
  for_blocks(op, s.N * slices, kGateThreads, static_cast<std::size_t>((parts.count + 1) * s.R),
             GateKernel<Reduce, Expand>{s, parts, reduce, reduce_bias, expand, expand_bias, z, hidden, gate});
}

}  // namespace vitrine::cuda

// The gate of squeeze-excitation on a CUDA device: for training (layers/blocks/squeeze_excitation_fused.h) and for folded networks.
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

// hidden [N, R] = z Wr + br, 16 squeezed channels of an image to a block. reduce(c, r): the weights. shared: parts [count][16]
template <class Reduce>
struct HiddenKernel {
  static constexpr int kRows = 16, kThreads = kGateThreads;
  kernels::GateShape s;
  Parts parts;
  Reduce reduce;
  const float *bias, *z;
  float* hidden;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t n = block.index % s.N, first = block.index / s.N * kRows;
    const float* const means = z + n * s.C;
    block.each([&](int t) {
      for (int i = t; i < static_cast<int>(parts.count) * kRows; i += block.threads) {
        const std::int64_t r = first + i % kRows;
        if (r >= s.R) continue;
        block.shared[i] = parts.sum(
            i / kRows, s.C, [&](std::int64_t c, float sum) { return std::fma(constant(means + c), reduce(c, r), sum); });
      }
    });
    block.each([&](int t) {
      if (t < kRows && first + t < s.R)
        hidden[n * s.R + first + t] = parts.join(block.shared + t, kRows) + constant(bias + first + t);
    });
  }
};

// gate [N, C] = sigmoid(swish(hidden) We + be), 256 channels of an image to a block. expand(r, c): the weights. shared: swish(hidden) [R]
template <class Expand>
struct GateKernel {
  static constexpr int kThreads = 256;
  kernels::GateShape s;
  Expand expand;
  const float *bias, *hidden;
  float* gate;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t n = block.index % s.N, first = block.index / s.N * kThreads;
    block.each([&](int t) {
      for (std::int64_t r = t; r < s.R; r += kThreads) block.shared[r] = Swish::value(constant(hidden + n * s.R + r));
    });
    block.each([&](int t) {
      const std::int64_t c = first + t;
      if (c >= s.C) return;
      const float b = dot(s.R, [&](std::int64_t r, float sum) { return std::fma(block.shared[r], expand(r, c), sum); });
      gate[n * s.C + c] = sigmoid(b + constant(bias + c));
    });
  }
};

// hidden [N, R] = z Wr + br, gate [N, C] = sigmoid(swish(hidden) We + be).
template <class Reduce, class Expand>
void gate_of_means(const char* op, const kernels::GateShape& s, Reduce reduce, const float* reduce_bias, Expand expand,
                   const float* expand_bias, const float* z, float* hidden, float* gate) {
  using Hidden = HiddenKernel<Reduce>;
  using Gate = GateKernel<Expand>;
  const Parts parts = Parts::of(s.C, kGateThreads / Hidden::kRows);
  for_blocks(op, s.N * ((s.R + Hidden::kRows - 1) / Hidden::kRows), kGateThreads,
             static_cast<std::size_t>(parts.count * Hidden::kRows), Hidden{s, parts, reduce, reduce_bias, z, hidden});
  for_blocks(op, s.N * ((s.C + Gate::kThreads - 1) / Gate::kThreads), Gate::kThreads, static_cast<std::size_t>(s.R),
             Gate{s, expand, expand_bias, hidden, gate});
}

}  // namespace vitrine::cuda

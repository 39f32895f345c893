// The gate of squeeze-excitation on a CUDA device: forward in one kernel, backward in two.
#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/blocks/squeeze_excitation_fused_cuda.h"

namespace vitrine::cuda {
namespace {

using kernels::GateShape;
using kernels::GateTargets;
using kernels::GateWeights;

constexpr int kColumnThreads = 256, kColumns = 16;

// A sum over the images of a batch: chunks of 1,024, joined by the tree.
template <class Term>
VITRINE_HD float long_sum(std::int64_t N, Term term) {
  float sum = 0;
  for (std::int64_t n = 0; n < N && n < kChunk; ++n) sum = term(n, sum);
  if (N <= kChunk) return sum;
  PairwiseTree tree;
  tree.push(static_cast<double>(sum));
  for (std::int64_t first = kChunk; first < N; first += kChunk) {
    sum = 0;
    for (std::int64_t n = first; n < N && n < first + kChunk; ++n) sum = term(n, sum);
    tree.push(static_cast<double>(sum));
  }
  return static_cast<float>(tree.sum());
}

// An image to a block: db, da and h = swish(a). shared: parts [R][count]
struct BackwardOfImage {
  GateShape s;
  GateWeights w;
  Parts parts;
  const float *hidden, *gate, *ds;
  float *db, *da, *h;  // [N, C], [N, R], [N, R]

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t n = block.index, R = s.R, C = s.C;
    float* const sums = block.shared;
    block.each([&](int t) {
      for (std::int64_t i = n * C + t; i < (n + 1) * C; i += block.threads) db[i] = ds[i] * gate[i] * (1.0f - gate[i]);
    });
    block.each([&](int t) {
      for (std::int64_t i = t; i < parts.count * R; i += block.threads) {
        const std::int64_t r = i / parts.count;
        sums[i] = parts.sum(i % parts.count, C,
                            [&](std::int64_t c, float sum) { return std::fma(db[n * C + c], w.expand[r * C + c], sum); });
      }
    });
    block.each([&](int t) {
      for (std::int64_t r = t; r < R; r += block.threads) {
        const std::int64_t i = n * R + r;
        da[i] = parts.join(sums + r * parts.count, 1) * Swish::slope(hidden[i]);
        h[i] = Swish::value(hidden[i]);
      }
    });
  }
};

// 16 channels to a block: what belongs to them of dz and of all weights. shared: their rows of Wr, [16][R + 1]
struct BackwardOfColumns {
  GateShape s;
  GateWeights w;
  const float *z, *db, *da, *h;
  GateTargets to;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t N = s.N, R = s.R, C = s.C, c0 = block.index * kColumns, width = C - c0 < kColumns ? C - c0 : kColumns;
    float* const rows = block.shared;
    block.each([&](int t) {
      for (std::int64_t i = t; i < width * R; i += block.threads) rows[i / R * (R + 1) + i % R] = w.reduce[c0 * R + i];
    });
    block.each([&](int t) {
      for (std::int64_t i = t; i < N * width; i += block.threads) {
        const std::int64_t n = i / width, k = i % width;
        to.z[n * C + c0 + k] =
            dot(R, [&](std::int64_t r, float sum) { return std::fma(da[n * R + r], rows[k * (R + 1) + r], sum); });
      }
      for (std::int64_t i = t; i < width * R; i += block.threads) {
        const std::int64_t c = c0 + i / R, r = i % R;
        to.reduce[c * R + r] =
            long_sum(N, [&](std::int64_t n, float sum) { return std::fma(z[n * C + c], da[n * R + r], sum); });
      }
      for (std::int64_t i = t; i < R * width; i += block.threads) {
        const std::int64_t r = i / width, c = c0 + i % width;
        to.expand[r * C + c] =
            long_sum(N, [&](std::int64_t n, float sum) { return std::fma(h[n * R + r], db[n * C + c], sum); });
      }
      for (std::int64_t c = c0 + t; c < c0 + width; c += block.threads)
        to.expand_bias[c] = long_sum(N, [&](std::int64_t n, float sum) { return sum + db[n * C + c]; });
      for (std::int64_t r = t; c0 == 0 && r < R; r += block.threads)
        to.reduce_bias[r] = long_sum(N, [&](std::int64_t n, float sum) { return sum + da[n * R + r]; });
    });
  }
};

void forward(const GateShape& s, const GateWeights& w, const float* z, float* hidden, float* gate) {
  gate_of_means("gate", s, RowMajor{w.reduce, s.R}, w.reduce_bias, RowMajor{w.expand, s.C}, w.expand_bias, z, hidden, gate);
}

void backward(const GateShape& s, const GateWeights& w, const float* z, const float* hidden, const float* gate, const float* ds,
              float* scratch, const GateTargets& to) {
  float *const db = scratch, *const da = db + s.N * s.C, *const h = da + s.N * s.R;
  const Parts parts = Parts::of(s.C, 32);
  for_blocks("gate", s.N, kGateThreads, static_cast<std::size_t>(parts.count * s.R),
             BackwardOfImage{s, w, parts, hidden, gate, ds, db, da, h});
  for_blocks("gate", (s.C + kColumns - 1) / kColumns, kColumnThreads, static_cast<std::size_t>(kColumns * (s.R + 1)),
             BackwardOfColumns{s, w, z, db, da, h, to});
}

}  // namespace

extern const kernels::FusedGateKernels fused_gate_table;
const kernels::FusedGateKernels fused_gate_table = {forward, backward};

}  // namespace vitrine::cuda

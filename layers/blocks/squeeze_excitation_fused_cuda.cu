// The gate of squeeze-excitation on a CUDA device: forward in two kernels, backward in two.
#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/blocks/squeeze_excitation_fused_cuda.h"

namespace vitrine::cuda {
namespace {

using kernels::GateShape;
using kernels::GateTargets;
using kernels::GateWeights;

constexpr int kColumnThreads = 512, kColumns = 8;

// A sum over the images of a batch: chunks of 1,024, joined by the tree.
template <class Term>
VITRINE_HD float long_sum(std::int64_t N, Term term) {
  float sum = sum_of_terms(0, N < kChunk ? N : kChunk, 1, term);
  if (N <= kChunk) return sum;
  PairwiseTree tree;
  tree.push(static_cast<double>(sum));
  for (std::int64_t first = kChunk; first < N; first += kChunk) {
    sum = sum_of_terms(first, first + kChunk < N ? first + kChunk : N, 1, term);
    tree.push(static_cast<double>(sum));
  }
  return static_cast<float>(tree.sum());
}

// `rows` squeezed channels of an image to a block: their da and h = swish(a), and a share of the image's db. shared: parts [rows][count]
struct BackwardOfImage {
  static constexpr int kThreads = kGateThreads;
  GateShape s;
  GateWeights w;
  Parts parts;
  std::int64_t rows;
  const float *hidden, *gate, *ds;
  float *db, *da, *h;  // [N, C], [N, R], [N, R]

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t n = block.index % s.N, first = block.index / s.N * rows, R = s.R, C = s.C;
    const int own = static_cast<int>(R - first < rows ? R - first : rows), count = static_cast<int>(parts.count);
    float* const sums = block.shared;
    const auto gate_gradient = [&](std::int64_t i) {
      const float g = constant(gate + i);
      return constant(ds + i) * g * (1.0f - g);
    };
    block.each([&](int t) {
      for (int i = t; i < count * own; i += block.threads) {
        const float* const weights = w.expand + (first + i / count) * C;
        sums[i] = parts.sum(i % count, C, [&](std::int64_t c, float sum) {
          return std::fma(gate_gradient(n * C + c), constant(weights + c), sum);
        });
      }
      const std::int64_t slices = (R + rows - 1) / rows, step = slices * block.threads;
      for (std::int64_t c = first / rows * block.threads + t; c < C; c += step) db[n * C + c] = gate_gradient(n * C + c);
    });
    block.each([&](int t) {
      for (int r = t; r < own; r += block.threads) {
        const std::int64_t i = n * R + first + r;
        da[i] = parts.join(sums + r * count, 1) * Swish::slope(hidden[i]);
        h[i] = Swish::value(hidden[i]);
      }
    });
  }
};

// 8 channels to a block: what belongs to them of dz and of all weights. shared: their rows of Wr, [8][R + 1]
struct BackwardOfColumns {
  static constexpr int kThreads = kColumnThreads;
  GateShape s;
  GateWeights w;
  const float *z, *db, *da, *h;
  GateTargets to;

  VITRINE_HD void operator()(const Block& block) const {
    const std::int64_t C = s.C, c0 = block.index * kColumns;
    const int N = static_cast<int>(s.N), R = static_cast<int>(s.R),
              width = static_cast<int>(C - c0 < kColumns ? C - c0 : kColumns);
    float* const rows = block.shared;
    block.each([&](int t) {
      for (int i = t; i < width * R; i += block.threads) rows[i / R * (R + 1) + i % R] = w.reduce[c0 * R + i];
    });
    block.each([&](int t) {
      for (int i = t; i < N * width; i += block.threads) {
        const std::int64_t n = i / width;
        const int k = i % width;
        to.z[n * C + c0 + k] =
            dot(R, [&](std::int64_t r, float sum) { return std::fma(constant(da + n * R + r), rows[k * (R + 1) + r], sum); });
      }
      for (int i = t; i < width * R; i += block.threads) {
        const std::int64_t c = c0 + i / R, r = i % R;
        to.reduce[c * R + r] = long_sum(
            N, [&](std::int64_t n, float sum) { return std::fma(constant(z + n * C + c), constant(da + n * R + r), sum); });
      }
      for (int i = t; i < R * width; i += block.threads) {
        const std::int64_t r = i / width, c = c0 + i % width;
        to.expand[r * C + c] = long_sum(
            N, [&](std::int64_t n, float sum) { return std::fma(constant(h + n * R + r), constant(db + n * C + c), sum); });
      }
      for (std::int64_t c = c0 + t; c < c0 + width; c += block.threads)
        to.expand_bias[c] = long_sum(N, [&](std::int64_t n, float sum) { return sum + constant(db + n * C + c); });
      for (std::int64_t r = t; c0 == 0 && r < R; r += block.threads)
        to.reduce_bias[r] = long_sum(N, [&](std::int64_t n, float sum) { return sum + constant(da + n * R + r); });
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
  const std::int64_t rows = parts.count < kGateThreads ? kGateThreads / parts.count : 1;
  for_blocks("gate", s.N * ((s.R + rows - 1) / rows), kGateThreads, static_cast<std::size_t>(parts.count * rows),
             BackwardOfImage{s, w, parts, rows, hidden, gate, ds, db, da, h});
  for_blocks("gate", (s.C + kColumns - 1) / kColumns, kColumnThreads, static_cast<std::size_t>(kColumns * (s.R + 1)),
             BackwardOfColumns{s, w, z, db, da, h, to});
}

}  // namespace

extern const kernels::FusedGateKernels fused_gate_table;
const kernels::FusedGateKernels fused_gate_table = {forward, backward};

}  // namespace vitrine::cuda

// The gradient of a gate for few rows, by channels: what a thread has of a channel it uses itself, and only the sums over channels, a small part of
// each chunk of 128, go from one to another. Its weights are read in the way they lie. The kernels that are called here take no scratch of the thread.
#include "layers/blocks/squeeze_excitation_fused_cpu.h"
#include "layers/kernels/gemm_cpu.h"
#include "layers/linear.h"
#include "layers/unary.h"
#include "tensor/scratch.h"
#include "tensor/simd_math.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kColumns = 48;  // of a job after the sums: three vectors of AVX-512

// to [columns][rows] = rows x columns of `from`, whose rows lie ldf apart.
void transpose_block(const float* from, std::int64_t ldf, std::int64_t rows, std::int64_t columns, float* to) {
  for (std::int64_t r = 0; r < rows; r += kLanes) {
    for (std::int64_t c = 0; c < columns; c += kLanes)
      transpose_square(from + r * ldf + c, ldf, lanes_of(rows, r), lanes_of(columns, c), to + c * rows + r, rows);
  }
}

// A matrix whose rows lie `step` apart.
struct Rows {
  const float* at;
  std::int64_t step;
};

template <int Count, int Vectors, bool Partial>
void outer_tile(Rows x, Rows g, std::int64_t N, int tail, float* out, std::int64_t ldo) {
  F acc[Count][Vectors] = {};
  accumulate_tile<Count, Vectors, Partial>(x.at, 1, x.step, g.at, g.step, N, tail, acc);
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v)
      store_partial(out + i * ldo + v * kLanes, acc[i][v], Partial && v == Vectors - 1 ? tail : kLanes);
  }
}

template <int Vectors, bool Partial>
void outer_columns(Rows x, std::int64_t count, Rows g, std::int64_t N, int tail, float* out, std::int64_t ldo) {
  constexpr int kCount = Partial && kTileRows == 4 ? 2 : kTileRows;  // the mask takes a register
  std::int64_t i = 0;
  for (; i + kCount <= count; i += kCount)
    outer_tile<kCount, Vectors, Partial>({x.at + i, x.step}, g, N, tail, out + i * ldo, ldo);
  for (; i < count; ++i) outer_tile<1, Vectors, Partial>({x.at + i, x.step}, g, N, tail, out + i * ldo, ldo);
}

// out[i][j] = sum over rows n < N of x[n][i] g[n][j], n ascending in one accumulator; i < count, j < columns. Rows of `out` lie ldo apart.
void outer_sums(Rows x, std::int64_t count, Rows g, std::int64_t columns, std::int64_t N, float* out, std::int64_t ldo) {
  for (std::int64_t j = 0; j < columns;) {
    const Rows from{g.at + j, g.step};
    const std::int64_t left = columns - j;
    if (left >= kTileVectors * kLanes) {
      outer_columns<kTileVectors, false>(x, count, from, N, kLanes, out + j, ldo);
      j += kTileVectors * kLanes;
      continue;
    }
    const int lanes = lanes_of(columns, j);
    lanes == kLanes ? outer_columns<1, false>(x, count, from, N, lanes, out + j, ldo)
                    : outer_columns<1, true>(x, count, from, N, lanes, out + j, ldo);
    j += kLanes;
  }
}

// sums[j] = sum over rows of g[n][j].
void sum_rows(Rows g, std::int64_t columns, std::int64_t N, float* sums) {
  for (std::int64_t j = 0; j < columns; j += kLanes) {
    const int lanes = lanes_of(columns, j);
    F sum = zero();
    for (std::int64_t n = 0; n < N; ++n) sum = sum + load_partial(g.at + n * g.step + j, lanes);
    store_partial(sums + j, sum, lanes);
  }
}

// db = ds s (1 - s) of one chunk of channels, its part of the sums db We', and the gradients of We and be there.
void expand_chunk(const GateShape& s, const GateWeights& w, const float* active, const float* gate, const float* ds,
                  std::int64_t c, std::int64_t width, float* room, float* part, const GateTargets& to) {
  float *const db = room, *const expand = db + s.N * kDotTerms;
  for (std::int64_t n = 0; n < s.N; ++n) {
    for (std::int64_t j = 0; j < width; j += kLanes) {
      const int lanes = lanes_of(width, j);
      const F g = load_partial(ds + n * s.C + c + j, lanes), y = load_partial(gate + n * s.C + c + j, lanes);
      store_partial(db + n * width + j, sigmoid_gradient(y, g), lanes);
    }
  }
  transpose_block(w.expand + c, s.C, s.R, width, expand);
  linear_kernels().forward(db, expand, nullptr, s.N, width, s.R, part);
  outer_sums({active, s.R}, s.R, {db, width}, width, s.N, to.expand + c, s.C);
  sum_rows({db, width}, width, s.N, to.expand_bias + c);
}

// dz = da Wr' and the gradient of Wr for some channels.
void reduce_columns(const GateShape& s, const GateWeights& w, const float* z, const float* da, std::int64_t c,
                    std::int64_t width, float* room, const GateTargets& to) {
  float *const reduce = room, *const dz = reduce + s.R * kColumns;
  transpose_block(w.reduce + c * s.R, s.R, width, s.R, reduce);
  linear_kernels().forward(da, reduce, nullptr, s.N, s.R, width, dz);
  for (std::int64_t n = 0; n < s.N; ++n)
    __builtin_memcpy(to.z + n * s.C + c, dz + n * width, static_cast<std::size_t>(width) * sizeof(float));
  outer_sums({z + c, s.C}, width, {da, s.R}, s.R, s.N, to.reduce + c * s.R, s.R);
}

void backward(const GateShape& s, const GateWeights& w, const float* z, const float* hidden, const float* gate, const float* ds,
              float* parts, const GateTargets& to) {
  constexpr std::int64_t kWorthAThread = 100'000;  // multiply-adds of a product, beside which waking a thread is little
  const std::int64_t inner = s.N * s.R, chunks = (s.C + kDotTerms - 1) / kDotTerms;
  const std::int64_t columns = (s.C + kColumns - 1) / kColumns;
  const bool alone = inner * s.C < kWorthAThread;
  parallel_for(chunks, alone ? chunks : 1, [&](std::int64_t first, std::int64_t last) {
    float* const active = thread_scratch(static_cast<std::size_t>(inner + (s.N + s.R) * kDotTerms));
    unary_kernels().forward(Unary::swish, hidden, inner, active);
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t c = chunk * kDotTerms;
      expand_chunk(s, w, active, gate, ds, c, smaller(kDotTerms, s.C - c), active + inner, parts + chunk * inner, to);
    }
  });
  parallel_for(columns, alone ? columns : 1, [&](std::int64_t first, std::int64_t last) {
    float* const da = thread_scratch(static_cast<std::size_t>(inner + (s.N + s.R) * kColumns));
    for (std::int64_t i = 0; i < inner; i += kLanes) {
      const int lanes = lanes_of(inner, i);
      F sum = load_partial(parts + i, lanes);
      for (std::int64_t chunk = 1; chunk < chunks; ++chunk) sum = sum + load_partial(parts + chunk * inner + i, lanes);
      store_partial(da + i, sum, lanes);
    }
    unary_kernels().backward(Unary::swish, hidden, da, inner, da);
    for (std::int64_t c = first * kColumns; c < smaller(s.C, last * kColumns); c += kColumns)
      reduce_columns(s, w, z, da, c, smaller(kColumns, s.C - c), da + inner, to);
    if (first == 0) sum_rows({da, s.R}, s.R, s.N, to.reduce_bias);
  });
}

}  // namespace

extern const FewRowsGateKernels few_rows_gate_table;
const FewRowsGateKernels few_rows_gate_table = {backward};

}  // namespace vitrine::kernels::VITRINE_ISA

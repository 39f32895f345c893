#include "layers/blocks/conv_norm_fused.h"

#include "layers/kernels/norm_cpu.h"
#include "layers/unary_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr int kVectors = 4;              // of channels that are summed at a time
constexpr std::int64_t kBlockRows = 32;  // of elementwise work: a block stays in the cache over all its channels

// Sums of two quantities over each segment's rows: term(index, channel, lanes, first, second) adds one
// vector of elements to both.
template <int Vectors, class Term>
void sum_columns(const FusedNormShape& s, std::int64_t r0, std::int64_t r1, std::int64_t c, Term term, double* partial) {
  D first[Vectors] = {}, second[Vectors] = {};
  for (std::int64_t r = r0; r < r1; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const std::int64_t at = c + v * kLanes;
      term(r * s.C + at, at, lanes_of(s.C, at), first[v], second[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    const auto bytes = static_cast<std::size_t>(lanes_of(s.C, c + v * kLanes)) * sizeof(double);
    __builtin_memcpy(partial + c + v * kLanes, &first[v], bytes);
    __builtin_memcpy(partial + s.C + c + v * kLanes, &second[v], bytes);
  }
}

template <class Term>
void sum_segments(const FusedNormShape& s, Term term, double* partial) {
  const std::int64_t block = kVectors * kLanes, blocks = (s.C + block - 1) / block;
  parallel_for(s.segments() * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t segment = job / blocks, c = job % blocks * block;
      const std::int64_t r0 = segment * s.rows_of_segment, r1 = smaller(s.rows, r0 + s.rows_of_segment);
      const std::int64_t vectors = (smaller(block, s.C - c) + kLanes - 1) / kLanes;
      double* const out = partial + segment * 2 * s.C;
      if (vectors == 1) {
        sum_columns<1>(s, r0, r1, c, term, out);
      } else if (vectors == 2) {
        sum_columns<2>(s, r0, r1, c, term, out);
      } else if (vectors == 3) {
        sum_columns<3>(s, r0, r1, c, term, out);
      } else {
        sum_columns<4>(s, r0, r1, c, term, out);
      }
    }
  });
}

void sums(const FusedNormShape& s, const float* x, const NormTarget& to) {
  const auto term = [x](std::int64_t at, std::int64_t, int lanes, D& sum, D& squares) {
    read_ahead(x + at);
    const D value = widen(load_partial(x + at, lanes));
    sum = sum + value;
    squares = fma(value, value, squares);
  };
  sum_segments(s, term, to.partial);
}

// body(i, end, n) for the parts of rows r + i, i < rows, that belong to one image n.
template <class Body>
void for_images(const ResidualRows& residual, std::int64_t r, std::int64_t rows, Body body) {
  for (std::int64_t i = 0; i < rows;) {
    const std::int64_t n = (r + i) / residual.image_rows, end = smaller(rows, (n + 1) * residual.image_rows - r);
    body(i, end, n);
    i = end;
  }
}

F factor_of(const ResidualRows& residual, std::int64_t n) {
  return residual.factors != nullptr ? broadcast(residual.factors[n]) : broadcast(1.0f);  // 1 changes no bits
}

template <class Function>
void gradient_sums_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual,
                      const float* x, const float* dy, double* partial) {
  const Function function(s.activation);
  const auto term = [&](std::int64_t at, std::int64_t c, int lanes, D& sum, D& sum_h) {
    read_ahead(x + at);
    read_ahead(dy + at);
    const NormLanes norm(k, c, lanes);
    const F value = load_partial(x + at, lanes);
    const F slope = function.slope(norm.value(value, load_partial(beta + c, lanes)));
    F upstream = load_partial(dy + at, lanes);
    if (residual.factors != nullptr) upstream = upstream * broadcast(residual.factors[at / s.C / residual.image_rows]);
    const D g = widen(upstream * slope);
    sum = sum + g;
    sum_h = fma(g, widen(norm.standard(value)), sum_h);
  };
  sum_segments(s, term, partial);
}

// body(norm, beta, first row, rows, first channel, lanes) for blocks of rows and every vector of channels in them.
template <class Body>
void for_blocks(const FusedNormShape& s, const NormConstants& k, const float* beta, Body body) {
  const std::int64_t blocks = (s.rows + kBlockRows - 1) / kBlockRows;
  parallel_for(blocks, 1 + 16384 / (s.C * kBlockRows), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first * kBlockRows; r < smaller(s.rows, last * kBlockRows); r += kBlockRows) {
      const std::int64_t rows = smaller(kBlockRows, s.rows - r);
      for (std::int64_t c = 0; c < s.C; c += kLanes) {
        const int lanes = lanes_of(s.C, c);
        body(NormLanes(k, c, lanes), load_partial(beta + c, lanes), r, rows, c, lanes);
      }
    }
  });
}

template <class Function>
void forward_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual,
                const float* x, float* y) {
  const Function function(s.activation);
  for_blocks(s, k, beta, [&](const NormLanes& norm, F shift, std::int64_t r, std::int64_t rows, std::int64_t c, int lanes) {
    for_images(residual, r, rows, [&](std::int64_t first, std::int64_t end, std::int64_t n) {
      const F factor = factor_of(residual, n);
      for (std::int64_t i = first, at = (r + first) * s.C + c; i < end; ++i, at += s.C) {
        read_ahead(x + at);
        const F branch = function.value(norm.value(load_partial(x + at, lanes), shift)) * factor;
        store_partial(y + at, residual.skip != nullptr ? load_partial(residual.skip + at, lanes) + branch : branch, lanes);
      }
    });
  });
}

template <class Function>
void gradient_of(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual,
                 const NormMeans& means, const float* x, const float* dy, float* dx) {
  const Function function(s.activation);
  for_blocks(s, k, beta, [&](const NormLanes& norm, F shift, std::int64_t r, std::int64_t rows, std::int64_t c, int lanes) {
    const F mean_g = load_partial(means.g + c, lanes), mean_gh = load_partial(means.gh + c, lanes);
    for_images(residual, r, rows, [&](std::int64_t first, std::int64_t end, std::int64_t n) {
      const F factor = factor_of(residual, n);
      for (std::int64_t i = first, at = (r + first) * s.C + c; i < end; ++i, at += s.C) {
        read_ahead(x + at);
        read_ahead(dy + at);
        const F value = load_partial(x + at, lanes);
        const F g = load_partial(dy + at, lanes) * factor * function.slope(norm.value(value, shift));
        store_partial(dx + at, norm.gradient(value, g, mean_g, mean_gh), lanes);
      }
    });
  });
}

void forward(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual, const float* x,
             float* y) {
  with_activation_or_none(s.activation, [&]<class Function>(Function) { forward_of<Function>(s, k, beta, residual, x, y); });
}
void gradient_sums(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual,
                   const float* x, const float* dy, const NormGradientTarget& to) {
  with_activation_or_none(
      s.activation, [&]<class Function>(Function) { gradient_sums_of<Function>(s, k, beta, residual, x, dy, to.partial); });
}
void gradient(const FusedNormShape& s, const NormConstants& k, const float* beta, const ResidualRows& residual,
              const NormMeans& means, const float* x, const float* dy, float* dx) {
  with_activation_or_none(s.activation,
                          [&]<class Function>(Function) { gradient_of<Function>(s, k, beta, residual, means, x, dy, dx); });
}

}  // namespace

extern const FusedNormKernels fused_norm_table;
const FusedNormKernels fused_norm_table = {sums, forward, gradient_sums, gradient};

}  // namespace vitrine::kernels::VITRINE_ISA

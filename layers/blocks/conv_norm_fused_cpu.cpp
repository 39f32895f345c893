#include "layers/blocks/conv_norm_fused.h"

#include "layers/kernels/norm_cpu.h"
#include "layers/unary_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr int kVectors = 4;              // of channels that are summed at a time
constexpr std::int64_t kBlockRows = 32;  // of elementwise work: a block stays in the cache over all its channels

// Sums of two quantities over each segment's rows: term(first row, end, channel, lanes, first, second) adds one vector of channels of at
// most kAtATime rows to both.
template <class Term>
void sum_segments(const FusedNormShape& s, Term term, double* partial) {
  const std::int64_t block = kVectors * kLanes, blocks = (s.C + block - 1) / block;
  parallel_for(s.segments() * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t segment = job / blocks, c0 = job % blocks * block, c1 = smaller(s.C, c0 + block);
      const std::int64_t r0 = segment * s.rows_of_segment, r1 = smaller(s.rows, r0 + s.rows_of_segment);
      D first[kVectors] = {}, second[kVectors] = {};
      for (std::int64_t r = r0; r < r1; r += kAtATime) {
        for (std::int64_t c = c0, v = 0; c < c1; c += kLanes, ++v)
          term(r, smaller(r1, r + kAtATime), c, lanes_of(s.C, c), first[v], second[v]);
      }
      double* const out = partial + segment * 2 * s.C;
      for (std::int64_t c = c0, v = 0; c < c1; c += kLanes, ++v) {
        const auto bytes = static_cast<std::size_t>(lanes_of(s.C, c)) * sizeof(double);
        __builtin_memcpy(out + c, &first[v], bytes);
        __builtin_memcpy(out + s.C + c, &second[v], bytes);
      }
    }
  });
}

void sums(const FusedNormShape& s, const float* x, const NormTarget& to) {
  const auto term = [x, C = s.C](std::int64_t r, std::int64_t end, std::int64_t c, int lanes, D& first, D& second) {
    D sum = first, squares = second;
    for (const float* at = x + r * C + c; r < end; ++r, at += C) {
      read_ahead(at);
      const D value = widen(load_partial(at, lanes));
      sum = sum + value;
      squares = fma(value, value, squares);
    }
    first = sum;
    second = squares;
  };
  sum_segments(s, term, to.partial);
}

// body(i, end, n) for the parts of rows r + i, i < rows, that belong to one image n: all of them where no image has a factor.
template <class Body>
void for_images(const ResidualRows& residual, std::int64_t r, std::int64_t rows, Body body) {
  if (residual.factors == nullptr) return body(0, rows, 0);
  for (std::int64_t i = 0, n = r / residual.image_rows; i < rows; ++n) {
    const std::int64_t end = smaller(rows, (n + 1) * residual.image_rows - r);
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
  const auto term = [&, C = s.C](std::int64_t r0, std::int64_t end, std::int64_t c, int lanes, D& first, D& second) {
    const NormLanes norm(k, c, lanes);
    const F shift = load_partial(beta + c, lanes);
    const float *const x0 = x + r0 * C + c, *const dy0 = dy + r0 * C + c;
    alignas(64) float slopes[kAtATime * kLanes];
    for (std::int64_t i = 0; i < end - r0; ++i) {
      read_ahead(x0 + i * C);
      store(slopes + i * kLanes, function.slope(norm.value(load_partial(x0 + i * C, lanes), shift)));
    }
    D sum = first, sum_h = second;
    for_images(residual, r0, end - r0, [&](std::int64_t begin, std::int64_t last, std::int64_t n) {
      const F factor = factor_of(residual, n);
      for (std::int64_t i = begin; i < last; ++i) {
        read_ahead(dy0 + i * C);
        const D g = widen(load_partial(dy0 + i * C, lanes) * factor * load(slopes + i * kLanes));
        sum = sum + g;
        sum_h = fma(g, widen(norm.standard(load_partial(x0 + i * C, lanes))), sum_h);
      }
    });
    first = sum;
    second = sum_h;
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
  for_blocks(s, k, beta, [&](const NormLanes norm, F shift, std::int64_t r, std::int64_t rows, std::int64_t c, int lanes) {
    for_images(residual, r, rows, [&](std::int64_t first, std::int64_t end, std::int64_t n) {
      const F factor = factor_of(residual, n);
      const float* const skip = residual.skip;
      const std::int64_t step = s.C;
      for (std::int64_t i = first, at = (r + first) * step + c; i < end; ++i, at += step) {
        read_ahead(x + at);
        const F branch = function.value(norm.value(load_partial(x + at, lanes), shift)) * factor;
        store_partial(y + at, skip != nullptr ? load_partial(skip + at, lanes) + branch : branch, lanes);
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

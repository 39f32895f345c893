#include "layers/batch_norm.h"

#include "layers/kernels/norm_cpu.h"
#include "layers/kernels/pairwise_cpu.h"
#include "tensor/parallel.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kGroup = 4 * kLanes;  // channels of one job

D load_doubles(const double* p, int n) {
  D v = {};
  __builtin_memcpy(&v, p, static_cast<unsigned>(n) * sizeof(double));
  return v;
}
void store_doubles(double* p, D v, int n) { __builtin_memcpy(p, &v, static_cast<unsigned>(n) * sizeof(double)); }

// Column sums of Count quantities: term(row, channel, lanes, acc) adds one row's values to acc. A job is one chunk of rows and
// one group of channels; its sums go to scratch[chunk][quantity][C]; then the chunks of every channel are joined by the tree.
template <int Count, class Term>
void column_sums(std::int64_t rows, std::int64_t C, double* scratch, double* const (&sums)[Count], Term term) {
  const std::int64_t chunks = (rows + kChunkTerms - 1) / kChunkTerms, groups = (C + kGroup - 1) / kGroup;
  parallel_for(chunks * groups, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t job = first; job < last; ++job) {
      const std::int64_t chunk = job / groups, group = job % groups * kGroup;
      const std::int64_t begin = chunk * kChunkTerms, end = smaller(rows, begin + kChunkTerms);
      for (std::int64_t c = group; c < smaller(C, group + kGroup); c += kLanes) {
        const int lanes = lanes_of(C, c);
        D acc[Count] = {};
        for (std::int64_t r = begin; r < end; ++r) term(r * C + c, c, lanes, acc);
        for (int i = 0; i < Count; ++i) store_doubles(scratch + (chunk * Count + i) * C + c, acc[i], lanes);
      }
    }
  });
  for (std::int64_t c = 0; c < C; c += kLanes) {
    const int lanes = lanes_of(C, c);
    PairwiseLanes<Count> tree;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      D part[Count];
      for (int i = 0; i < Count; ++i) part[i] = load_doubles(scratch + (chunk * Count + i) * C + c, lanes);
      tree.push(part);
    }
    D total[Count];
    tree.sum(total);
    for (int i = 0; i < Count; ++i) store_doubles(sums[i] + c, total[i], lanes);
  }
}

void mean(const float* x, std::int64_t rows, std::int64_t C, double* scratch, double* result) {
  double* const sums[1] = {result};
  column_sums(rows, C, scratch, sums, [x](std::int64_t at, std::int64_t, int lanes, D(&acc)[1]) {
    acc[0] = acc[0] + widen(load_partial(x + at, lanes));
  });
  for (std::int64_t c = 0; c < C; ++c) result[c] /= static_cast<double>(rows);
}

void variance(const float* x, const double* mean_of, std::int64_t rows, std::int64_t C, double* scratch, double* result) {
  double* const sums[1] = {result};
  column_sums(rows, C, scratch, sums, [x, mean_of](std::int64_t at, std::int64_t c, int lanes, D(&acc)[1]) {
    const D d = widen(load_partial(x + at, lanes)) - load_doubles(mean_of + c, lanes);
    acc[0] = fma(d, d, acc[0]);
  });
  for (std::int64_t c = 0; c < C; ++c) result[c] /= static_cast<double>(rows);
}

void constants(const double* mean_of, const double* variance_of, const float* gamma, double eps, std::int64_t C, float* out) {
  for (std::int64_t c = 0; c < C; ++c) set_norm_constants(mean_of[c], variance_of[c], gamma[c], eps, out + c, C);
}

void round(const double* values, double divisor, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(values[i] / divisor);
}

void widen_all(const float* values, std::int64_t n, double* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<double>(values[i]);
}

void track(const float* batch, double factor, double momentum, std::int64_t C, const float* before, float* running) {
  for (std::int64_t c = 0; c < C; ++c) running[c] = moved_statistic(before[c], batch[c], factor, momentum);
}

void normalize(const float* x, const NormConstants& k, const float* beta, std::int64_t rows, std::int64_t C, float* y) {
  parallel_for(rows, 1 + 8192 / C, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = 0; c < C; c += kLanes) {
      const int lanes = lanes_of(C, c);
      const NormLanes norm(k, c, lanes);
      const F shift = load_partial(beta + c, lanes);
      for (std::int64_t r = first; r < last; ++r) {
        store_partial(y + r * C + c, norm.value(load_partial(x + r * C + c, lanes), shift), lanes);
      }
    }
  });
}

void gradient_sums(const float* x, const float* dy, const NormConstants& k, std::int64_t rows, std::int64_t C, double* scratch,
                   double* sum_dy, double* sum_dy_h) {
  double* const sums[2] = {sum_dy, sum_dy_h};
  column_sums(rows, C, scratch, sums, [&](std::int64_t at, std::int64_t c, int lanes, D(&acc)[2]) {
    const NormLanes norm(k, c, lanes);
    const F g = load_partial(dy + at, lanes);
    const F h = norm.standard(load_partial(x + at, lanes));
    acc[0] = acc[0] + widen(g);
    acc[1] = fma(widen(g), widen(h), acc[1]);
  });
}

void backward(const float* x, const float* dy, const NormConstants& k, const float* mean_dy, const float* mean_dy_h,
              std::int64_t rows, std::int64_t C, float* dx) {
  parallel_for(rows, 1 + 8192 / C, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = 0; c < C; c += kLanes) {
      const int lanes = lanes_of(C, c);
      const NormLanes norm(k, c, lanes);
      const bool train = mean_dy != nullptr;
      const F a = train ? load_partial(mean_dy + c, lanes) : zero();
      const F b = train ? load_partial(mean_dy_h + c, lanes) : zero();
      for (std::int64_t r = first; r < last; ++r) {
        const F g = load_partial(dy + r * C + c, lanes);
        const F dx_here = train ? norm.gradient(load_partial(x + r * C + c, lanes), g, a, b) : norm.scale * g;
        store_partial(dx + r * C + c, dx_here, lanes);
      }
    }
  });
}

}  // namespace

extern const BatchNormKernels batch_norm_table;
const BatchNormKernels batch_norm_table = {mean,  variance,  constants,     round,   widen_all,
                                           track, normalize, gradient_sums, backward};

}  // namespace vitrine::kernels::VITRINE_ISA

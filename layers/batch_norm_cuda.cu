#include "layers/batch_norm.h"

#include "layers/kernels/column_sums_cuda.h"
#include "layers/kernels/norm_cuda.h"
#include "layers/kernels/pairwise.h"

namespace vitrine::cuda {
namespace {

// Sums over all rows in chunks of 1,024, joined by the tree and divided: sums[quantity][C] each. scratch [chunks][Count][C].
template <int Count, class Term>
void sums_of_rows(std::int64_t rows, std::int64_t C, double divisor, double* scratch, double* first, double* second,
                  Term term) {
  const std::int64_t chunks = (rows + kChunk - 1) / kChunk;
  column_sums<Count>(
      "batch_norm", chunks, kChunk, C,
      [=] VITRINE_HD(std::int64_t chunk) {
        return Span{chunk * kChunk, (chunk + 1) * kChunk < rows ? (chunk + 1) * kChunk : rows};
      },
      term,
      [=] VITRINE_HD(std::int64_t chunk, std::int64_t c, const double* sums) {
        for (int i = 0; i < Count; ++i) scratch[(chunk * Count + i) * C + c] = sums[i];
      });
  for_each("batch_norm", Count * C, [=] VITRINE_HD(std::int64_t i) {
    PairwiseTree tree;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) tree.push(scratch[chunk * Count * C + i]);
    double* const sums = i < C ? first : second;
    sums[i % C] = tree.sum() / divisor;
  });
}

void mean(const float* x, std::int64_t rows, std::int64_t C, double* scratch, double* result) {
  sums_of_rows<1>(
      rows, C, static_cast<double>(rows), scratch, result, nullptr,
      [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) { acc[0] = acc[0] + static_cast<double>(x[r * C + c]); });
}

void variance(const float* x, const double* mean_of, std::int64_t rows, std::int64_t C, double* scratch, double* result) {
  sums_of_rows<1>(rows, C, static_cast<double>(rows), scratch, result, nullptr,
                  [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
                    const double d = static_cast<double>(x[r * C + c]) - mean_of[c];
                    acc[0] = std::fma(d, d, acc[0]);
                  });
}

void constants(const double* mean_of, const double* variance_of, const float* gamma, double eps, std::int64_t C, float* out) {
  for_each("batch_norm", C, [=] VITRINE_HD(std::int64_t c) {
    kernels::set_norm_constants(mean_of[c], variance_of[c], gamma[c], eps, out + c, C);
  });
}

void round(const double* values, double divisor, std::int64_t n, float* out) {
  for_each("batch_norm", n, [=] VITRINE_HD(std::int64_t i) { out[i] = static_cast<float>(values[i] / divisor); });
}

void widen(const float* values, std::int64_t n, double* out) {
  for_each("batch_norm", n, [=] VITRINE_HD(std::int64_t i) { out[i] = static_cast<double>(values[i]); });
}

void track(const float* batch, double factor, double momentum, std::int64_t C, const float* before, float* running) {
  for_each("batch_norm", C,
           [=] VITRINE_HD(std::int64_t c) { running[c] = kernels::moved_statistic(before[c], batch[c], factor, momentum); });
}

void normalize(const float* x, const kernels::NormConstants& k, const float* beta, std::int64_t rows, std::int64_t C,
               float* y) {
  for_rows("batch_norm", rows, C,
           [=] VITRINE_HD(std::int64_t r, std::int64_t c) { y[r * C + c] = NormChannel(k, c).value(x[r * C + c], beta[c]); });
}

void gradient_sums(const float* x, const float* dy, const kernels::NormConstants& k, std::int64_t rows, std::int64_t C,
                   double* scratch, double* sum_dy, double* sum_dy_h) {
  sums_of_rows<2>(rows, C, 1.0, scratch, sum_dy, sum_dy_h, [=] VITRINE_HD(std::int64_t r, std::int64_t c, double* acc) {
    const double g = static_cast<double>(dy[r * C + c]);
    acc[0] = acc[0] + g;
    acc[1] = std::fma(g, static_cast<double>(NormChannel(k, c).standard(x[r * C + c])), acc[1]);
  });
}

void backward(const float* x, const float* dy, const kernels::NormConstants& k, const float* mean_dy, const float* mean_dy_h,
              std::int64_t rows, std::int64_t C, float* dx) {
  for_rows("batch_norm", rows, C, [=] VITRINE_HD(std::int64_t r, std::int64_t c) {
    const std::int64_t i = r * C + c;
    const NormChannel norm(k, c);
    dx[i] = mean_dy != nullptr ? norm.gradient(x[i], dy[i], mean_dy[c], mean_dy_h[c]) : norm.scale * dy[i];
  });
}

}  // namespace

extern const kernels::BatchNormKernels batch_norm_table;
const kernels::BatchNormKernels batch_norm_table = {mean,  variance,  constants,     round,   widen,
                                                    track, normalize, gradient_sums, backward};

}  // namespace vitrine::cuda

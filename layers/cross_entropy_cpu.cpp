#include "layers/cross_entropy.h"

#include "tensor/math.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

// A batch has few numbers and each wants all of float64: one lane at a time.
struct Row {
  double most, sum;  // largest logit; sum of exp(z - most)
};

Row row_of(const float* z, std::int64_t C) {
  double most = static_cast<double>(z[0]);
  for (std::int64_t c = 1; c < C; ++c) most = static_cast<double>(z[c]) > most ? static_cast<double>(z[c]) : most;
  double sum = 0;
  for (std::int64_t c = 0; c < C; ++c) sum += exp_portable(static_cast<double>(z[c]) - most);
  return {most, sum};
}

double smoothed(float t, double smoothing, std::int64_t C) {
  return (1 - smoothing) * static_cast<double>(t) + smoothing / static_cast<double>(C);
}

void forward(const float* logits, const float* targets, std::int64_t N, std::int64_t C, double smoothing, float* loss) {
  double total = 0;
  for (std::int64_t n = 0; n < N; ++n) {
    const float* z = logits + n * C;
    const Row row = row_of(z, C);
    const double log_sum = log_portable(row.sum);
    for (std::int64_t c = 0; c < C; ++c) {
      const double t = smoothed(targets[n * C + c], smoothing, C);
      if (t != 0) total += t * (log_sum + (row.most - static_cast<double>(z[c])));
    }
  }
  *loss = static_cast<float>(total / static_cast<double>(N));
}

void backward(const float* logits, const float* targets, const float* dloss, std::int64_t N, std::int64_t C, double smoothing,
              float* dlogits) {
  const double factor = static_cast<double>(*dloss) / static_cast<double>(N);
  for (std::int64_t n = 0; n < N; ++n) {
    const float* z = logits + n * C;
    const Row row = row_of(z, C);
    double mass = 0;
    for (std::int64_t c = 0; c < C; ++c) mass += smoothed(targets[n * C + c], smoothing, C);
    for (std::int64_t c = 0; c < C; ++c) {
      const double p = exp_portable(static_cast<double>(z[c]) - row.most) / row.sum;
      dlogits[n * C + c] = static_cast<float>(factor * (p * mass - smoothed(targets[n * C + c], smoothing, C)));
    }
  }
}

}  // namespace

extern const CrossEntropyKernels cross_entropy_table;
const CrossEntropyKernels cross_entropy_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA

#include "layers/cross_entropy.h"
#include "tensor/cuda/launch.h"
#include "tensor/math_host_device.h"

namespace vitrine::cuda {
namespace {

struct Row {
  double most, sum;  // largest logit; sum of exp(z - most)
};

VITRINE_HD Row row_of(const float* z, std::int64_t C) {
  double most = static_cast<double>(z[0]);
  for (std::int64_t c = 1; c < C; ++c) most = static_cast<double>(z[c]) > most ? static_cast<double>(z[c]) : most;
  double sum = 0;
  for (std::int64_t c = 0; c < C; ++c) sum += host_device::exp_portable(static_cast<double>(z[c]) - most);
  return {most, sum};
}

VITRINE_HD double smoothed(float t, double smoothing, std::int64_t C) {
  return (1 - smoothing) * static_cast<double>(t) + smoothing / static_cast<double>(C);
}

// One thread: the mean is one sum over samples in order, and a batch has few of them.
void forward(const float* logits, const float* targets, std::int64_t N, std::int64_t C, double smoothing, float* loss) {
  for_each("cross_entropy", 1, [=] VITRINE_HD(std::int64_t) {
    double total = 0;
    for (std::int64_t n = 0; n < N; ++n) {
      const float* const z = logits + n * C;
      const Row row = row_of(z, C);
      const double log_sum = host_device::log_portable(row.sum);
      for (std::int64_t c = 0; c < C; ++c) {
        const double t = smoothed(targets[n * C + c], smoothing, C);
        if (t != 0) total += t * (log_sum + (row.most - static_cast<double>(z[c])));
      }
    }
    *loss = static_cast<float>(total / static_cast<double>(N));
  });
}

void backward(const float* logits, const float* targets, const float* dloss, std::int64_t N, std::int64_t C, double smoothing,
              float* dlogits) {
  for_each("cross_entropy", N, [=] VITRINE_HD(std::int64_t n) {
    const double factor = static_cast<double>(*dloss) / static_cast<double>(N);
    const float* const z = logits + n * C;
    const Row row = row_of(z, C);
    double mass = 0;
    for (std::int64_t c = 0; c < C; ++c) mass += smoothed(targets[n * C + c], smoothing, C);
    for (std::int64_t c = 0; c < C; ++c) {
      const double p = host_device::exp_portable(static_cast<double>(z[c]) - row.most) / row.sum;
      dlogits[n * C + c] = static_cast<float>(factor * (p * mass - smoothed(targets[n * C + c], smoothing, C)));
    }
  });
}

}  // namespace

extern const kernels::CrossEntropyKernels cross_entropy_table;
const kernels::CrossEntropyKernels cross_entropy_table = {forward, backward};

}  // namespace vitrine::cuda

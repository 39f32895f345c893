#include "layers/norm_sums.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void of_batch(const cpu::BatchSums& s, const float* gamma, double eps, const cpu::RunningStatistics& running,
              float* constants) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) { cpu::norm_of_channel(s, c, gamma, eps, running, constants); });
}

void gradients(const cpu::BatchSums& s, float* gamma, float* beta, float* means) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) { cpu::norm_gradients_of_channel(s, c, gamma, beta, means); });
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             float* out) {
  const std::int64_t size = rows * columns;
  for_each("norm_sums", size, [=] VITRINE_HD(std::int64_t i) {
    out[transposed ? i % columns * rows + i / columns : i] =
        static_cast<float>(cpu::sum_of_segments(partial, segments, size, i));
  });
}

}  // namespace

extern const cpu::NormSumsKernels norm_sums_table;
const cpu::NormSumsKernels norm_sums_table = {of_batch, gradients, weights};

}  // namespace vitrine::cuda

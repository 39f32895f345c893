#include "layers/blocks/batch_statistics.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void of_batch(const cpu::BatchSums& s, const cpu::NormResult& to) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) {
    cpu::norm_of_channel(to, s.rows, s.C, c, cpu::sum_of_segments(s, c), cpu::sum_of_segments(s, s.C + c));
  });
}

void gradients(const cpu::BatchSums& s, const cpu::NormGradientResult& to) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) {
    cpu::norm_gradients_of_channel(to, s.rows, s.C, c, cpu::sum_of_segments(s, c), cpu::sum_of_segments(s, s.C + c));
  });
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

#include "layers/blocks/batch_statistics.h"
#include "tensor/cuda/launch.h"

namespace vitrine::cuda {
namespace {

void of_batch(const kernels::BatchSums& s, const kernels::NormResult& to) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) {
    kernels::norm_of_channel(to, s.rows, s.C, c, kernels::sum_of_segments(s, c), kernels::sum_of_segments(s, s.C + c));
  });
}

void gradients(const kernels::BatchSums& s, const kernels::NormGradientResult& to) {
  for_each("norm_sums", s.C, [=] VITRINE_HD(std::int64_t c) {
    kernels::norm_gradients_of_channel(to, s.rows, s.C, c, kernels::sum_of_segments(s, c),
                                       kernels::sum_of_segments(s, s.C + c));
  });
}

void weights(const double* partial, std::int64_t segments, std::int64_t rows, std::int64_t columns, bool transposed,
             float* out) {
  const std::int64_t size = rows * columns;
  for_each("norm_sums", size, [=] VITRINE_HD(std::int64_t i) {
    out[transposed ? i % columns * rows + i / columns : i] =
        static_cast<float>(kernels::sum_of_segments(partial, segments, size, i));
  });
}

}  // namespace

extern const kernels::NormSumsKernels norm_sums_table;
const kernels::NormSumsKernels norm_sums_table = {of_batch, gradients, weights};

}  // namespace vitrine::cuda

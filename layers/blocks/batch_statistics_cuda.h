// Where the sums of a batch go on a device: into partial sums, or straight into what normalising takes.
#pragma once

#include "layers/blocks/batch_statistics.h"

namespace vitrine::cuda {

// What column_sums hands the two sums of a channel to.
struct ToNorm {
  kernels::NormTarget to;
  std::int64_t C;
  VITRINE_HD void operator()(std::int64_t segment, std::int64_t c, const double* sums) const {
    if (to.whole) return kernels::norm_of_channel(to.result, to.rows, C, c, sums[0], sums[1]);
    for (int i = 0; i < 2; ++i) to.partial[(segment * 2 + i) * C + c] = sums[i];
  }
};
struct ToNormGradients {
  kernels::NormGradientTarget to;
  std::int64_t C;
  VITRINE_HD void operator()(std::int64_t segment, std::int64_t c, const double* sums) const {
    if (to.whole) return kernels::norm_gradients_of_channel(to.result, to.rows, C, c, sums[0], sums[1]);
    for (int i = 0; i < 2; ++i) to.partial[(segment * 2 + i) * C + c] = sums[i];
  }
};

}  // namespace vitrine::cuda

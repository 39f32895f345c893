// Soft-label cross-entropy, the mean over the batch.
//
// Forward    t' = (1 - e) t + e / C;  loss = (1 / N) sum_n sum_c t'[n,c] (log sum_k exp(z[n,k]) - z[n,c])
// Backward   dz[n,c] = dloss / N * (softmax(z[n])_c * sum_k t'[n,k] - t'[n,c])
//            from d logsumexp / dz_c = softmax_c
// Shapes     logits z, targets t [N, C], loss scalar []
// Saved      logits, targets
// Numerics   in float64 throughout, with the row's maximum subtracted before exp; exp and log are ours (tensor/math.h); samples
//            ascending; rounded once. Bounds: u |loss|, u |dz| + 2^-150, u = 2^-24; in float64 2^-53 times 1498 of each exponential (2 ulp, an
//            exponent up to 745, twice), 2 (n + 2) for each sum of n terms, 6 of each logarithm, carried through (layers/cross_entropy_bound.cpp)
// Requires   shapes equal, N >= 1, C >= 1; rows of t sum to 1 within 1e-4 (checked on the CPU: ShapeError); 0 <= e < 1 (checked: UsageError)
// Differs    from torch.nn.CrossEntropyLoss with class probabilities: nothing
// Reference  Szegedy et al. 2015, arXiv:1512.00567, sec. 7 (label smoothing); Zhang et al. 2017, arXiv:1710.09412 (soft labels)
#pragma once

#include <cstdint>
#include <span>

#include "autograd/tape.h"

namespace vitrine {

// No gradient flows to the targets. Non-finite logits give a loss of NaN.
Variable cross_entropy(const Variable& logits, const Tensor& targets, double label_smoothing = 0);
// One class from 0 to C - 1 for each row; ShapeError for another number of labels and for a class that is none.
Variable cross_entropy(const Variable& logits, std::span<const int> labels, double label_smoothing = 0);

namespace kernels {

struct CrossEntropyKernels {
  void (*forward)(const float* logits, const float* targets, std::int64_t N, std::int64_t C, double smoothing, float* loss);
  void (*backward)(const float* logits, const float* targets, const float* dloss, std::int64_t N, std::int64_t C,
                   double smoothing, float* dlogits);
};
const CrossEntropyKernels& cross_entropy_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine

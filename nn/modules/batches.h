// Batches for a training loop of one's own: drawn orders, the rows of a tensor at given places, and how many answers are right.
//
//   for (const Places& places : shuffled_batches(1437, 64, {.seed = 1, .epoch = epoch}))
//     ... rows(images, places), rows(labels, places) ...
//
// The study has its own sampler, which keeps the classes even and follows subjects (data/sampler.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

using Places = std::vector<std::int64_t>;

struct ShuffleKey {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
};

// Whole batches of `size` of 0..n-1, each place at most once; what is left over waits for another epoch. The order is a function of n and the
// key alone. UsageError unless 1 <= size <= n < 2^31.
std::vector<Places> shuffled_batches(std::int64_t n, std::int64_t size, const ShuffleKey& key);
// 0..n-1 in order, the last batch smaller: for evaluation. UsageError unless size >= 1.
std::vector<Places> batches_in_order(std::int64_t n, std::int64_t size);

// x[places], of a tensor on the CPU: [n, ...] to [places, ...]. UsageError naming the first place that is none.
Tensor rows(const Tensor& x, std::span<const std::int64_t> places);
std::vector<int> rows(const std::vector<int>& labels, std::span<const std::int64_t> places);

// x[first], ..., x[last - 1]. UsageError unless 0 <= first <= last <= n.
Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last);

// The share of rows of `scores` [N, C] whose largest value, the first of equals, stands at the label; a row with a NaN is not right. ShapeError
// unless there are N labels, UsageError for one that is no class.
double share_right(const Tensor& scores, std::span<const int> labels);

}  // namespace vitrine

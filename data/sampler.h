// The order in which an epoch visits the samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vitrine {

enum class Balance { none, oversample, draw };

// Indices into `labels`, a function of (seed, epoch).
//   draw        as many draws with replacement, each of a class, all alike, and one of its samples: fast.ai's WeightedRandomSampler with weight
//               1 / count(class)
//   none        a permutation of all samples
//   oversample  classes * max class count draws, the classes in exactly equal numbers: each class's samples are repeated whole
//   as
//               often as fits, the remainder drawn without replacement; then all are shuffled. Nothing is ever copied across
//               parts.
std::vector<int> epoch_order(std::span<const int> labels, int classes, Balance balance, std::uint64_t seed,
                             std::uint32_t epoch);

}  // namespace vitrine

// Mixup: convex combinations of samples and of their one-hot labels.
//
// Forward    x' = l x_i + (1 - l) x_j,  t' = l t_i + (1 - l) t_j
//            per sample: l = max(l0, 1 - l0),  l0 ~ Beta(alpha, alpha) of each sample
//            per batch:  l ~ Beta(alpha, alpha), one for the whole batch, as in the paper's code
// Reference  Zhang, Cisse, Dauphin, Lopez-Paz 2017, arXiv:1710.09412, eq. (1); l >= 1/2 and per-sample l as fast.ai does
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/batch.h"

namespace vitrine {

// What is drawn for one sample of a batch: its lambda and its partner's place in the batch.
enum class MixupMode { sample, batch };
MixupMode mixup_mode_from_name(const std::string& name);  // UsageError naming the choices

struct Mix {
  float lambda = 1;
  int partner = 0;
};
std::vector<Mix> drawn_mixes(std::int64_t N, double alpha, std::uint64_t seed, std::uint32_t epoch, std::uint32_t first,
                             MixupMode mode = MixupMode::sample);

// `first` is the epoch position of the batch's first sample; partners are another drawn permutation of the same batch.
// alpha = 0 returns the batch unchanged.
Batch mixup(const Batch& batch, double alpha, std::uint64_t seed, std::uint32_t epoch, std::uint32_t first,
            MixupMode mode = MixupMode::sample);

}  // namespace vitrine

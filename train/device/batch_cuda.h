// What a recorded training step does besides the network's ops: batches from resident images, and the step's place in the epoch.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/mixup.h"
#include "data/view.h"
#include "layers/pass.h"
#include "nn/modules/optimizer.h"

namespace vitrine::cuda {

inline constexpr int kUpdateGroups =
    30;  // parts of a network, which have a learning rate of their own, by weights, norms and biases

// Drawn by the host for a whole epoch and uploaded at once.
struct SamplePlan {
  std::int64_t image = 0;  // in the data set
  int label = 0;
  Mix mix;
  View view;
};
struct StepDraws {
  DropKey key;
  std::array<kernels::UpdateConstants, kUpdateGroups> groups;
};

// Images [count, H, W, held] in [0, 1], and what a network takes: the first `channels` of them, normalised.
struct ImageSource {
  const float* images;
  std::int64_t H, W, held, channels, classes;
  std::array<float, 3> mean, scale;  // of a channel c: entries c % 3
};

// now = draws[*position]
void begin_step(const StepDraws* draws, const std::int32_t* position, StepDraws* now);
// Which samples a step takes: `count` from position * batch on; of them `own` from `first` on are this device's.
struct BatchShare {
  std::int64_t batch, count, own, first;
};
// views [count, H, W, channels]; images [own, ...]: the own views, mixed; targets [own, classes].
struct BatchMemory {
  float *views, *images, *targets;
};
void make_batch(const ImageSource& source, const SamplePlan* samples, const std::int32_t* position, const BatchShare& share,
                bool mixes, const BatchMemory& memory);
// to = the sources one after the other
void pack(const std::vector<const float*>& sources, const std::vector<std::int64_t>& sizes, float* to);
// sums[t] = the sum over ranks, ascending, of part t of all [ranks][total]
void unpack_sums(const float* all, int ranks, std::int64_t total, const std::vector<std::int64_t>& sizes,
                 const std::vector<float*>& sums);
// losses[*position] = *loss, and on to the next step.
void end_step(const float* loss, std::int32_t* position, float* losses);

}  // namespace vitrine::cuda

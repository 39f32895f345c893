// What a recorded training step does besides the network's ops: batches from resident images, and the step's place in the epoch.
#pragma once

#include <array>
#include <cstdint>

#include "data/mixup.h"
#include "data/view.h"
#include "layers/mode.h"
#include "train/optimizer.h"

namespace vitrine::cuda {

inline constexpr int kUpdateGroups = 10;  // parts of a network that have a learning rate of their own

// Drawn by the host for a whole epoch and uploaded at once.
struct SamplePlan {
  std::int64_t image = 0;  // in the data set
  int label = 0;
  Mix mix;
  View view;
};
struct StepPlan {
  DropKey key;
  std::array<cpu::UpdateConstants, kUpdateGroups> groups;
};

// Images [count, H, W, planes] in [0, 1], and what a network takes: the first `channels` planes, normalised.
struct ImageSource {
  const float* images;
  std::int64_t H, W, planes, channels, classes;
  std::array<float, 3> mean, scale;  // of a channel c: entries c % 3
};

// now = plans[*position]
void begin_step(const StepPlan* plans, const std::int32_t* position, StepPlan* now);
// The N samples from `*position * batch` on: views [N, H, W, channels], then images = the mixed views, targets [N, classes].
void make_batch(const ImageSource& source, const SamplePlan* samples, const std::int32_t* position, std::int64_t batch,
                std::int64_t N, bool mixes, float* views, float* images, float* targets);
// losses[*position] = *loss, and on to the next step.
void end_step(const float* loss, std::int32_t* position, float* losses);

}  // namespace vitrine::cuda

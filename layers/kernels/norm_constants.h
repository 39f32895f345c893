// What batch normalisation takes of each channel (layers/batch_norm.h), for hosts and devices.
#pragma once

#include <cmath>
#include <cstdint>

#include "tensor/cuda/host_device.h"

namespace vitrine::kernels {

// Per channel, what the elementwise kernels need; arrays of C floats.
struct NormConstants {
  const float *mean_high, *mean_low, *inverse_deviation, *scale;
};

// The constants of one channel, C floats apart: layers/batch_norm.h NormTensor. Not inline: kernel files must not share them.
VITRINE_HD static inline void set_norm_constants(double mean, double variance, float gamma, double eps, float* out,
                                                 std::int64_t C) {
  const double inverse = 1.0 / std::sqrt(variance + eps);
  out[0] = static_cast<float>(mean);
  out[C] = static_cast<float>(mean - static_cast<double>(out[0]));
  out[2 * C] = static_cast<float>(inverse);
  out[3 * C] = static_cast<float>(static_cast<double>(gamma) * inverse);
}
VITRINE_HD static inline float moved_statistic(float before, float batch, double factor, double momentum) {
  const double now = static_cast<double>(batch) * factor;
  return static_cast<float>((1 - momentum) * static_cast<double>(before) + momentum * now);
}

}  // namespace vitrine::kernels

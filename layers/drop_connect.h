// Drop connect (stochastic depth): a sample's whole residual branch is set to zero at random in training.
//
// Forward    y[n] = x[n] * m[n],  m = 0 with probability rate, else 1 / (1 - rate), one draw per sample
// Backward   dx = dy * m, the same factors
//            from dy/dx = m
// Shapes     x, y [N, ...]
// Saved      the factors m
// Numerics   one rounding, also of dx: |error| <= u |y| + 2^-150, u = 2^-24; which samples are dropped is a function of the coordinates (tensor/philox.h) alone
// Requires   0 <= rate < 1 (checked: UsageError)
// Differs    from PyTorch: the draw is keyed by (seed, epoch, sample, op) and so does not depend on the batch or on earlier draws
// Reference  Huang et al. 2016, arXiv:1603.09382, sec. 3; called drop connect in EfficientNet's code
#pragma once

#include <cstdint>

#include "layers/pass.h"

namespace vitrine {

// `op` tells apart several layers of one network.
Variable drop_connect(const Variable& x, double rate, const DropKeys& key, std::uint32_t op);

// The factors [N] of N samples, 0 or 1 / (1 - rate). UsageError unless 0 <= rate < 1.
Tensor drop_factors(double rate, const DropKeys& key, std::uint32_t op, std::int64_t N, Device device);

namespace kernels {

void drop_connect_factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, float* factor);

struct DropConnectKernels {
  // 0 or 1 / (1 - rate): N values drawn for the coordinates
  void (*factors)(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, float* factor);
  // y[n][e] = x[n][e] * factor[n]
  void (*apply)(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y);
};
const DropConnectKernels& drop_connect_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine

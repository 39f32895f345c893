// Dropout: elements are set to zero at random in training, the others scaled up so that the mean stays.
//
// Forward    y = x * m,  m = 0 with probability rate, else 1 / (1 - rate), one draw per element
// Backward   dx = dy * m, the same factors
//            from dy/dx = m
// Shapes     x, y [N, ...]
// Saved      the factors m
// Numerics   one rounding, also of dx: |error| <= u |y| + 2^-150, u = 2^-24; which elements are dropped is a function of the coordinates (tensor/philox.h) alone
// Requires   0 <= rate < 1 (checked: UsageError)
// Differs    from PyTorch: the draw is keyed by (seed, epoch, sample, op) and so does not depend on the batch or on earlier draws
// Reference  Srivastava et al. 2014, Dropout, JMLR 15; Hinton et al. 2012, arXiv:1207.0580
#pragma once

#include <cstdint>

#include "layers/pass.h"
#include "tensor/philox.h"

namespace vitrine {

// `op` tells apart several layers of one network.
Variable dropout(const Variable& x, double rate, const DropKeys& key, std::uint32_t op);

namespace kernels {

void dropout_factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, std::int64_t size, float* factor);

struct DropoutKernels {
  // 0 or 1 / (1 - rate): N x size values drawn for the coordinates
  void (*factors)(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, std::int64_t size, float* factor);
  // Those of one row, on the CPU: its draws are `draw`'s.
  void (*row)(const Draw& draw, double rate, std::int64_t size, float* factor);
  // y[n][e] = x[n][e] * factor[n][e]
  void (*apply)(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y);
};
const DropoutKernels& dropout_kernels(Device device = {});

}  // namespace kernels
}  // namespace vitrine

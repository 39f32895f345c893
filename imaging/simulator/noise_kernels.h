// Noise of a scanner, one table for each instruction set (tensor/isa.h).
#pragma once

#include <cstdint>

namespace vitrine::imaging::kernels {

// The coordinates of the draws: a block of Philox for each voxel.
struct NoiseDraws {
  std::uint32_t sample = 0, purpose = 0, op = 0, first_voxel = 0, key0 = 0, key1 = 0;
};

struct NoiseKernels {
  // out[i] = the whole number nearest to gain times the magnitude of signal[i] + sigma (n1 + i n2), with two normals from the block of
  // voxel first_voxel + i: Rician noise. Scanners store whole numbers.
  void (*rician)(const double* signal, std::int64_t count, double sigma, double gain, const NoiseDraws& draws, float* out);
};

const NoiseKernels& noise_kernels();  // those of this machine

}  // namespace vitrine::imaging::kernels

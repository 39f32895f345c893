// Philox4x32-10: random numbers as a function of coordinates, with no state to save.
//
// Reference  Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", doi 10.1145/2063384.2063405.
// Every draw of Vitrine is Draw{seed, purpose, epoch, sample, op}.<kind>(i): any of them can be recomputed alone, on any
// thread and machine, and a resumed run continues exactly where it was.
#pragma once

#include <array>
#include <cstdint>

#include "tensor/cuda/host_device.h"

namespace vitrine {

// One block: four 32-bit words from a 128-bit counter and a 64-bit key.
VITRINE_HD inline std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

enum class Purpose : std::uint32_t {
  init = 1,
  shuffle,
  oversample,
  rotate,
  zoom,
  brightness,
  contrast,
  flip,
  mixup_partner,
  mixup_lambda,
  dropout,
  drop_connect,
  split,
  simulate,
  audit,
  warp,
  inner_part,
  bootstrap,
  permute,
  search = 40  // of its own, so that its draws stay when purposes are added before it
};

// The coordinates of a family of draws. `sample` is the position in the epoch's order of samples (not the slot in a batch),
// so a draw does not depend on the batch size; `op` tells apart several layers or lesions that draw for one purpose.
struct Draw {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::init;
  std::uint32_t epoch = 0;  // below 2^24
  std::uint32_t sample = 0;
  std::uint32_t op = 0;

  // The i-th 32 random bits.
  VITRINE_HD std::uint32_t bits(std::uint32_t i) const { return block(i / 4)[i % 4]; }
  // [0, 1), multiples of 2^-24
  VITRINE_HD float uniform_float(std::uint32_t i) const { return unit_interval(bits(i)); }
  double uniform(std::uint32_t i) const;  // [0, 1), multiples of 2^-53 (one whole block per draw)
  double uniform(std::uint32_t i, double low, double high) const;
  double normal(std::uint32_t i) const;                         // mean 0, standard deviation 1, by Box-Muller
  std::uint32_t below(std::uint32_t i, std::uint32_t n) const;  // 0..n-1, unbiased to 2^-53
  double gamma(std::uint32_t i, double shape) const;            // scale 1, Marsaglia and Tsang 2000; at most 64 tries
  double beta(std::uint32_t i, double a, double b) const;       // gamma(a) / (gamma(a) + gamma(b))

  VITRINE_HD static float unit_interval(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
  VITRINE_HD std::array<std::uint32_t, 4> block(std::uint32_t index) const {
    return philox({sample, epoch << 8 | static_cast<std::uint32_t>(purpose), op, index},
                  {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  }
};

// A bijection of 0..n-1 drawn for these coordinates: where the item at place i goes. Fisher-Yates, O(n).
// (In data/ code use it as: order = permutation(draw, n).)

}  // namespace vitrine

// What a forward pass is for, and the coordinates of its random draws.
#pragma once

#include <cstdint>

#include "autograd/tape.h"
#include "tensor/cuda/host_device.h"
#include "tensor/cuda/settings.h"

namespace vitrine {

enum class Mode { train, eval };

// The coordinates of a batch's draws (tensor/philox.h): row n of the batch is sample `first_sample + n` of the epoch's order, so
// what is dropped for a sample does not depend on the batch it lies in.
struct DropKey {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
  std::uint32_t first_sample = 0;
};

// Where kernels take the coordinates from: as a value, or from the memory of a CUDA device, where they change from replay to replay of a
// recorded step.
struct DropKeys {
  DropKey value{};
  const DropKey* on_device = nullptr;

  DropKeys(const DropKey& key) : value(key) {}  // NOLINT: a key is where it is taken from
  DropKeys() = default;
  VITRINE_HD DropKey get() const { return on_device != nullptr ? *on_device : value; }
};

// Passed down a network: with a tape, parameters are leaves on it; without one nothing is recorded.
struct Pass {
  Mode mode = Mode::eval;
  Tape* tape = nullptr;
  DropKeys key{};
  bool fused = true;  // false: every op on its own, to look at the values between them

  bool keyed = true;  // false: nobody said where the draws of this pass lie, so a module that draws refuses

  // A training step on this tape. What drops at random needs the second: `key` places its draws, another key in every step.
  static Pass train(Tape& tape) { return {.mode = Mode::train, .tape = &tape, .keyed = false}; }
  static Pass train(Tape& tape, const DropKey& key) { return {.mode = Mode::train, .tape = &tape, .key = key}; }

  // Under --kernels cudnn every op is a graph of its own.
  bool fuses() const {
    return fused && mode == Mode::train && tape != nullptr && cuda::settings().kernels != cuda::Kernels::cudnn;
  }
  Variable parameter(const Parameter& p) const { return tape != nullptr ? tape->parameter(p) : Variable(p.value); }
};

}  // namespace vitrine

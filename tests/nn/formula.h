// The deterministic values of the reference folder (its formula.py): a whole network without a file.
//
// Stream of a name: s = fnv1a64(name) xor (seed * G mod 2^64), z_i = splitmix64(s + (i + 1) G), u_i = (z_i >> 40) 2^-24.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine::testing {

inline std::vector<double> formula_uniform(const std::string& name, std::int64_t count, std::uint64_t seed) {
  constexpr std::uint64_t kGold = 0x9E3779B97F4A7C15;
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  const std::uint64_t start = hash ^ (seed * kGold);
  std::vector<double> u(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < u.size(); ++i) {
    std::uint64_t z = start + (i + 1) * kGold;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z = z ^ (z >> 31);
    u[i] = static_cast<double>(z >> 40) * 0x1p-24;
  }
  return u;
}

// The float32 tensor of that name; `shape` is the checkpoint's own, PyTorch's.
inline Tensor formula_tensor(const std::string& name, const Shape& shape, std::uint64_t seed, double gain) {
  const std::vector<double> u = formula_uniform(name, shape.elements(), seed);
  std::int64_t fan_in = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) fan_in *= shape[axis];
  const auto value = [&](double v) {
    if (name.ends_with("running_var")) return 0.75 + 0.5 * v;
    if (name.ends_with("running_mean")) return 0.2 * (2 * v - 1);
    if (name == "input") return std::sqrt(3.0) * (2 * v - 1);
    if (shape.rank() == 1) return name.ends_with("weight") ? 0.75 + 0.5 * v : 0.2 * (2 * v - 1);
    return std::sqrt(3.0 * gain / static_cast<double>(fan_in)) * (2 * v - 1);
  };
  std::vector<float> values;
  for (const double v : u) values.push_back(static_cast<float>(value(v)));
  return Tensor::from(shape, values);
}

}  // namespace vitrine::testing

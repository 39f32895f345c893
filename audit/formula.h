// The deterministic values of a reference folder (its formula.py): a whole network without a file.
//
// Stream of a name: s = fnv1a64(name) xor (seed * G mod 2^64), z_i = splitmix64(s + (i + 1) G), u_i = (z_i >> 40) 2^-24.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/efficientnet/efficientnet.h"
#include "weights/key_tables.h"

namespace vitrine {

std::vector<double> formula_uniform(const std::string& name, std::int64_t count, std::uint64_t seed);

// The float32 tensor of that name; `shape` is the checkpoint's own, PyTorch's.
Tensor formula_tensor(const std::string& name, const Shape& shape, std::uint64_t seed, double gain);

// The reference set efficientnet-pytorch's image size to the size of its input: `static_size` says so.
EfficientNet formula_network(Family family, const std::string& arch, std::int64_t classes, std::uint64_t seed, double gain,
                             std::int64_t static_size = 0);

// The image batch [n, size, size, 3] (the reference's own order is N C H W).
Tensor formula_images(std::int64_t n, std::int64_t size, std::uint64_t seed);

}  // namespace vitrine

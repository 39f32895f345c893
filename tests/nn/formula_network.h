// An EfficientNet with the reference folder's formula weights, under the names of the library that the expected values come
// from.
#pragma once

#include <string>
#include <unordered_map>

#include "nn/efficientnet/checkpoint.h"
#include "tests/nn/formula.h"

namespace vitrine::testing {

// The reference set efficientnet-pytorch's image size to the size of its input: `static_size` says so.
inline EfficientNet formula_network(Family family, const std::string& arch, std::int64_t classes, std::uint64_t seed,
                                    double gain, std::int64_t static_size = 0) {
  const Architecture a = architecture(arch);
  Semantics semantics = published_semantics(family, a);
  if (static_size > 0 && semantics.padding == PaddingRule::same_static) semantics.static_size = static_size;
  EfficientNet net(a, semantics, classes);
  std::vector<BlockNames> blocks;
  for (const BlockSpec& b : a.blocks) blocks.push_back({b.stage, b.repeat, b.expands(), b.squeeze > 0});
  std::unordered_map<std::string, std::string> keys;
  for (const KeyPair& pair : key_table(family, blocks)) keys.emplace(pair.vitrine, pair.file);
  net.visit([&](const NamedTensor& t) {
    const Shape shape = to_torch_layout(*t.value, t.layout).shape();
    *t.value = from_torch_layout(formula_tensor(keys.at(t.name), shape, seed, gain), t.layout);
  });
  return net;
}

// The formula image batch [n, size, size, 3] (the reference's own order is N C H W).
inline Tensor formula_images(std::int64_t n, std::int64_t size, std::uint64_t seed) {
  const Tensor nchw = formula_tensor("input", {n, 3, size, size}, seed, 0);
  Tensor images = Tensor::uninitialized({n, size, size, 3});
  const auto out = images.mutable_host();
  const std::int64_t pixels = size * size;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        out[static_cast<std::size_t>((i * pixels + p) * 3 + c)] =
            nchw.host()[static_cast<std::size_t>((i * 3 + c) * pixels + p)];
      }
    }
  }
  return images;
}

}  // namespace vitrine::testing

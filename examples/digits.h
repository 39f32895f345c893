// Real handwritten digits for the examples: 1,797 images of 8 x 8 pixels (examples/data/digits.safetensors says where they come from).
// The last 360 are kept for testing.
#pragma once

#include <vitrine/vitrine.h>

#include <cstdint>
#include <span>
#include <vector>

namespace examples {

struct Digits {
  vitrine::Tensor images;  // [N, 8, 8, 1], 0 to 1
  std::vector<int> labels;

  Digits at(const vitrine::Places& places) const { return {rows(images, places), vitrine::rows(labels, places)}; }
};

inline Digits digits(bool for_training) {
  const auto file = vitrine::read_tensors(VITRINE_EXAMPLES "/data/digits.safetensors");
  const std::int64_t first = for_training ? 0 : 1437, last = for_training ? 1437 : 1797;
  Digits out{rows(file.at("images"), first, last).reshaped({last - first, 8, 8, 1}), {}};
  for (float& pixel : out.images.mutable_host()) pixel /= 16;
  for (const float label : rows(file.at("labels"), first, last).host()) out.labels.push_back(static_cast<int>(label));
  return out;
}

// A digit moved by a pixel at most, down and to the right; what comes in is 0.
inline void shift(std::span<float> digit, int down, int right) {
  const std::vector<float> from(digit.begin(), digit.end());
  for (int h = 0; h < 8; ++h) {
    for (int w = 0; w < 8; ++w) {
      const int y = h - down, x = w - right;
      const bool is_inside = y >= 0 && y < 8 && x >= 0 && x < 8;
      digit[static_cast<std::size_t>(8 * h + w)] = is_inside ? from[static_cast<std::size_t>(8 * y + x)] : 0;
    }
  }
}

// Every epoch's batches in an order that is a function of the seed and the epoch; moved by a pixel at random where that is wanted.
inline std::vector<Digits> batches(const Digits& all, std::int64_t size, std::uint64_t seed, std::uint32_t epochs,
                                   bool moved = false) {
  std::vector<Digits> out;
  for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
    for (const vitrine::Places& places : vitrine::shuffled_batches(all.images.shape()[0], size, {seed, epoch})) {
      out.push_back(all.at(places));
      const auto pixels = out.back().images.mutable_host();
      for (std::size_t i = 0; moved && i < places.size(); ++i) {
        const vitrine::Draw move{
            .seed = seed, .purpose = vitrine::Purpose::rotate, .epoch = epoch, .sample = static_cast<std::uint32_t>(places[i])};
        shift(pixels.subspan(64 * i, 64), static_cast<int>(move.below(0, 3)) - 1, static_cast<int>(move.below(1, 3)) - 1);
      }
    }
  }
  return out;
}

}  // namespace examples

// Real handwritten digits for the examples: 1,797 images of 8 x 8 pixels (examples/data/digits.safetensors says where they come from).
// The last 360 are kept for testing.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "library/vitrine.h"
#include "tensor/philox.h"
#include "weights/safetensors.h"

namespace examples {

using namespace vitrine;

struct Digits {
  Tensor images;  // [N, 8, 8, 1], 0 to 1
  std::vector<int> labels;

  // The digits of these places, as a batch.
  Digits at(const std::vector<std::size_t>& places) const {
    Digits out{Tensor::uninitialized({static_cast<std::int64_t>(places.size()), 8, 8, 1}), {}};
    for (std::size_t i = 0; i < places.size(); ++i) {
      std::copy_n(images.host().begin() + static_cast<std::ptrdiff_t>(64 * places[i]), 64,
                  out.images.mutable_host().begin() + static_cast<std::ptrdiff_t>(64 * i));
      out.labels.push_back(labels[places[i]]);
    }
    return out;
  }
};

inline Digits digits(bool for_training) {
  const TensorFile file = read_safetensors(VITRINE_EXAMPLES "/data/digits.safetensors");
  const Tensor images = file.at("images").to_float(), labels = file.at("labels").to_float();
  const std::size_t first = for_training ? 0 : 1437, last = for_training ? 1437 : 1797;
  Digits all{Tensor::uninitialized({static_cast<std::int64_t>(last - first), 8, 8, 1}), {}};
  const auto pixels = all.images.mutable_host();
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = images.host()[64 * first + i] / 16;
  for (std::size_t i = first; i < last; ++i) all.labels.push_back(static_cast<int>(labels.host()[i]));
  return all;
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
inline std::vector<Digits> batches(const Digits& all, std::size_t size, std::uint64_t seed, std::uint32_t epochs,
                                   bool moved = false) {
  std::vector<Digits> out;
  for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
    const Draw draw{.seed = seed, .purpose = Purpose::shuffle, .epoch = epoch};
    std::vector<std::size_t> order(all.labels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[draw.below(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i))]);
    for (auto at = order.begin(); order.end() - at >= static_cast<std::ptrdiff_t>(size);
         at += static_cast<std::ptrdiff_t>(size)) {
      out.push_back(all.at({at, at + static_cast<std::ptrdiff_t>(size)}));
      const auto pixels = out.back().images.mutable_host();
      for (std::size_t i = 0; moved && i < size; ++i) {
        const Draw move{.seed = seed,
                        .purpose = Purpose::rotate,
                        .epoch = epoch,
                        .sample = static_cast<std::uint32_t>(at[static_cast<std::ptrdiff_t>(i)])};
        shift(pixels.subspan(64 * i, 64), static_cast<int>(move.below(0, 3)) - 1, static_cast<int>(move.below(1, 3)) - 1);
      }
    }
  }
  return out;
}

// Share of rows whose largest logit is the label's, in percent.
inline double percent_right(const Tensor& logits, const std::vector<int>& labels) {
  const auto classes = static_cast<std::size_t>(logits.shape()[1]);
  std::size_t right = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = logits.host().subspan(n * classes, classes);
    right += std::max_element(row.begin(), row.end()) - row.begin() == labels[n] ? 1 : 0;
  }
  return 100 * static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace examples

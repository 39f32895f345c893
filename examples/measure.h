// What the examples measure with: drawn tensors, distances, times.
#pragma once

#include <vitrine/vitrine.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace examples {

// Normal values; `place` tells apart several.
inline vitrine::Tensor drawn(const vitrine::Shape& shape, std::uint32_t place) {
  vitrine::Tensor t = vitrine::Tensor::uninitialized(shape);
  const vitrine::Draw draw{.seed = 1, .op = place};
  for (std::size_t i = 0; i < t.host().size(); ++i)
    t.mutable_host()[i] = static_cast<float>(draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

// The largest difference in units of the last place of the largest value of `a`.
inline double ulp_between(const vitrine::Tensor& a, const vitrine::Tensor& b) {
  float largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.host().size(); ++i) {
    largest = std::max(largest, std::abs(a.host()[i]));
    difference = std::max(difference, std::abs(a.host()[i] - b.host()[i]));
  }
  return static_cast<double>(difference) / (static_cast<double>(largest) * 0x1p-23);
}

// Least time of seven runs, milliseconds.
template <class Work>
double least_time(const Work& work) {
  double least = 1e9;
  for (int run = 0; run < 7; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    least = std::min(least, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return least;
}

}  // namespace examples

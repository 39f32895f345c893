// For ops that have a composed twin: drawn tensors, and the comparison of two lists of results.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine::testing {

using Named = std::vector<std::pair<std::string, Tensor>>;

inline Tensor drawn(const Shape& shape, double mean, double deviation, std::uint32_t op) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 5, .purpose = Purpose::init, .op = op};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(mean + deviation * draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

// The values of a tensor of either type on any device, as float32 on the host; those of a float32 tensor as bfloat16 keeps them.
inline Tensor on_host(const Tensor& t) {
  const Tensor here = t.to(Device::cpu());
  return here.dtype() == DType::bf16 ? here.in_float32() : here;
}
inline Tensor rounded(const Tensor& t) { return t.in_bfloat16().in_float32(); }

// Every element within `share` of the largest element of its tensor; the largest share found is printed.
inline void expect_near(const Named& got, const Named& want, float share) {
  ASSERT_EQ(got.size(), want.size());
  float worst = 0;
  for (std::size_t t = 0; t < want.size(); ++t) {
    const auto a = got[t].second.host(), b = want[t].second.host();
    ASSERT_EQ(a.size(), b.size()) << want[t].first;
    float largest = 0;
    for (const float v : b) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < b.size(); ++i) {
      ASSERT_NEAR(a[i], b[i], share * largest) << want[t].first << " " << i;
      if (largest > 0) worst = std::max(worst, std::abs(a[i] - b[i]) / largest);
    }
  }
  std::printf("largest difference %.1e of a tensor's largest element\n", static_cast<double>(worst));
}

template <class Run>
void expect_same_bits_everywhere(Run run) {
  const Named expected = run();
  everywhere({1, 2, 3, 7}, [&](const std::string& where) {
    const Named got = run();
    for (std::size_t t = 0; t < got.size(); ++t) {
      const auto a = got[t].second.host(), b = expected[t].second.host();
      for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i], b[i]) << got[t].first << " " << i << " " << where;
    }
  });
}

}  // namespace vitrine::testing

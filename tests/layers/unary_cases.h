// The cases of a function of one value (layers/unary.h): sizes around the vectors, through the checks of op_tests.h.
#pragma once

#include <string>
#include <vector>

#include "layers/unary.h"
#include "tests/layers/op_tests.h"

namespace vitrine::testing {

// `forward(x, y)` and `backward(x, dy, dx)` are generic lambdas around the reference. `same_bits`: those of the reference on floats.
template <class Forward, class Backward>
std::vector<OpCase> unary_cases(Unary f, Forward forward, Backward backward, double forward_ulp, double backward_ulp,
                                bool same_bits = false) {
  std::vector<OpCase> cases;
  for (const std::int64_t n : {1, 2, 15, 16, 17, 31, 33, 4099, 40000}) {
    cases.push_back(op_case(
        "n" + std::to_string(n), {Shape{n}},
        [forward]<class T>(const Arrays<T>& in) {
          std::vector<T> y(in[0].size());
          forward(std::span<const T>(in[0]), std::span<T>(y));
          return y;
        },
        [backward]<class T>(const Arrays<T>& in, const std::vector<T>& dy) {
          Arrays<T> dx = {std::vector<T>(in[0].size())};
          backward(std::span<const T>(in[0]), std::span<const T>(dy), std::span<T>(dx[0]));
          return dx;
        },
        [f](std::span<const Variable> in) { return unary(f, in[0]); }));
    cases.back().input_scale = 4;
    cases.back().forward_ulp = forward_ulp;
    cases.back().backward_ulp = backward_ulp;
    cases.back().same_bits_as_float_reference = same_bits;
  }
  return cases;
}

}  // namespace vitrine::testing

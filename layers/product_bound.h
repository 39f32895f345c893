// Shadows of matrix products: what linear, 1x1 convolutions and the gates of squeeze-excitation share.
#pragma once

#include <vector>

#include "layers/bounded.h"

namespace vitrine {

// Signs +-1 of output channels, drawn by Philox: errors of two channels cannot cancel by their place.
std::vector<double> checksum_signs(std::int64_t K);

// Of weights [rows][K]: for each row sum_k sign_k w_k and sum_k |w_k|.
struct SignedColumns {
  std::vector<double> sum, size;
};
SignedColumns signed_columns(const Values& w, std::int64_t rows, std::int64_t K);

// Rows of y [rows][K] = x w + b against the same with the weights added up first: |sum_k sign_k (computed - true)| is at most
// gamma_(t+1) (sum_i |x_i| sum_k |w_ik| + sum_k |b_k|), t = min(terms, 128) + chunks. term(row, use): use(i, x_i) for the terms inside.
template <class Term>
Shadow checksum_of(std::string of, const Tensor& computed, std::int64_t rows, std::int64_t K, std::int64_t terms,
                   const Lazy<SignedColumns>& weights, const Values& bias, Term term,
                   std::function<double(std::int64_t row, std::int64_t k)> y) {
  const std::vector<double> signs = checksum_signs(K);
  double bias_sum = 0, bias_size = 0;
  for (std::int64_t k = 0; bias.defined() && k < K; ++k) {
    bias_sum += signs[static_cast<std::size_t>(k)] * bias[k];
    bias_size += std::abs(bias[k]);
  }
  Shadow shadow;
  shadow.of = std::move(of);
  shadow.computed = computed;
  shadow.elements = rows;
  shadow.terms = terms;
  const double t = static_cast<double>(std::min(terms, kDotChunk) + (terms + kDotChunk - 1) / kDotChunk);
  shadow.at = [weights, term, t, terms, K, bias_sum, bias_size](std::int64_t row) {
    const SignedColumns& w = weights.get();
    double value = bias_sum, size = bias_size, carried = 0;
    term(row, [&](std::int64_t i, Bounded x) {
      value += x.value * w.sum[static_cast<std::size_t>(i)];
      carried += x.bound * w.size[static_cast<std::size_t>(i)];
      size += (std::abs(x.value) + x.bound) * w.size[static_cast<std::size_t>(i)];
    });
    const double wide = 2 * static_cast<double>(terms + K) * kWideRoundoff;
    const double least = static_cast<double>((terms + 2) * K) * kUnderflow;
    return finished({value, carried + (gamma_of(t + 1) + wide) * size + least + (size > kLargestFloat ? HUGE_VAL : 0)});
  };
  shadow.seen = [signs, K, y = std::move(y)](std::int64_t row) {
    double sum = 0;
    for (std::int64_t k = 0; k < K; ++k) sum += signs[static_cast<std::size_t>(k)] * y(row, k);
    return sum;
  };
  return shadow;
}

// Of y [rows, K] = x [rows, C] w [C, K] + b and its gradients.
struct ProductShadows {
  Values x, w;
  std::int64_t rows, C, K;

  Shadow output(std::string of, const Tensor& computed, const Values& bias) const;
  Shadow checksum(std::string of, const Tensor& computed, const Values& bias) const;
  Shadow input_gradient(std::string of, const Tensor& computed, const Values& dy) const;
  Shadow weight_gradient(std::string of, const Tensor& computed, const Values& dy) const;
};
// db [K] = the sum over rows of dy.
Shadow bias_gradient_shadow(std::string of, const Tensor& computed, const Values& dy, std::int64_t rows);

}  // namespace vitrine

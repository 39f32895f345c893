// Batch normalisation, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace vitrine::reference {

template <class T>
struct Moments {
  std::vector<T> mean, variance;  // biased
};

template <class T>
Moments<T> batch_norm_moments(std::int64_t rows, std::int64_t C, std::span<const T> x) {
  Moments<T> m{std::vector<T>(static_cast<std::size_t>(C), T(0)), std::vector<T>(static_cast<std::size_t>(C), T(0))};
  const T count(static_cast<double>(rows));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < C; ++c) m.mean[static_cast<std::size_t>(c)] += x[static_cast<std::size_t>(r * C + c)];
  for (T& v : m.mean) v = v / count;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < C; ++c) {
      const T d = x[static_cast<std::size_t>(r * C + c)] - m.mean[static_cast<std::size_t>(c)];
      m.variance[static_cast<std::size_t>(c)] += d * d;
    }
  for (T& v : m.variance) v = v / count;
  return m;
}

template <class T>
void batch_norm_forward(std::int64_t rows, std::int64_t C, std::span<const T> x, std::span<const T> gamma,
                        std::span<const T> beta, const Moments<T>& m, double eps, std::span<T> y) {
  using std::sqrt;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < C; ++c) {
      const auto i = static_cast<std::size_t>(r * C + c), k = static_cast<std::size_t>(c);
      y[i] = gamma[k] * (x[i] - m.mean[k]) / sqrt(m.variance[k] + T(eps)) + beta[k];
    }
}

// `train`: the moments are the batch's own and depend on x.
template <class T>
void batch_norm_backward(std::int64_t rows, std::int64_t C, std::span<const T> x, std::span<const T> gamma, const Moments<T>& m,
                         double eps, bool train, std::span<const T> dy, std::span<T> dx, std::span<T> dgamma,
                         std::span<T> dbeta) {
  using std::sqrt;
  const T count(static_cast<double>(rows));
  for (std::int64_t c = 0; c < C; ++c) {
    const auto k = static_cast<std::size_t>(c);
    const T inverse = T(1) / sqrt(m.variance[k] + T(eps));
    T sum_dy(0), sum_dy_h(0);
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto i = static_cast<std::size_t>(r * C + c);
      sum_dy += dy[i];
      sum_dy_h += dy[i] * (x[i] - m.mean[k]) * inverse;
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto i = static_cast<std::size_t>(r * C + c);
      const T h = (x[i] - m.mean[k]) * inverse;
      dx[i] = gamma[k] * inverse * (train ? dy[i] - sum_dy / count - h * sum_dy_h / count : dy[i]);
    }
    dgamma[k] = sum_dy_h;
    dbeta[k] = sum_dy;
  }
}

}  // namespace vitrine::reference

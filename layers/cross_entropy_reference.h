// Soft-label cross-entropy, the definition, over any number type.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace vitrine::reference {

template <class T>
T cross_entropy_forward(std::int64_t N, std::int64_t C, std::span<const T> logits, std::span<const double> targets,
                        double smoothing) {
  using std::exp;
  using std::log;
  T loss(0);
  for (std::int64_t n = 0; n < N; ++n) {
    const auto row = logits.subspan(static_cast<std::size_t>(n * C), static_cast<std::size_t>(C));
    T most = row[0];
    for (const T& z : row) most = z > most ? z : most;
    T sum(0);
    for (const T& z : row) sum += exp(z - most);
    for (std::int64_t c = 0; c < C; ++c) {
      const double t = (1 - smoothing) * targets[static_cast<std::size_t>(n * C + c)] + smoothing / static_cast<double>(C);
      if (t != 0) loss += T(t) * (log(sum) + (most - row[static_cast<std::size_t>(c)]));
    }
  }
  return loss / T(static_cast<double>(N));
}

template <class T>
void cross_entropy_backward(std::int64_t N, std::int64_t C, std::span<const T> logits, std::span<const double> targets,
                            double smoothing, const T& dloss, std::span<T> dlogits) {
  using std::exp;
  for (std::int64_t n = 0; n < N; ++n) {
    const auto row = logits.subspan(static_cast<std::size_t>(n * C), static_cast<std::size_t>(C));
    T most = row[0];
    for (const T& z : row) most = z > most ? z : most;
    T sum(0);
    double mass = 0;
    for (const T& z : row) sum += exp(z - most);
    for (std::int64_t c = 0; c < C; ++c)
      mass += (1 - smoothing) * targets[static_cast<std::size_t>(n * C + c)] + smoothing / static_cast<double>(C);
    for (std::int64_t c = 0; c < C; ++c) {
      const auto i = static_cast<std::size_t>(n * C + c);
      const double t = (1 - smoothing) * targets[i] + smoothing / static_cast<double>(C);
      dlogits[i] = dloss / T(static_cast<double>(N)) * (exp(logits[i] - most) / sum * T(mass) - T(t));
    }
  }
}

}  // namespace vitrine::reference

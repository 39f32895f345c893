#include "layers/product_bound.h"

#include <array>

#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {

std::vector<double> checksum_signs(std::int64_t K) {
  const Draw draw{.seed = 1, .purpose = Purpose::audit, .op = static_cast<std::uint32_t>(K)};
  std::vector<double> signs(static_cast<std::size_t>(K));
  for (std::size_t k = 0; k < signs.size(); ++k) signs[k] = (draw.bits(static_cast<std::uint32_t>(k)) & 1) != 0 ? 1 : -1;
  return signs;
}

SignedColumns signed_columns(const Values& w, std::int64_t rows, std::int64_t K) {
  constexpr std::int64_t kLanes = 4;  // sums side by side, added in order: one alone would wait for each addition
  const std::vector<double> signs = checksum_signs(K);
  SignedColumns columns{std::vector<double>(static_cast<std::size_t>(rows)),
                        std::vector<double>(static_cast<std::size_t>(rows))};
  parallel_for(rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      std::array<double, kLanes> sum{}, size{};
      for (std::int64_t k = 0; k < K; ++k) {
        const auto lane = static_cast<std::size_t>(k % kLanes);
        sum[lane] += signs[static_cast<std::size_t>(k)] * w[i * K + k];
        size[lane] += std::abs(w[i * K + k]);
      }
      columns.sum[static_cast<std::size_t>(i)] = sum[0] + sum[1] + sum[2] + sum[3];
      columns.size[static_cast<std::size_t>(i)] = size[0] + size[1] + size[2] + size[3];
    }
  });
  return columns;
}

Shadow ProductShadows::output(std::string of, const Tensor& computed, const Values& bias) const {
  return shadow_of(std::move(of), computed, C, [p = *this, bias](std::int64_t i) {
    Dot dot;
    for (std::int64_t c = 0; c < p.C; ++c) dot.add(c, p.x[i / p.K * p.C + c], p.w[c * p.K + i % p.K]);
    return bias.defined() ? plus(dot.result(), bias.exact(i % p.K)) : dot.result();
  });
}

Shadow ProductShadows::checksum(std::string of, const Tensor& computed, const Values& bias) const {
  const Lazy<SignedColumns> columns([w = w, C = C, K = K] { return signed_columns(w, C, K); });
  const auto term = [x = x, C = C](std::int64_t row, const auto& use) {
    for (std::int64_t c = 0; c < C; ++c) use(c, x.exact(row * C + c));
  };
  return checksum_of(std::move(of), computed, rows, K, C, columns, bias, term,
                     [y = Values(computed), K = K](std::int64_t row, std::int64_t k) { return y[row * K + k]; });
}

Shadow ProductShadows::input_gradient(std::string of, const Tensor& computed, const Values& dy) const {
  return shadow_of(std::move(of), computed, K, [p = *this, dy](std::int64_t i) {
    Dot dot;
    for (std::int64_t k = 0; k < p.K; ++k) dot.add(k, dy[i / p.C * p.K + k], p.w[i % p.C * p.K + k]);
    return dot.result();
  });
}

Shadow ProductShadows::weight_gradient(std::string of, const Tensor& computed, const Values& dy) const {
  return shadow_of(std::move(of), computed, rows, [p = *this, dy](std::int64_t i) {
    LongSum sum;
    for (std::int64_t n = 0; n < p.rows; ++n) sum.add_product(n, p.x[n * p.C + i / p.K], dy[n * p.K + i % p.K]);
    return sum.result();
  });
}

Shadow bias_gradient_shadow(std::string of, const Tensor& computed, const Values& dy, std::int64_t rows) {
  return shadow_of(std::move(of), computed, rows, [dy, rows, K = computed.size()](std::int64_t k) {
    LongSum sum;
    for (std::int64_t n = 0; n < rows; ++n) sum.add(n, dy.exact(n * K + k));
    return sum.result();
  });
}

}  // namespace vitrine

#include "tensor/philox.h"

#include <cmath>
#include <numbers>

#include "tensor/math.h"

namespace vitrine {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c;
}

namespace {

std::array<std::uint32_t, 4> block(const Draw& d, std::uint32_t index) {
  return philox({d.sample, d.epoch << 8 | static_cast<std::uint32_t>(d.purpose), d.op, index},
                {static_cast<std::uint32_t>(d.seed), static_cast<std::uint32_t>(d.seed >> 32)});
}

double uniform_53(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

// Two independent uniforms from the block of draw i; the first is above zero.
std::array<double, 2> uniform_pair(const Draw& d, std::uint32_t i) {
  const auto w = block(d, i);
  return {1.0 - uniform_53(w[0], w[1]), uniform_53(w[2], w[3])};
}

}  // namespace

std::uint32_t Draw::bits(std::uint32_t i) const { return block(*this, i / 4)[i % 4]; }

float Draw::uniform_float(std::uint32_t i) const { return static_cast<float>(bits(i) >> 8) * 0x1p-24f; }

double Draw::uniform(std::uint32_t i) const { return uniform_pair(*this, i)[1]; }

double Draw::uniform(std::uint32_t i, double low, double high) const { return low + (high - low) * uniform(i); }

double Draw::normal(std::uint32_t i) const {
  const auto [u, v] = uniform_pair(*this, i);
  return std::sqrt(-2.0 * log_portable(u)) * cos_portable(2.0 * std::numbers::pi * v);
}

std::uint32_t Draw::below(std::uint32_t i, std::uint32_t n) const {
  return static_cast<std::uint32_t>(uniform(i) * static_cast<double>(n));
}

double Draw::gamma(std::uint32_t i, double shape) const {
  // Below shape 1: gamma(shape) = gamma(shape + 1) * u^(1/shape).
  Draw tries = *this;
  tries.op = op ^ 0x47000000u;  // keeps the tries apart from other draws of this family
  const std::uint32_t base = i * 130;
  const double boost = shape < 1 ? exp_portable(log_portable(1.0 - tries.uniform(base)) / shape) : 1.0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (std::uint32_t attempt = 0; attempt < 64; ++attempt) {
    const double x = tries.normal(base + 1 + 2 * attempt);
    const double t = 1.0 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t;
    const double u = 1.0 - tries.uniform(base + 2 + 2 * attempt);
    if (log_portable(u) < 0.5 * x * x + d - d * v + d * log_portable(v)) return boost * d * v;
  }
  return boost * d;  // the mode; reached with probability below 1e-80
}

double Draw::beta(std::uint32_t i, double a, double b) const {
  const double x = gamma(2 * i, a);
  const double y = gamma(2 * i + 1, b);
  return x + y > 0 ? x / (x + y) : 0.5;
}

}  // namespace vitrine

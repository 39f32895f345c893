#include "tensor/philox.h"

#include <cmath>
#include <numbers>

#include "tensor/math.h"

namespace vitrine {

namespace {

double uniform_53(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

// Two independent uniforms from the block of draw i; the first is above zero.
std::array<double, 2> uniform_pair(const Draw& d, std::uint32_t i) {
  const auto w = d.block(i);
  return {1.0 - uniform_53(w[0], w[1]), uniform_53(w[2], w[3])};
}

}  // namespace

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

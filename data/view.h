// The value of a view (data/drawn_view.h) at one pixel: what GPUs compute, and the reference of the host's kernels (data/view_kernels.h).
#pragma once

#include <cstdint>

#include "data/drawn_view.h"
#include "tensor/math_host_device.h"

namespace vitrine {

namespace host_device {

VITRINE_HD inline double logit(double p) { return log_portable(p / (1 - p)); }

// Reflects about the edge pixels: -1 -> 1, n -> n - 2.
VITRINE_HD inline std::int64_t reflected(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i = (i % period + period) % period;
  return i < n ? i : period - i;
}

VITRINE_HD inline double clipped(double v, double low, double high) { return v < low ? low : high < v ? high : v; }

VITRINE_HD inline float relit(float value, const Lighting& light) {
  const double p = clipped(static_cast<double>(value), 1e-4, 1 - 1e-4);
  return static_cast<float>(1 / (1 + exp_portable(-(logit(p) + light.shift) * light.scale)));
}

}  // namespace host_device

// The four pixels that output pixel (y, x) is interpolated from, and their weights.
struct SourcePixel {
  std::int64_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;
  double wy = 0, wx = 0;

  VITRINE_HD SourcePixel(const Affine& m, std::int64_t H, std::int64_t W, std::int64_t y, std::int64_t x) {
    if (m.identity) return;
    const double cy = static_cast<double>(H - 1) / 2, cx = static_cast<double>(W - 1) / 2;
    const double v = static_cast<double>(y) - cy, u = static_cast<double>(x) - cx;
    double sy = m.a * v + m.b * u + m.ty, sx = m.c * v + m.d * u + m.tx;
    if (m.warped) {
      const double depth = m.py * v + m.px * u + m.p;
      sy = sy / depth;
      sx = sx / depth;
    }
    sy = sy + cy;
    sx = sx + cx;
    const double fy = std::floor(sy), fx = std::floor(sx);
    wy = sy - fy;
    wx = sx - fx;
    y0 = host_device::reflected(static_cast<std::int64_t>(fy), H);
    y1 = host_device::reflected(static_cast<std::int64_t>(fy) + 1, H);
    x0 = host_device::reflected(static_cast<std::int64_t>(fx), W);
    x1 = host_device::reflected(static_cast<std::int64_t>(fx) + 1, W);
  }
};

// The view's value at (y, x), channel c of the image `in` [H, W, C].
VITRINE_HD inline float value_of(const View& view, const SourcePixel& from, const float* in, std::int64_t W, std::int64_t C,
                                 std::int64_t y, std::int64_t x, std::int64_t c) {
  float value = in[(y * W + x) * C + c];
  if (!view.affine.identity) {
    const auto at = [&](std::int64_t r, std::int64_t s) { return static_cast<double>(in[(r * W + s) * C + c]); };
    const double top = at(from.y0, from.x0) + from.wx * (at(from.y0, from.x1) - at(from.y0, from.x0));
    const double bottom = at(from.y1, from.x0) + from.wx * (at(from.y1, from.x1) - at(from.y1, from.x0));
    value = static_cast<float>(host_device::clipped(top + from.wy * (bottom - top), 0.0, 1.0));
  }
  return view.light.identity ? value : host_device::relit(value, view.light);
}

}  // namespace vitrine

#include "data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "data/view.h"
#include "data/view_kernels.h"
#include "tensor/isa.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine {
namespace kernels {

namespace scalar {
extern const ViewKernels view_table;
}
namespace avx2 {
extern const ViewKernels view_table;
}
namespace avx512 {
extern const ViewKernels view_table;
}

const ViewKernels& view_kernels() { return for_this_machine(scalar::view_table, avx2::view_table, avx512::view_table); }

}  // namespace kernels

namespace {

Affine drawn_affine(const AugmentOptions& o, std::int64_t H, std::int64_t W, const Draw& base) {
  const auto draw = [&](Purpose purpose) {
    Draw d = base;
    d.purpose = purpose;
    return d;
  };
  Affine m;
  const Draw rotate = draw(Purpose::rotate), zoom = draw(Purpose::zoom), flip = draw(Purpose::flip);
  if (o.max_rotate_degrees > 0 && rotate.uniform(0) < o.affine_probability) {
    const double angle = rotate.uniform(1, -o.max_rotate_degrees, o.max_rotate_degrees) * std::numbers::pi / 180;
    m.a = m.d = cos_portable(angle);
    m.b = -sin_portable(angle);
    m.c = -m.b;
    m.identity = false;
  }
  if (o.max_zoom > 1 && zoom.uniform(0) < o.affine_probability) {
    const double scale = zoom.uniform(1, 1.0, o.max_zoom);
    // The focal point stays where it is: it is drawn uniformly in the image.
    const double fy = (zoom.uniform(2) - 0.5) * static_cast<double>(H - 1),
                 fx = (zoom.uniform(3) - 0.5) * static_cast<double>(W - 1);
    for (double* v : {&m.a, &m.b, &m.c, &m.d}) *v /= scale;
    m.ty = fy - fy / scale;
    m.tx = fx - fx / scale;
    m.identity = false;
  }
  if (o.flip_horizontal && flip.uniform(0) < 0.5) {
    m.b = -m.b;
    m.d = -m.d;
    m.identity = false;
  }
  if (o.flip_vertical && flip.uniform(1) < 0.5) {
    m.a = -m.a;
    m.c = -m.c;
    m.identity = false;
  }
  if (o.max_warp > 0) {
    const Draw warp = draw(Purpose::warp);
    const auto amount = [&](std::uint32_t i) {
      return warp.uniform(i) < o.affine_probability ? warp.uniform(i + 1, -o.max_warp, o.max_warp) : 0.0;
    };
    const double s = amount(0), t = amount(2);
    if (s != 0 || t != 0) m = warped(m, s, t, H, W);
  }
  return m;
}

Lighting drawn_lighting(const AugmentOptions& o, const Draw& base) {
  Lighting light;
  if (o.max_lighting <= 0) return light;
  Draw brightness = base, contrast = base;
  brightness.purpose = Purpose::brightness;
  contrast.purpose = Purpose::contrast;
  if (brightness.uniform(0) < o.lighting_probability) {
    light.shift = host_device::logit(brightness.uniform(1, 0.5 * (1 - o.max_lighting), 0.5 * (1 + o.max_lighting)));
    light.identity = false;
  }
  if (contrast.uniform(0) < o.lighting_probability) {
    const double range = -log_portable(1 - o.max_lighting);
    light.scale = exp_portable(contrast.uniform(1, -range, range));
    light.identity = false;
  }
  return light;
}

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) c[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j];
  }
  return c;
}

// Solves the square system by elimination; the row with the largest pivot, the first of equals, goes first.
std::array<double, 8> solved(std::array<std::array<double, 9>, 8> rows) {
  for (std::size_t k = 0; k < 8; ++k) {
    std::size_t best = k;
    for (std::size_t i = k + 1; i < 8; ++i) {
      if (std::abs(rows[i][k]) > std::abs(rows[best][k])) best = i;
    }
    std::swap(rows[k], rows[best]);
    for (std::size_t i = k + 1; i < 8; ++i) {
      const double factor = rows[i][k] / rows[k][k];
      for (std::size_t j = k; j < 9; ++j) rows[i][j] -= factor * rows[k][j];
    }
  }
  std::array<double, 8> x{};
  for (std::size_t k = 8; k-- > 0;) {
    double sum = rows[k][8];
    for (std::size_t j = k + 1; j < 8; ++j) sum -= rows[k][j] * x[j];
    x[k] = sum / rows[k][k];
  }
  return x;
}

// The homography of the four corners, in half sides of the image.
Matrix homography(double s, double t) {
  const double from[4][2] = {{-1 - s, -1 - t}, {-1 + s, 1 + t}, {1 + s, -1 + t}, {1 - s, 1 - t}};
  const double to[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
  std::array<std::array<double, 9>, 8> rows{};
  for (std::size_t k = 0; k < 4; ++k) {
    const double y = from[k][0], x = from[k][1];
    rows[2 * k] = {y, x, 1, 0, 0, 0, -to[k][0] * y, -to[k][0] * x, to[k][0]};
    rows[2 * k + 1] = {0, 0, 0, y, x, 1, -to[k][1] * y, -to[k][1] * x, to[k][1]};
  }
  const std::array<double, 8> h = solved(rows);
  return {{{h[0], h[1], h[2]}, {h[3], h[4], h[5]}, {h[6], h[7], 1}}};
}

}  // namespace

Affine warped(const Affine& inner, double s, double t, std::int64_t H, std::int64_t W) {
  const double half_y = std::max(1.0, static_cast<double>(H - 1) / 2), half_x = std::max(1.0, static_cast<double>(W - 1) / 2);
  const Matrix to_sides{{{1 / half_y, 0, 0}, {0, 1 / half_x, 0}, {0, 0, 1}}},
      to_pixels{{{half_y, 0, 0}, {0, half_x, 0}, {0, 0, 1}}};
  const Matrix first{{{inner.a, inner.b, inner.ty}, {inner.c, inner.d, inner.tx}, {inner.py, inner.px, inner.p}}};
  const Matrix m = product(to_pixels, product(homography(s, t), product(to_sides, first)));
  return {m[0][0], m[0][1], m[1][0], m[1][1], m[0][2], m[1][2], m[2][0], m[2][1], m[2][2], false, true};
}

View drawn_view(const AugmentOptions& options, std::int64_t H, std::int64_t W, std::uint64_t seed, std::uint32_t epoch,
                std::uint32_t sample) {
  const Draw base{.seed = seed, .epoch = epoch, .sample = sample};
  return {drawn_affine(options, H, W, base), drawn_lighting(options, base)};
}

void write_view(const Tensor& image, const View& view, float* out) {
  const Shape& s = image.shape();
  const kernels::ViewKernels& k = kernels::view_kernels();
  const float* const in = image.host().data();
  const std::int64_t row = s[1] * s[2];
  if (view.affine.identity) std::copy_n(in, s[0] * row, out);
  for (std::int64_t y = 0; y < s[0]; ++y) {
    float* const to = out + y * row;
    if (!view.affine.identity) k.resample_row(in, {s[0], s[1], s[2]}, view.affine, y, to);
    if (!view.light.identity) k.relight(to, row, view.light);
  }
}

Tensor augment(const Tensor& image, const AugmentOptions& options, std::uint64_t seed, std::uint32_t epoch,
               std::uint32_t sample) {
  const Shape& s = image.shape();
  if (s.rank() != 3) throw ShapeError(text("augment: the image is ", s.text(), ", expected [H, W, C]"));
  const View view = drawn_view(options, s[0], s[1], seed, epoch, sample);
  if (view.affine.identity && view.light.identity) return image.clone();
  Tensor result = Tensor::uninitialized(s);
  write_view(image, view, result.mutable_host().data());
  return result;
}

}  // namespace vitrine

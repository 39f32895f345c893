#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

// Where an output pixel (y, x), measured from the image's centre, is read from: [a b; c d] (y, x) + (ty, tx).
struct Affine {
  double a = 1, b = 0, c = 0, d = 1, ty = 0, tx = 0;
  bool identity = true;
};

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
  return m;
}

// Reflects about the edge pixels: -1 -> 1, n -> n - 2.
std::int64_t reflected(std::int64_t i, std::int64_t n) {
  if (n == 1) return 0;
  const std::int64_t period = 2 * (n - 1);
  i = (i % period + period) % period;
  return i < n ? i : period - i;
}

void resample(const float* in, float* out, std::int64_t H, std::int64_t W, std::int64_t C, const Affine& m) {
  const double cy = static_cast<double>(H - 1) / 2, cx = static_cast<double>(W - 1) / 2;
  for (std::int64_t y = 0; y < H; ++y) {
    for (std::int64_t x = 0; x < W; ++x) {
      const double v = static_cast<double>(y) - cy, u = static_cast<double>(x) - cx;
      const double sy = m.a * v + m.b * u + m.ty + cy, sx = m.c * v + m.d * u + m.tx + cx;
      const double fy = std::floor(sy), fx = std::floor(sx);
      const double wy = sy - fy, wx = sx - fx;
      const std::int64_t y0 = reflected(static_cast<std::int64_t>(fy), H), y1 = reflected(static_cast<std::int64_t>(fy) + 1, H);
      const std::int64_t x0 = reflected(static_cast<std::int64_t>(fx), W), x1 = reflected(static_cast<std::int64_t>(fx) + 1, W);
      for (std::int64_t c = 0; c < C; ++c) {
        const auto at = [&](std::int64_t r, std::int64_t s) { return static_cast<double>(in[(r * W + s) * C + c]); };
        const double top = at(y0, x0) + wx * (at(y0, x1) - at(y0, x0));
        const double bottom = at(y1, x0) + wx * (at(y1, x1) - at(y1, x0));
        out[(y * W + x) * C + c] = static_cast<float>(std::clamp(top + wy * (bottom - top), 0.0, 1.0));
      }
    }
  }
}

double logit(double p) { return log_portable(p / (1 - p)); }

struct Lighting {
  double shift = 0, scale = 1;
  bool identity = true;
};

Lighting drawn_lighting(const AugmentOptions& o, const Draw& base) {
  Lighting light;
  if (o.max_lighting <= 0) return light;
  Draw brightness = base, contrast = base;
  brightness.purpose = Purpose::brightness;
  contrast.purpose = Purpose::contrast;
  if (brightness.uniform(0) < o.lighting_probability) {
    light.shift = logit(brightness.uniform(1, 0.5 * (1 - o.max_lighting), 0.5 * (1 + o.max_lighting)));
    light.identity = false;
  }
  if (contrast.uniform(0) < o.lighting_probability) {
    const double range = -log_portable(1 - o.max_lighting);
    light.scale = exp_portable(contrast.uniform(1, -range, range));
    light.identity = false;
  }
  return light;
}

void relight(std::span<float> values, const Lighting& light) {
  for (float& value : values) {
    const double p = std::clamp(static_cast<double>(value), 1e-4, 1 - 1e-4);
    value = static_cast<float>(1 / (1 + exp_portable(-(logit(p) + light.shift) * light.scale)));
  }
}

}  // namespace

Tensor augment(const Tensor& image, const AugmentOptions& options, std::uint64_t seed, std::uint32_t epoch,
               std::uint32_t sample) {
  const Shape& s = image.shape();
  if (s.rank() != 3) throw ShapeError(text("augment: the image is ", s.text(), ", expected [H, W, C]"));
  const Draw base{.seed = seed, .epoch = epoch, .sample = sample};
  const Affine affine = drawn_affine(options, s[0], s[1], base);
  Tensor result = affine.identity ? image.clone() : Tensor::uninitialized(s);
  if (!affine.identity) resample(image.host().data(), result.mutable_host().data(), s[0], s[1], s[2], affine);
  const Lighting light = drawn_lighting(options, base);
  if (!light.identity) relight(result.mutable_host(), light);
  return result;
}

}  // namespace vitrine

#include "data/augment.h"

#include <algorithm>
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

}  // namespace

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

// composed and inverse of imaging/volume.h.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "imaging/volume.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

// The angle of the direction (c, s), in -pi to pi, without the library's arc functions, whose last bits differ between machines: a first
// guess from the octant, then Newton's steps on sin(angle - guess), of which each leaves the fifth power of its error.
double angle_of(double s, double c) {
  const double length = std::sqrt(s * s + c * c);
  if (!(length > 0)) return 0;
  s /= length;
  c /= length;
  const double low = std::min(std::abs(s), std::abs(c)), high = std::max(std::abs(s), std::abs(c)), ratio = low / high;
  double angle = ratio * (std::numbers::pi / 4 + 0.273 * (1 - ratio));  // within 0.004
  if (std::abs(s) > std::abs(c)) angle = std::numbers::pi / 2 - angle;
  if (c < 0) angle = std::numbers::pi - angle;
  if (s < 0) angle = -angle;
  for (int step = 0; step < 3; ++step) {
    const double off = s * cos_portable(angle) - c * sin_portable(angle);
    angle += off + off * off * off / 6;
  }
  return angle;
}

// The angles of R = Z * X * Y (RigidTransform). Where x is a right angle, y and z turn about one axis: y is taken as 0.
Vec3 angles_of(const Matrix3& r) {
  const double cx = std::sqrt(r[1] * r[1] + r[4] * r[4]);
  const double x = angle_of(r[7], cx);
  if (cx < 1e-9) return {x, 0, angle_of(r[3], r[0])};
  return {x, angle_of(-r[6], r[8]), angle_of(-r[1], r[4])};
}

Matrix3 product(const Matrix3& a, const Matrix3& b) {
  Matrix3 out{};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
  }
  return out;
}

// The motion of this rotation about `centre` that leads `centre` to `to`.
RigidTransform motion(const Matrix3& rotation, const Vec3& centre, const Vec3& to) {
  return {angles_of(rotation), {to[0] - centre[0], to[1] - centre[1], to[2] - centre[2]}, centre};
}

}  // namespace

RigidTransform composed(const RigidTransform& first, const RigidTransform& then) {
  return motion(product(then.rotation(), first.rotation()), first.centre, then.apply(first.apply(first.centre)));
}

RigidTransform inverse(const RigidTransform& transform) {
  const Matrix3 r = transform.rotation();
  return motion({r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]}, transform.centre,
                transform.apply_inverse(transform.centre));
}

}  // namespace vitrine::imaging

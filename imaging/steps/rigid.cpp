#include "imaging/steps/rigid.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace vitrine::imaging {
namespace {

// Arctangent from exact operations and square roots alone, so that every C library gives the same bits: the angle is halved three times,
// then ten terms of the series are exact to a double.
double arctangent(double x) {
  if (std::fabs(x) > 1) return std::copysign(std::numbers::pi / 2, x) - arctangent(1 / x);
  for (int half = 0; half < 3; ++half) x = x / (1 + std::sqrt(1 + x * x));
  const double square = x * x;
  double sum = 0;
  for (int term = 12; term >= 0; --term) sum = 1.0 / (2 * term + 1) - square * sum;
  return 8 * x * sum;
}

double arctangent(double y, double x) {
  if (x == 0 && y == 0) return 0;
  if (std::fabs(y) > std::fabs(x)) return std::copysign(std::numbers::pi / 2, y) - arctangent(x / y);
  const double a = arctangent(y / x);
  return x > 0 ? a : a + std::copysign(std::numbers::pi, y);
}

}  // namespace

Matrix3 product(const Matrix3& a, const Matrix3& b) {
  Matrix3 out{};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) out[3 * r + c] = a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c];
  }
  return out;
}

Matrix3 transposed(const Matrix3& m) { return {m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]}; }

Matrix4 matrix_of(const RigidTransform& transform) {
  const Matrix3 r = transform.rotation();
  const Vec3 t = transform.apply({0, 0, 0});
  return {r[0], r[1], r[2], t[0], r[3], r[4], r[5], t[1], r[6], r[7], r[8], t[2], 0, 0, 0, 1};
}

// R = [[.., -sin z cos x, ..], [.., cos z cos x, ..], [-cos x sin y, sin x, cos x cos y]]
RigidTransform rigid_transform(const Matrix3& r, const Vec3& from, const Vec3& to, const Vec3& centre) {
  RigidTransform t;
  t.centre = centre;
  t.angles = {arctangent(r[7], std::sqrt(r[6] * r[6] + r[8] * r[8])), arctangent(-r[6], r[8]), arctangent(-r[1], r[4])};
  const Vec3 turned = times(r, {centre[0] - from[0], centre[1] - from[1], centre[2] - from[2]});
  for (std::size_t c = 0; c < 3; ++c) t.translation[c] = turned[c] + to[c] - centre[c];
  return t;
}

RigidTransform composed(const RigidTransform& after, const RigidTransform& before) {
  return rigid_transform(product(after.rotation(), before.rotation()), before.centre, after.apply(before.apply(before.centre)),
                         before.centre);
}

RigidTransform inverse(const RigidTransform& transform, const Vec3& centre) {
  return rigid_transform(transposed(transform.rotation()), centre, transform.apply_inverse(centre), centre);
}

double length(const Vec3& v) { return std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

// From the skew part, 2 sin, and the trace, 1 + 2 cos: well conditioned at every angle.
double rotation_degrees(const RigidTransform& transform) {
  const Matrix3 r = transform.rotation();
  return arctangent(length({r[7] - r[5], r[2] - r[6], r[3] - r[1]}), r[0] + r[4] + r[8] - 1) * 180 / std::numbers::pi;
}

double most_apart(const RigidTransform& a, const RigidTransform& b, const Vec3& low, const Vec3& high) {
  const RigidMap first = a.map(), second = b.map();
  double most = 0;
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 p;
    for (std::size_t c = 0; c < 3; ++c) p[c] = (corner >> c & 1) != 0 ? high[c] : low[c];
    const Vec3 q = first.apply(p), s = second.apply(p);
    most = std::max(most, length({q[0] - s[0], q[1] - s[1], q[2] - s[2]}));
  }
  return most;
}

}  // namespace vitrine::imaging

#include "imaging/volume.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "imaging/steps/rigid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
double determinant(const Matrix3& m) {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

// The nearest orthonormal matrix, by Newton's iteration for the polar decomposition: X <- (X + X^-T) / 2 (Higham 1986,
// eq. 3.1).
Matrix3 nearest_rotation(Matrix3 m) {
  for (int step = 0; step < 20; ++step) {
    const double d = determinant(m);
    const Matrix3 cofactors{m[4] * m[8] - m[5] * m[7], m[5] * m[6] - m[3] * m[8], m[3] * m[7] - m[4] * m[6],
                            m[2] * m[7] - m[1] * m[8], m[0] * m[8] - m[2] * m[6], m[1] * m[6] - m[0] * m[7],
                            m[1] * m[5] - m[2] * m[4], m[2] * m[3] - m[0] * m[5], m[0] * m[4] - m[1] * m[3]};
    for (std::size_t n = 0; n < 9; ++n) m[n] = 0.5 * (m[n] + cofactors[n] / d);
  }
  return m;
}

double corner_distance(const Geometry& a, const Geometry& b) {
  if (a.size != b.size) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index;
    for (std::size_t axis = 0; axis < 3; ++axis)
      index[axis] = (corner >> axis & 1) != 0 ? static_cast<double>(a.size[axis] - 1) : 0.0;
    const Vec3 p = a.to_physical(index);
    const Vec3 q = b.to_physical(index);
    const double dx = p[0] - q[0];
    const double dy = p[1] - q[1];
    const double dz = p[2] - q[2];
    largest = std::max(largest, std::sqrt(dx * dx + dy * dy + dz * dz));
  }
  return largest / std::min({a.spacing[0], a.spacing[1], a.spacing[2]});
}

Matrix3 RigidTransform::rotation() const {
  const double cx = cos_portable(angles[0]);
  const double sx = sin_portable(angles[0]);
  const double cy = cos_portable(angles[1]);
  const double sy = sin_portable(angles[1]);
  const double cz = cos_portable(angles[2]);
  const double sz = sin_portable(angles[2]);
  const Matrix3 x{1, 0, 0, 0, cx, -sx, 0, sx, cx};
  const Matrix3 y{cy, 0, sy, 0, 1, 0, -sy, 0, cy};
  const Matrix3 z{cz, -sz, 0, sz, cz, 0, 0, 0, 1};
  return product(product(z, x), y);
}

Vec3 RigidTransform::apply(const Vec3& p) const { return map().apply(p); }

Vec3 RigidTransform::apply_inverse(const Vec3& p) const { return map().apply_inverse(p); }

}  // namespace vitrine::imaging

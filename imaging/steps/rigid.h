// Rigid transforms as matrices, and back.
//
// Matrices map LPS points (mm, columns) to LPS points. Angles are those of RigidTransform: R = Rz(c) Rx(a) Ry(b).
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

using Matrix4 = std::array<double, 16>;  // row-major

Matrix4 matrix_of(const RigidTransform& transform);

Matrix3 product(const Matrix3& a, const Matrix3& b);
Matrix3 transposed(const Matrix3& m);

// The transform about `centre` that maps p to rotation * (p - from) + to. `rotation` is orthonormal and of determinant 1.
RigidTransform rigid_transform(const Matrix3& rotation, const Vec3& from, const Vec3& to, const Vec3& centre);
// p -> after(before(p)), about the centre of `before`.
RigidTransform composed(const RigidTransform& after, const RigidTransform& before);
// The inverse, about `centre`.
RigidTransform inverse(const RigidTransform& transform, const Vec3& centre);

double length(const Vec3& v);
double rotation_degrees(const RigidTransform& transform);  // of the whole rotation, 0 to 180
// The largest distance between the images of the corners of the box `low` to `high` (mm, LPS).
double most_apart(const RigidTransform& a, const RigidTransform& b, const Vec3& low, const Vec3& high);

}  // namespace vitrine::imaging

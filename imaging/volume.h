// Volume: a 3-D scalar image with its place in the patient, in plain structs. ITK stays behind the .cpp files.
//
// Coordinates are ITK's and DICOM's LPS, in millimetres: x grows to the patient's Left, y to Posterior, z to Superior.
// Voxel (i, j, k) is at origin + direction * (spacing * (i, j, k)); data[(k * size[1] + j) * size[0] + i].
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace vitrine::imaging {

using Vec3 = std::array<double, 3>;
using Matrix3 = std::array<double, 9>;  // row-major

inline Vec3 times(const Matrix3& m, const Vec3& v) {
  return {m[0] * v[0] + m[1] * v[1] + m[2] * v[2], m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
          m[6] * v[0] + m[7] * v[1] + m[8] * v[2]};
}

// The inverse of an orthonormal matrix is its transpose.
inline Vec3 transpose_times(const Matrix3& m, const Vec3& v) {
  return {m[0] * v[0] + m[3] * v[1] + m[6] * v[2], m[1] * v[0] + m[4] * v[1] + m[7] * v[2],
          m[2] * v[0] + m[5] * v[1] + m[8] * v[2]};
}

struct Geometry {
  std::array<std::int64_t, 3> size{};            // voxels along i, j, k
  Vec3 spacing{1, 1, 1};                         // mm
  Vec3 origin{0, 0, 0};                          // mm, centre of voxel (0, 0, 0)
  Matrix3 direction{1, 0, 0, 0, 1, 0, 0, 0, 1};  // columns: unit vectors of i, j, k

  std::int64_t voxels() const { return size[0] * size[1] * size[2]; }
  // Index (fractional) to mm.
  Vec3 to_physical(const Vec3& index) const {
    const Vec3 moved = times(direction, {spacing[0] * index[0], spacing[1] * index[1], spacing[2] * index[2]});
    return {origin[0] + moved[0], origin[1] + moved[1], origin[2] + moved[2]};
  }
  // mm to index (fractional).
  Vec3 to_index(const Vec3& physical) const {
    const Vec3 along = transpose_times(direction, {physical[0] - origin[0], physical[1] - origin[1], physical[2] - origin[2]});
    return {along[0] / spacing[0], along[1] / spacing[1], along[2] / spacing[2]};
  }
  // Whether the field of view, half a voxel beyond the outermost voxel centres, holds an index.
  bool holds(const Vec3& index) const {
    for (std::size_t c = 0; c < 3; ++c) {
      if (!(index[c] >= -0.5 && index[c] <= static_cast<double>(size[c]) - 0.5)) return false;
    }
    return true;
  }
};

// The largest distance between corresponding corners, in units of a's smallest spacing; infinity when the sizes differ.
double corner_distance(const Geometry& a, const Geometry& b);

struct Volume {
  Geometry geometry;
  std::vector<float> data;

  float& at(std::int64_t i, std::int64_t j, std::int64_t k) {
    return data[static_cast<std::size_t>((k * geometry.size[1] + j) * geometry.size[0] + i)];
  }
  float at(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return data[static_cast<std::size_t>((k * geometry.size[1] + j) * geometry.size[0] + i)];
  }
};

// A mask is a Volume whose voxels are 0 or 1.
using Mask = Volume;

double determinant(const Matrix3& m);
Matrix3 nearest_rotation(Matrix3 m);  // the nearest orthonormal matrix; of the same handedness

// A rigid motion whose rotation is worked out: for many points.
struct RigidMap {
  Matrix3 rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
  Vec3 translation{0, 0, 0}, centre{0, 0, 0};  // mm

  Vec3 apply(const Vec3& p) const {
    const Vec3 turned = times(rotation, {p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]});
    return {turned[0] + centre[0] + translation[0], turned[1] + centre[1] + translation[1],
            turned[2] + centre[2] + translation[2]};
  }
  Vec3 apply_inverse(const Vec3& p) const {
    const Vec3 turned = transpose_times(
        rotation, {p[0] - centre[0] - translation[0], p[1] - centre[1] - translation[1], p[2] - centre[2] - translation[2]});
    return {turned[0] + centre[0], turned[1] + centre[1], turned[2] + centre[2]};
  }
};

// A rigid motion in physical space: p -> rotation * (p - centre) + centre + translation.
struct RigidTransform {
  Vec3 angles{0, 0, 0};       // radians about x, y, z, applied as ITK's Euler3DTransform does (Z * X * Y order)
  Vec3 translation{0, 0, 0};  // mm
  Vec3 centre{0, 0, 0};       // mm

  Matrix3 rotation() const;
  RigidMap map() const { return {rotation(), translation, centre}; }
  Vec3 apply(const Vec3& p) const;
  Vec3 apply_inverse(const Vec3& p) const;
};

// One motion after another, p -> then(first(p)), and back again. The angles are worked out by plain arithmetic: the same on every machine.
RigidTransform composed(const RigidTransform& first, const RigidTransform& then);
RigidTransform inverse(const RigidTransform& transform);

// How a value between voxels is found.
//   linear   from the 8 voxels around: never beyond their values
//   cubic    the cubic B-spline through all voxels (Unser 1999, doi 10.1109/79.799930), mirrored at the border, clamped to the range of the
//            input: sharper, and no rim brighter or darker than anything measured
enum class Interpolation { linear, cubic };

const char* name_of(Interpolation interpolation);
Interpolation interpolation_named(const std::string& name);  // UsageError for another name

// Values of `moving` at the voxels of `grid`; `transform` maps points of the grid to points of `moving`. In double, each output in a stated
// order: the same bits on every machine. 0 where the field of view of `moving` ends (half a voxel beyond its outermost centres).
//
// Along an axis of `moving` that `grid` samples at least 1.1 times as coarsely, `moving` is first blurred by a Gaussian of full width at
// half maximum sqrt(grid^2 - moving^2) mm, so that nothing is skipped (blur_fwhm). Interrupted.
Volume resample(const Volume& moving, const Geometry& grid, const RigidTransform& transform, Interpolation interpolation);

// The width of that blur along the axes of `moving`, mm; 0 where there is none.
Vec3 blur_fwhm(const Geometry& moving, const Geometry& grid, const RigidTransform& transform);

// Where `moving` has something to say: 1 inside its field of view, 0 outside, at the voxels of `grid`. Interrupted.
Mask coverage(const Geometry& moving, const Geometry& grid, const RigidTransform& transform);

// Linear without any blur, and the nearest voxel's value for masks.
Volume resample_linear(const Volume& moving, const Geometry& grid, const RigidTransform& transform);
Mask resample_nearest(const Mask& moving, const Geometry& grid, const RigidTransform& transform);

}  // namespace vitrine::imaging

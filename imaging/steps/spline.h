// Lines of a volume filtered: the coefficients of a cubic B-spline, and a Gaussian blur along one axis.
//
// Numerics   in double along a line, float between the axes; lines go in blocks of neighbours, each in the order of its voxels
// Border     the spline is mirrored about the outermost voxels; the blur takes the weights that lie inside, made to sum to 1
// Reference  M. Unser, "Splines: a perfect fit for signal and image processing" (1999), doi 10.1109/79.799930: box 2 (the filter with the pole
//            sqrt(3) - 2) and eq. 1
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

class CubicSpline {
 public:
  explicit CubicSpline(const Volume& volume);  // Interrupted

  // At a fractional index between -0.5 and half a voxel beyond the last. The sum runs along i, then j, then k.
  double at(const Vec3& index) const;
  // The same bits where 1 <= index < size - 2 along every axis: no neighbour is mirrored.
  double inner(const Vec3& index) const;

 private:
  std::vector<float> coefficients_;
  std::array<std::int64_t, 3> size_;
};

// A Gaussian of this width, mm, along one axis: sampled, or, below 0.63 voxels of standard deviation, the three weights of its variance.
// Interrupted.
void blur_along(Volume& volume, std::size_t axis, double fwhm_mm);
// Its weights at 0, 1, 2 ... voxels, before those that lie inside the volume are made to sum to 1.
std::vector<double> blur_weights(double fwhm_mm, double spacing_mm);

}  // namespace vitrine::imaging

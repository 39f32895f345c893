// Planes through volumes in LPS order, on square pixels of some mm, as radiologists look at them: axial and coronal with the patient's right at
// the left, sagittal with the front at the left; front or top at the top.
//
// Planes run along the axes of the voxels, so that they are as oblique as the volume is. Thick slices are as thick in the picture as in the
// patient: values are interpolated linearly along both axes of the plane, and averaged over a pixel that is larger than a voxel.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

enum class Plane { axial, coronal, sagittal };

struct VoxelBox {
  std::array<std::int64_t, 3> low{}, high{};  // first and last voxel along i, j, k
};

// One plane's piece of a volume and the picture of it.
struct PlaneView {
  Plane plane = Plane::axial;
  std::int64_t slice = 0;  // along the axis that the plane cuts
  VoxelBox box;
  double mm = 1;              // of a pixel
  int width = 0, height = 0;  // pixels: all of the box, at least 1
};

PlaneView plane_view(const Geometry& grid, Plane plane, std::int64_t slice, const VoxelBox& box, double mm);

// The axis that a plane cuts: 2 for axial, 1 for coronal, 0 for sagittal.
std::size_t cut_axis(Plane plane);
// Its sides: left, right, top, bottom, as letters.
std::array<char, 4> side_letters(Plane plane);

// Width * height values.
std::vector<float> sampled(const Volume& volume, const PlaneView& view);
// 1 where at least half lies in the mask (whatever its values other than 0).
std::vector<std::uint8_t> sampled_mask(const Mask& mask, const PlaneView& view);

// 1 at the pixels of a region that have a side in common with a pixel outside it; the picture's border is no outside.
std::vector<std::uint8_t> outline(const std::vector<std::uint8_t>& region, int width, int height);

// 1 on the ridges of the gradient: Gaussian of 1.5 pixels, the gradient's local maxima along its own direction, kept from its 93 % quantile over
// the picture on, and what is connected with them from the 85 % quantile on. Reference: Canny 1986, doi 10.1109/TPAMI.1986.4767851
std::vector<std::uint8_t> edges(const std::vector<float>& values, int width, int height);

}  // namespace vitrine::imaging

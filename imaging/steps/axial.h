// The axial grid on which a patient's crops are cut.
//
// Kept       T1c's own grid when its slices lie within 5 degrees of axial and its axial pixels are nearly square, or no worse than its slices
// Re-cut     otherwise: an oblique T1c; one that was acquired in sagittal or coronal slices, so that the longer side of its axial pixels is more
//            than 1.5 times the shorter one and the distance of its axial slices. The new grid's axes are those of the scanner (LPS); it
//            covers the same box
// Pixels     square, of T1c's finest spacing, but not below 0.5 mm: a crop of a lesion has pixels of 0.25 mm and more
// Slices     as far apart as those of T1c that face most to the top, but not below 1 mm and not above 2 mm, which is the least distance of two
//            crops; never finer than the finest spacing
// Bound      24 million voxels (96 MB a volume): beyond it pixels and slices grow alike
// Once       the grid lies in the patient's millimetres like T1c's. So T1c goes to it by resample(t1c, grid, {}), and FLAIR and T2 go to it by
//            resample(series, grid, transform from T1c to the series), with the transform that coregistration to the T1c as acquired has found:
//            each is interpolated once
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct AxialOptions {
  double finest_pixel_mm = 0.5, finest_slice_mm = 1, widest_slice_mm = 2;
  std::int64_t most_voxels = 24'000'000;
};

inline constexpr double kMostDegreesOffAxial = 5;

struct AxialGrid {
  Geometry grid;  // T1c's own where it was kept
  bool recut = false;
  double degrees = 0;  // between an axis of T1c and the patient's, the largest
  std::string why;     // one sentence
};

// `t1c` in LPS order (imaging/orientation.h). DataError for a box that would have to be cut into voxels of more than 10 mm.
AxialGrid axial_grid(const Geometry& t1c, const AxialOptions& options = {});

// A mask or labels given on T1c's grid, on `grid`: a voxel belongs where the masks' linear interpolation (of "is marked") is at least one half,
// to the label with the largest share, the lower one of equals. This is smoother than the nearest voxel, which makes steps of the native
// slices. Every connected part (26 neighbours of one label) stays: one that would be lost marks the voxels nearest to its own. Values are
// whole and at least 0. Interrupted.
Volume recut_labels(const Volume& labels, const Geometry& grid);

// The voxel of `to` nearest to a voxel of `from`, brought inside: to say where something lies in the file.
std::array<std::int64_t, 3> nearest_voxel(const Geometry& from, const std::array<std::int64_t, 3>& index, const Geometry& to);

}  // namespace vitrine::imaging

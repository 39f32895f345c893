// Anatomy before array: whatever order a file stores its voxels in, the steps see one order.
//
// Order      i runs to the patient's Left, j to Posterior, k to Superior ("LPS"), each along the axis of the file that is nearest to it.
//            Axes are exchanged and reversed; no voxel is interpolated, so an oblique volume stays as oblique as it is.
// Crops      are slices of that order: columns run to the patient's left, rows to posterior ("LP"), so that the right of the patient lies
//            at the left of the picture, as radiologists look at it
// Rounding   headers hold float32, so that two orders of one volume differ by some 0.01 micrometres. What they say is rounded to 1
//            micrometre (origin) and 1e-5 (mm of spacing, cosines of direction): the same patient gives the same bits in every order,
//            unless a number lies on the border of two roundings. Nothing moves by more than 5 micrometres.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

inline constexpr const char* kCropOrientation = "LP";

// How a file stores what the steps see.
struct StorageOrder {
  std::string code = "LPS";                    // where the file's i, j, k grow to, in letters of R L A P I S
  std::array<std::size_t, 3> axis{0, 1, 2};    // the file's axis along Left, Posterior and Superior
  std::array<bool, 3> reversed{};              // and whether it runs the other way
  std::array<std::int64_t, 3> stored_size{};   // voxels along the file's axes
  std::array<double, 3> degrees_off{0, 0, 0};  // between Left, Posterior, Superior and the axis taken for it

  bool is_anatomical() const { return code == "LPS"; }
  double most_degrees_off() const;
  // The place in the file of a voxel (i, j, k) of the anatomical order: what a viewer of the file shows.
  std::array<std::int64_t, 3> stored_index(const std::array<std::int64_t, 3>& index) const;
};

// The order in which a volume of this geometry is stored. Axes are matched so that the sum of their cosines is largest.
StorageOrder storage_order(const Geometry& geometry);

// The same place in LPS order, rounded as stated above.
Geometry anatomical_geometry(const Geometry& stored, const StorageOrder& order);
// The same volume in LPS order. Interrupted.
Volume in_anatomical_order(Volume volume, const StorageOrder& order);
// Back again, for results that lie on the file's own grid: `stored` is the file's geometry, `order` its storage_order. Interrupted.
Volume in_stored_order(Volume anatomical, const StorageOrder& order, const Geometry& stored);

}  // namespace vitrine::imaging

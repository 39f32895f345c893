// Masks as tools write them, understood: lesions and brain.
//
// Lesion     one value beside 0: a mask, whatever the value (1, 255, 0.9999999, a slope's rounding); its connected parts are the lesions.
//            Several whole values: labels, each the lesion of that number, in however many pieces. Whole means within 1e-3.
// Brain      0 and one value: a mask. Up to 1: probabilities, the brain is at least 0.5. Up to 100 or 255 with the values of a soft edge
//            between, or up to any value with slopes below it: the brain is at least half of it. Other whole values: labels of a segmentation, the brain is what is not 0.
// Refused    negative values; a lesion mask of probabilities or of more than 255 labels; an image in place of a brain mask; a mask that is
//            empty, or holds everything; a brain below 200 ml or above 3,000 ml
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "imaging/notes.h"
#include "imaging/orientation.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct LesionMask {
  Volume labels;          // 0 outside; the lesion's label, or 1 everywhere when the mask has one value
  bool numbered = false;  // labels are lesions
  StorageOrder order;     // of the file
  Geometry drawn_on{};    // the file's grid in LPS order, when the labels were brought to another; no voxels: they were not

  // The voxel of the file that shows a voxel of the labels: for messages.
  std::array<std::int64_t, 3> file_voxel(const std::array<std::int64_t, 3>& index) const;
};

inline constexpr int kMostLesions = 255;
inline constexpr int kMostLabel = 65535;
inline constexpr double kLowestBrainMl = 200, kHighestBrainMl = 3000;

// DataError with the value that is wrong, its place in the file, and the next step; `what` names the file. Interrupted.
LesionMask understood_lesion_mask(Volume mask, const StorageOrder& order, const std::string& what, Notes& notes);
Mask understood_brain_mask(Volume mask, const StorageOrder& order, const std::string& what, Notes& notes);

double volume_ml(const Mask& mask);

// 2 |a and b| / (|a| + |b|); 1 for two empty masks.
double dice(const Mask& a, const Mask& b);

}  // namespace vitrine::imaging

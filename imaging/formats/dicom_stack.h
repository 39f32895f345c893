// The slices of a DICOM series in the order of their places, and the grid on which they lie.
#pragma once

#include <vector>

#include "imaging/formats/dicom.h"

namespace vitrine::imaging {

// Sorted along the normal; fills in `geometry`. DataError (file, field, found, expected) for a frame without a place, several orientations or
// pixel sizes, two slices at one place, gaps, slices that are shifted against each other by more than 0.5 degrees (shear), absurd sizes.
std::vector<DicomFrame> stacked_slices(const DicomSeries& series, Geometry& geometry, Notes& notes);

}  // namespace vitrine::imaging

// Coarser grids over the same box, for the steps that need no full resolution.
#pragma once

#include <string>

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// The box of `g` in voxels of about `spacing_mm`; an axis that is coarser already keeps its spacing.
Geometry coarse_grid(const Geometry& g, double spacing_mm);

// Whether a volume lies on the grid of another: DataError with both sizes, or how far the corners lie apart, when it is more than half a voxel
// off; more than 0.02 voxels is a warning. Both are named in the message.
void check_same_grid(const Geometry& found, const Geometry& expected, const std::string& found_name,
                     const std::string& expected_name, Notes& notes);

// The mean over each coarse voxel's box (every fine voxel counts in the box that holds its centre).
Volume averaged(const Volume& volume, const Geometry& coarse);

// Values between the two quantiles, those outside brought to them.
Volume winsorized(const Volume& volume, double low, double high);

// The value below which a share of the sorted values lies; values need not be sorted. 0 for none.
double quantile(const std::vector<float>& values, double share);

}  // namespace vitrine::imaging

// What is worth saying about a subject's volumes while they are prepared: the head's extent, coverage, the lesions' place, clipping.
#pragma once

#include <string>

#include "imaging/notes.h"
#include "imaging/steps/crop.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

std::string percent(double share);  // "1.5 %"

// T1c that covers less than a head.
void note_extent(const Geometry& t1c, Notes& notes);

// How much of the lesions lies outside the brain: a brain that was extracted may lack lesions at its border, which then come back with their
// margin; one that was given should hold them. The share of the lesions' voxels.
double lesion_outside(const Mask& brain, const Mask& lesion);
void note_lesion_place(double outside, bool brain_is_given, double lesion_ml, double brain_ml, Notes& notes);

// A series beside the grid that crops are cut on: its field of view, and the transform that leads there.
struct SeriesPlace {
  Geometry source;
  RigidTransform transform;
};
// The share of the brain that a series does not cover; `covered` is 1 where it does. Warned of, also for each crop.
double note_coverage(const Mask& covered, const SeriesPlace& place, const Mask& brain, const std::string& name,
                     const LesionSearch& lesions, int size, Notes& notes);

// The share of the lesions' voxels that normalisation has clipped.
double clipped_lesion(const Volume& normalised, const Mask& lesion);

}  // namespace vitrine::imaging

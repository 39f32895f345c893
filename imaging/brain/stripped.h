// Volumes that came without skull.
//
// Background  the value that most of the eight corners have, and nothing else: tools that strip write one value everywhere outside
// Brain       the largest part of what differs from it, holes filled
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

// The brain of a volume that the user says is stripped. DataError, which names the volume as `what`, when what differs from the background has
// no brain's size. Interrupted.
Mask stripped_brain(const Volume& volume, const std::string& what);

// The brain of a volume that looks stripped: a third of it is background, and what is left is one blob of a brain's size that the border does not cut.
// A mask without a voxel for any other. Interrupted.
Mask brain_if_stripped(const Volume& volume);

}  // namespace vitrine::imaging

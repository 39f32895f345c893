// A mask of several tissues brought down to those that are the lesion.
#pragma once

#include <string>
#include <vector>

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// 1 where the mask holds one of `labels` (within 1e-3), 0 elsewhere: the lesions are then the connected parts of all of them together. An
// empty list changes nothing. What else the mask holds is noted. DataError when it holds none of the labels, or a value that is not whole;
// `what` names the mask. Interrupted.
Volume chosen_labels(Volume mask, const std::vector<int>& labels, const std::string& what, Notes& notes);

}  // namespace vitrine::imaging

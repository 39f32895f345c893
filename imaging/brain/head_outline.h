// Where the head ends and the air begins. For volumes in LPS order of about 4 mm.
#pragma once

#include "imaging/volume.h"

namespace vitrine::imaging {

// Head against air: brighter than halfway between the mean of what is darker and 0.6 of the mean of what is brighter.
float foreground_level(const Volume& volume);

// 1 in the head, its dark parts too: what is not outside of everything bright along x, along y, or from above.
Mask head_outline(const Volume& volume);

// The intensity below which a share of the head lies, air left out.
float head_quantile(const Volume& volume, double share);

}  // namespace vitrine::imaging

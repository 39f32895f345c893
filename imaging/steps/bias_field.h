// Correction of the smooth intensity field of the receive coils: N4.
//
// Model      log observed = log true + log field; the field is a cubic B-spline fitted to what sharpening the histogram leaves
// Settings   on the volume averaged to 4 mm, inside the mask; 3 levels of 30 iterations, threshold 1e-3 (BiasOptions); the field is interpolated
//            linearly in its logarithm to full resolution; the median inside the mask is kept
// Reference  Tustison et al. 2010, doi 10.1109/TMI.2010.2046908
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct BiasCorrection {
  Volume corrected;
  double field_low = 1, field_high = 1;  // 1 % and 99 % quantile of the field inside the mask
};

struct BiasOptions {
  double grid_mm = 4;   // of the averaged volume that the field is fitted on
  unsigned levels = 3;  // of the spline's lattice, each twice as fine
  unsigned iterations = 30;
};

// DataError when the volume is constant inside the mask; `what` names it in the message.
BiasCorrection correct_bias(const Volume& volume, const Mask& mask, const std::string& what, const BiasOptions& options = {});

}  // namespace vitrine::imaging

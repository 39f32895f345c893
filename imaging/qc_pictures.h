// The pictures by which a patient's preparation is judged.
//
// Pairs      T1c with FLAIR and with T2: a checkerboard of squares of 20 mm (T1c grey, the other series in a warm tone), and T1c with the
//            edges of the other series; axial, sagittal and coronal through the brain's centre, axial through the largest lesion
// Brain      the outline of the brain and of the lesions on T1c: six axial planes from the bottom to the top of the mask, the nearest of them
//            moved to the largest lesion; three coronal and three sagittal ones
// Field      for each series before and after the correction, in one window, and the field as colours with its scale: axial and coronal
// Window     black at the 0.5 % quantile of the head, white at the 99.5 % quantile of the brain
// Sides      R L A P S I at the planes' sides; the patient's right at the left (imaging/qc_planes.h)
// Size       some 400 pixels wide; all of a patient below 400 KB: where 48 greys take more, there are 32, 24 or 16
// The same bytes for the same volumes, whatever the number of threads.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

// All on T1c's grid.
struct QcInputs {
  const Volume& t1c;             // as read: before its bias correction
  const Volume* flair;           // coregistered, before its bias correction; null: none
  const Volume* t2;              // the same
  const Mask& brain;             // as it is used, the lesions' margin included
  const Mask& lesion;            // whatever is not 0; may be empty
  const Volume* fields[3]{};     // of T1c, FLAIR and T2: series = corrected * field, up to a constant; null: not corrected
  double least_lesion_mm3 = 30;  // smaller parts of the mask are specks and no lesion to show
};

struct QcPicture {
  std::string name;     // of the file, without .png: a-z, 0-9, _ and -
  std::string caption;  // one sentence
  std::string png;      // its bytes
};

// The order in which they are shown. InternalError for volumes on different grids; Interrupted.
std::vector<QcPicture> qc_pictures(const QcInputs& inputs);

}  // namespace vitrine::imaging

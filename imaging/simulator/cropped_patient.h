// A simulated patient as preparation would show it if every step of preparation were perfect: in memory, without a file.
//
// As in imaging/subject.h    T1c's axial grid, the lesions' slices, one linear interpolation of FLAIR and T2 to that grid, normalisation over the
//                            brain (zscore), feathering
// True instead of found      the motion of FLAIR and T2 against T1c, the brain, the mask
// Left out                   the coil's field and its correction; faults; what lies far from the brain, which no crop shows
#pragma once

#include <vector>

#include "imaging/simulator/scan.h"
#include "imaging/subject.h"

namespace vitrine::imaging {

struct CroppedPatient {
  std::vector<PreparedChannel> channels;  // t1c, flair, t2 on the axial grid, in [0, 1]
  LesionSearch lesions;
};

// `whole`: the head is made to its last voxel, for comparison; the channels are the same. DataError where no lesion gives a slice. Interrupted.
CroppedPatient cropped_patient(const ScannedHead& head, const std::array<Scan, 3>& scans, std::uint64_t seed,
                               const CropOptions& crop, bool whole = false);

}  // namespace vitrine::imaging

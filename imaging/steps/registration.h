// Rigid coregistration of one series to another of the same head.
//
// Metric     Mattes mutual information, 32 bins, linear interpolation
// Search     regular-step gradient descent on six parameters (Euler angles, translation) about the fixed volume's centre, on volumes
//            averaged to 6 mm, then to 3 mm; intensities winsorised to 0.5-99.5 %. Starts: headers as they are, centres of the
//            volumes aligned, centres of mass aligned; the one with the best metric at 6 mm goes on.
// Same bits  one ITK thread, fixed seed
// Reference  Mattes et al. 2003, doi 10.1109/TMI.2003.809072; ITK 5 registration framework (v4)
#pragma once

#include <string>

#include "imaging/volume.h"

namespace vitrine::imaging {

struct Registration {
  RigidTransform transform;  // maps points of the fixed volume to points of the moving one
  double metric_before = 0;  // negative mutual information with the headers as they are; lower is better
  double metric_after = 0;
  std::string start;  // which start won: "headers", "centres" or "mass"
  int iterations = 0;
};

// DataError when the volumes do not overlap, or when the result is worse than the headers or moves the head by over 80 mm; `what`
// names the pair in messages, for example "subject sub-001: FLAIR".
Registration register_rigid(const Volume& fixed, const Volume& moving, const std::string& what);

}  // namespace vitrine::imaging

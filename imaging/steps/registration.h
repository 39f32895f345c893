// Rigid coregistration of one series to another of the same head.
//
// vitrine    The volume with the thicker slices is sampled at its own voxels, the other is blurred to what they see and interpolated
//            (imaging/steps/registration_level.h). Measure: normalised mutual information of kBins x kBins bins with cubic B-spline windows and
//            analytic derivatives (imaging/steps/mutual_information.h). Search: the headers, the centres of the volumes, the centres of mass
//            of the heads and of what lies below their crowns, each turned by -30 to 30 degrees about every axis, on blocks of 10 mm; the best
//            are refined there (quasi-Newton), the best three of these on 4 mm, the best one on 2 mm, until a step is below 5 micrometres.
// spm        as SPM12's coregistration (imaging/steps/registration_spm.cpp)
// Same bits  one thread, sums in the order of the samples, no random draw but a table
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "imaging/steps/rigid.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

enum class RegistrationPreset { vitrine, spm };

const char* name_of(RegistrationPreset preset);
RegistrationPreset registration_preset(const std::string& name);  // UsageError for another name

struct RegistrationOptions {
  RegistrationPreset preset = RegistrationPreset::vitrine;
  bool mirror_test = true;  // costs a quarter of the time
  const Mask* fixed_mask =
      nullptr;  // brain or head, on any grid in the fixed volume's space: the last levels look there and 10 mm around it
};

struct Registration {
  RegistrationPreset preset = RegistrationPreset::vitrine;
  RigidTransform transform;  // maps points of the fixed volume to points of the moving one, LPS
  double metric_before = 0;  // negative mutual information (nats) with the headers as they are; lower is better
  double metric_after = 0;   // and with the transform
  double nmi_before = 1;     // normalised mutual information, 1 (none) to 2 (one tells the other)
  double nmi_after = 1;
  double nmi_displaced =
      1;  // mean of it when the result is moved by 12 mm or turned by 12 degrees: how much of a peak was found
  double nmi_mirrored = 0;  // of the best match of one volume mirrored left to right; 0 when it was not tried
  double nmi_turned =
      0;  // of the best match with the moving series turned by 180 degrees, where the match found is doubtful; 0 when not tried
  std::string turned_about;  // "left to right", "front to back", "head to feet": the axis of that turn
  double overlap_before =
      0;  // share of the fixed head that lies in the moving volume's field of view, with the headers as they are
  double overlap_after = 0;
  std::string start;  // "headers", "centres", "mass" or "crown"
  int iterations = 0, evaluations = 0;
  std::string stop;              // why the last level ended
  Vec3 head_low{}, head_high{};  // mm, LPS: box of the fixed head, or of the mask
};

// DataError when a volume has fewer than 3 voxels along an axis or shows one value only, and when no start makes them overlap. Whether the result
// can be trusted is asked of imaging/steps/registration_checks.h. `what` names the pair in messages, for example "subject sub-001: FLAIR".
Registration register_rigid(const Volume& fixed, const Volume& moving, const RegistrationOptions& options,
                            const std::string& what);
Registration register_rigid(const Volume& fixed, const Volume& moving, const std::string& what);

// What a record keeps: the transform as `matrix` (4 x 4 rows, LPS, fixed to moving points) and as angles, and the figures.
nlohmann::ordered_json record(const Registration& registration);

}  // namespace vitrine::imaging

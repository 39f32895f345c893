// What registration compares at one resolution.
//
// Roles      The volume with the thicker slices is sampled at its own voxels (means over whole blocks of them) and never interpolated; the
//            other, the target, is blurred to what those voxels see, also along their slices, and interpolated.
// Region     The head of the sampled volume and kRegionMarginMm around it, or a mask and as much around it
#pragma once

#include <functional>
#include <string>

#include "imaging/steps/mutual_information.h"

namespace vitrine::imaging {

inline constexpr double kRegionMarginMm = 10;

// A volume as registration uses it: outliers brought in, head found.
struct RegistrationInput {
  Volume volume;
  BinRange range;       // of the values of the head
  float threshold = 0;  // between background and head
  Mask head;            // on blocks of about 8 mm; not dilated
  bool is_cut_out =
      false;     // over a third of the voxels hold the smallest value: background was set to it, as by a brain extraction
  Mask inside;   // then: blocks of about 4 mm that hold none of it
  Vec3 mass{};   // mm, LPS: the head's centre
  Vec3 crown{};  // the same of what lies within 130 mm below the head's highest point
};

// DataError when it has fewer than 3 voxels along an axis, or when all its voxels hold one value.
RegistrationInput registration_input(const Volume& volume, const std::string& what);

// Of the mask's blocks and those within `margin_mm` of them.
Mask grown(const Mask& mask, double margin_mm);

// Whether the voxel that holds a point (mm, LPS) is in the mask; false outside its grid.
bool is_within(const Mask& mask, const Vec3& point);

struct LevelOptions {
  double spacing_mm = 4;  // blocks have at most this size, but at least a voxel
  bool join_slices =
      false;  // whether blocks may hold several slices; otherwise an axis keeps its voxels along which they are over 2.5 mm
  double blur_mm = 0;  // standard deviation of a Gaussian over both
};

struct RegistrationLevel {
  Samples samples;
  Volume target;
  BinRange range;  // of the target
};

// `rotation` turns directions of the sampled volume's space into the target's. `keep` says whether a point (mm, LPS) of the sampled volume
// counts. Offsets are from `centre`.
RegistrationLevel registration_level(const RegistrationInput& sampled, const RegistrationInput& target, const Matrix3& rotation,
                                     const Vec3& centre, const std::function<bool(const Vec3&)>& keep,
                                     const LevelOptions& options);

}  // namespace vitrine::imaging

// Two volumes in their roles: the one that is sampled and the one that is interpolated, whichever of them is fixed.
#pragma once

#include <functional>
#include <string>

#include "imaging/steps/registration_level.h"

namespace vitrine::imaging {

// Steps of the search, coarse to fine: spacing, whether slices are joined, blur.
inline constexpr LevelOptions kStartLevel{10, true, 4}, kMediumLevel{4, false, 2}, kFineLevel{2, false, 0.7};

struct RegistrationPair {
  RegistrationInput fixed, moving;
  bool is_fixed_sampled = false;
  Mask
      region;  // of the sampled volume: the head, grown; where it alone was cut out of its background, the inside of what is left: the border that
               // the knife made is nowhere in the other volume

  const RegistrationInput& sampled() const { return is_fixed_sampled ? fixed : moving; }
  const RegistrationInput& target() const { return is_fixed_sampled ? moving : fixed; }
  const Vec3& centre() const { return sampled().crown; }  // samples are counted and turned from here

  // Poses take samples to the target; transforms take fixed points to moving ones, about the centre of the fixed volume.
  Pose pose_of(const RigidTransform& transform) const;
  RigidTransform transform_of(const Pose& pose) const;

  // The head, seen by a target that is turned as the pose says.
  RegistrationLevel level(const Pose& pose, const LevelOptions& options) const;
  // What lies within kRegionMarginMm of the mask (in the fixed volume's space), found through the pose.
  RegistrationLevel level(const Pose& pose, const LevelOptions& options, const Mask& fixed_mask) const;
};

// DataError as registration_input. `what` begins its messages.
RegistrationPair registration_pair(const Volume& fixed, const Volume& moving, const std::string& what);

Vec3 centre_of(const Geometry& geometry);

}  // namespace vitrine::imaging

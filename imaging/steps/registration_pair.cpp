#include "imaging/steps/registration_pair.h"

#include <algorithm>

#include "imaging/steps/rigid.h"

namespace vitrine::imaging {
namespace {

// Samples are taken of the volume with the thicker slices; of the one with larger voxels when they are equal; else of the fixed one.
// Unless one of them alone was cut out of its background: then of that one.
bool samples_fixed(const Geometry& fixed, const Geometry& moving) {
  const auto thickest = [](const Geometry& g) { return *std::max_element(g.spacing.begin(), g.spacing.end()); };
  const auto size = [](const Geometry& g) { return g.spacing[0] * g.spacing[1] * g.spacing[2]; };
  constexpr double kEqual = 1.01;
  if (thickest(fixed) > kEqual * thickest(moving)) return true;
  if (thickest(moving) > kEqual * thickest(fixed)) return false;
  return size(moving) <= kEqual * size(fixed);
}

}  // namespace

Vec3 centre_of(const Geometry& g) {
  return g.to_physical(
      {static_cast<double>(g.size[0] - 1) / 2, static_cast<double>(g.size[1] - 1) / 2, static_cast<double>(g.size[2] - 1) / 2});
}

RegistrationPair registration_pair(const Volume& fixed, const Volume& moving, const std::string& what) {
  RegistrationPair pair;
  pair.fixed = registration_input(fixed, what + ": the fixed volume");
  pair.moving = registration_input(moving, what + ": the moving volume");
  const bool is_one_cut = pair.fixed.is_cut_out != pair.moving.is_cut_out;
  pair.is_fixed_sampled = is_one_cut ? pair.fixed.is_cut_out : samples_fixed(fixed.geometry, moving.geometry);
  pair.region = is_one_cut ? pair.sampled().inside : grown(pair.sampled().head, kRegionMarginMm);
  return pair;
}

Pose RegistrationPair::pose_of(const RigidTransform& transform) const {
  if (is_fixed_sampled) return {transform.rotation(), transform.apply(centre())};
  return {transposed(transform.rotation()), transform.apply_inverse(centre())};
}

RigidTransform RegistrationPair::transform_of(const Pose& pose) const {
  const Vec3 about = centre_of(fixed.volume.geometry);
  if (is_fixed_sampled) return rigid_transform(pose.rotation, centre(), pose.place, about);
  return rigid_transform(transposed(pose.rotation), pose.place, centre(), about);
}

RegistrationLevel RegistrationPair::level(const Pose& pose, const LevelOptions& options) const {
  const auto keep = [&](const Vec3& p) { return is_within(region, p); };
  return registration_level(sampled(), target(), pose.rotation, centre(), keep, options);
}

RegistrationLevel RegistrationPair::level(const Pose& pose, const LevelOptions& options, const Mask& fixed_mask) const {
  const Mask near = grown(fixed_mask, kRegionMarginMm);
  const Vec3& from = centre();
  const auto keep = [&](const Vec3& p) {
    if (is_fixed_sampled) return is_within(near, p);
    const Vec3 turned = times(pose.rotation, {p[0] - from[0], p[1] - from[1], p[2] - from[2]});
    return is_within(near, {turned[0] + pose.place[0], turned[1] + pose.place[1], turned[2] + pose.place[2]});
  };
  return registration_level(sampled(), target(), pose.rotation, centre(), keep, options);
}

}  // namespace vitrine::imaging

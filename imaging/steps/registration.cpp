#include "imaging/steps/registration.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "imaging/steps/registration_checks.h"
#include "imaging/steps/registration_search.h"
#include "imaging/steps/registration_spm.h"

namespace vitrine::imaging {
namespace {

Vec3 block_centre(const Geometry& g, std::size_t at) {
  const auto n = static_cast<std::int64_t>(at);
  return g.to_physical({static_cast<double>(n % g.size[0]), static_cast<double>(n / g.size[0] % g.size[1]),
                        static_cast<double>(n / (g.size[0] * g.size[1]))});
}

double overlap_of(const Mask& region, const Geometry& moving, const RigidTransform& transform) {
  const RigidMap map = transform.map();
  double all = 0, inside = 0;
  for (std::size_t at = 0; at < region.data.size(); ++at) {
    if (region.data[at] == 0) continue;
    ++all;
    inside += moving.holds(moving.to_index(map.apply(block_centre(region.geometry, at)))) ? 1 : 0;
  }
  return all > 0 ? inside / all : 0;
}

void find_box(const Mask& region, Registration& r) {
  r.head_low = {1e300, 1e300, 1e300};
  r.head_high = {-1e300, -1e300, -1e300};
  for (std::size_t at = 0; at < region.data.size(); ++at) {
    if (region.data[at] == 0) continue;
    const Vec3 p = block_centre(region.geometry, at);
    for (std::size_t c = 0; c < 3; ++c) {
      r.head_low[c] = std::min(r.head_low[c], p[c]);
      r.head_high[c] = std::max(r.head_high[c], p[c]);
    }
  }
}

void search_default(const RegistrationPair& pair, const Mask* mask, const std::string& what, Registration& r) {
  const std::vector<Candidate> candidates = searched(pair, registration_starts(pair), false);
  if (candidates.empty())
    throw DataError(text(what, ": the volumes do not overlap under any start; check that both show the same head"));
  const Candidate& medium = candidates.front();
  const RegistrationLevel fine =
      mask != nullptr ? pair.level(medium.pose, kFineLevel, *mask) : pair.level(medium.pose, kFineLevel);
  Candidate best = finished(fine, medium);
  // A move by which nothing is gained is not made: a series that lies right stays where it is.
  constexpr double kNothing = 2e-5;
  const Pose headers = pair.pose_of({});
  if (MutualInformation(fine.samples, fine.target, fine.range).at(headers).nmi >= best.nmi - kNothing) {
    best.pose = headers;
    best.stop = "the headers as they are fit as well";
  }
  r.transform = pair.transform_of(best.pose);
  r.start = best.start;
  r.iterations = best.iterations;
  r.evaluations = best.evaluations;
  r.stop = best.stop;
}

void search_spm(const Volume& fixed, const Volume& moving, Registration& r) {
  const Minimum found = spm_registration(fixed, moving);
  const Vec3 centre = centre_of(fixed.geometry);
  const RigidTransform about_origin = spm_transform(found.at);
  r.transform = rigid_transform(about_origin.rotation(), centre, about_origin.apply(centre), centre);
  r.start = "headers";
  r.iterations = found.iterations;
  r.evaluations = found.evaluations;
  r.stop = found.stop;
}

// The mean over shifts of 12 mm and turns of 12 degrees both ways, 12 in all.
double displaced_nmi(const MutualInformation& metric, const Pose& pose) {
  constexpr double kShiftMm = 12, kTurn = 0.21;
  double sum = 0;
  for (int n = 0; n < 12; ++n) {
    const double sign = n % 2 == 0 ? 1 : -1;
    RigidTransform turn;
    Pose p = pose;
    if (n < 6) {
      p.place[static_cast<std::size_t>(n / 2)] += sign * kShiftMm;
    } else {
      turn.angles[static_cast<std::size_t>(n / 2 - 3)] = sign * kTurn;
      p.rotation = product(turn.rotation(), pose.rotation);
    }
    sum += metric.at(p).nmi;
  }
  return sum / 12;
}

// Is the header of one of the two turned by 180 degrees? No search from its place finds that.
void try_half_turns(const RegistrationPair& pair, const Candidate& found, Registration& r) {
  constexpr std::array<const char*, 3> kAxes{"left to right", "front to back", "head to feet"};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Candidate turned = found;
    Matrix3 half{-1, 0, 0, 0, -1, 0, 0, 0, -1};
    half[4 * axis] = 1;
    turned.pose.rotation = product(half, found.pose.rotation);
    const std::vector<Candidate> best = searched(pair, {turned}, false);
    if (best.empty() || best.front().nmi <= r.nmi_turned) continue;
    r.nmi_turned = best.front().nmi;
    r.turned_about = kAxes[axis];
  }
}

void find_figures(const RegistrationPair& pair, bool mirror_test, Registration& r) {
  Candidate found;
  found.pose = pair.pose_of(r.transform);
  const RegistrationLevel level = pair.level(found.pose, kMediumLevel);
  const MutualInformation metric(level.samples, level.target, level.range);
  const Similarity before = metric.at(pair.pose_of({})), after = metric.at(found.pose);
  r.metric_before = -before.mi;
  r.nmi_before = before.nmi;
  r.metric_after = -after.mi;
  r.nmi_after = after.nmi;
  r.nmi_displaced = displaced_nmi(metric, found.pose);
  if (!mirror_test) return;
  const std::vector<Candidate> mirrored = searched(pair, {found}, true);
  r.nmi_mirrored = mirrored.empty() ? 1 : mirrored.front().nmi;
  if (mirror_ratio(r) < kSameHeadRatio || peak_ratio(r) < kWeakPeak) try_half_turns(pair, found, r);
}

}  // namespace

const char* name_of(RegistrationPreset preset) { return preset == RegistrationPreset::spm ? "spm" : "vitrine"; }

RegistrationPreset registration_preset(const std::string& name) {
  for (const RegistrationPreset preset : {RegistrationPreset::vitrine, RegistrationPreset::spm}) {
    if (name == name_of(preset)) return preset;
  }
  throw UsageError(text("the preset is '", printable(name), "', vitrine or spm was expected"));
}

Registration register_rigid(const Volume& fixed, const Volume& moving, const RegistrationOptions& options,
                            const std::string& what) {
  const RegistrationPair pair = registration_pair(fixed, moving, what);
  Registration r;
  r.preset = options.preset;
  if (options.preset == RegistrationPreset::spm) {
    search_spm(fixed, moving, r);
  } else {
    search_default(pair, options.fixed_mask, what, r);
  }
  find_figures(pair, options.mirror_test, r);
  const Mask& region = options.fixed_mask != nullptr ? *options.fixed_mask : pair.fixed.head;
  r.overlap_before = overlap_of(region, moving.geometry, {});
  r.overlap_after = overlap_of(region, moving.geometry, r.transform);
  find_box(region, r);
  return r;
}

Registration register_rigid(const Volume& fixed, const Volume& moving, const std::string& what) {
  return register_rigid(fixed, moving, {}, what);
}

nlohmann::ordered_json record(const Registration& r) {
  const auto vector = [](const Vec3& v) { return Json::array({v[0], v[1], v[2]}); };
  Json out = Json::object();
  const Matrix4 m = matrix_of(r.transform);
  out["preset"] = name_of(r.preset);
  out["matrix"] = Json::array();
  for (std::size_t row = 0; row < 4; ++row)
    out["matrix"].push_back(Json::array({m[4 * row], m[4 * row + 1], m[4 * row + 2], m[4 * row + 3]}));
  out["angles_rad"] = vector(r.transform.angles);
  out["translation_mm"] = vector(r.transform.translation);
  out["centre_mm"] = vector(r.transform.centre);
  out["metric_before"] = r.metric_before;
  out["metric_after"] = r.metric_after;
  out["nmi_before"] = r.nmi_before;
  out["nmi_after"] = r.nmi_after;
  out["nmi_displaced"] = r.nmi_displaced;
  out["nmi_turned"] = r.nmi_turned > 0 ? Json(r.nmi_turned) : Json();
  out["nmi_mirrored"] = r.nmi_mirrored > 0 ? Json(r.nmi_mirrored) : Json();
  out["overlap_before"] = r.overlap_before;
  out["overlap_after"] = r.overlap_after;
  out["start"] = r.start;
  out["iterations"] = r.iterations;
  out["evaluations"] = r.evaluations;
  out["stop"] = r.stop;
  return out;
}

}  // namespace vitrine::imaging

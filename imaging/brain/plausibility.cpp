#include "imaging/brain/plausibility.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/brain/head_outline.h"
#include "imaging/brain/running_means.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

// Adult brains with sulci have 950 to 1,950 ml; newborns' 350.
constexpr double kLeastMl = 250, kMostMl = 2700, kUsualLow = 900, kUsualHigh = 2000;
constexpr double kLeastInformation = 0.05;  // nats; heads have 0.35 to 0.7
constexpr double kLeastTissue = 0.015,
                 kUsualTissue = 0.03;  // nats; heads have 0.04 to 0.17, phantoms and heads back to front up to 0.02
constexpr double kLeastSize = 0.5, kMostSize = 1.4;      // of the template, per axis
constexpr double kUsualShort = 0.87, kUsualLong = 1.18;  // of an axis against the mean of three
constexpr double kUsualField = 1.57;                     // highest by lowest
constexpr double kMostTurn = 45;                         // degrees
constexpr double kMostAsymmetry = 0.3, kUsualAsymmetry = 0.15;
constexpr double kMostOffCentre = 15;  // mm
constexpr double kMostBelowTop = 40;   // mm; heads have 16 to 26
constexpr double kLeastScalp = 2;      // mm that lie above a brain at least
constexpr double kLeastTemplateDice = 0.8, kUsualTemplateDice = 0.92;
constexpr double kMostBorder = 0.01;  // of the mask's voxels

std::string percent(double share) { return text(fixed(100 * share, 1), " %"); }

// Left, right, and the sums of places, over the mask's voxels every few mm, along the template's axes.
struct Census {
  double left[3] = {}, right[3] = {};  // front, middle, back
  Vec3 sum{};
  double count = 0, border = 0;
};

Census census_of(const HeadFit& fit, const Mask& mask) {
  const Geometry& g = mask.geometry;
  Census census;
  std::array<std::int64_t, 3> stride{};
  for (std::size_t c = 0; c < 3; ++c) stride[c] = std::max<std::int64_t>(1, std::llround(2 / g.spacing[c]));
  double border = 0, all = 0;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    check_interrupt("brain extraction");
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
        if (mask.data[at] == 0) continue;
        ++all;
        border += i == 0 || j == 0 || k == 0 || i == g.size[0] - 1 || j == g.size[1] - 1 || k == g.size[2] - 1 ? 1 : 0;
        if (i % stride[0] != 0 || j % stride[1] != 0 || k % stride[2] != 0) continue;
        const Vec3 p = fit.on_template(g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        const std::size_t third = p[1] < -20 ? 0 : p[1] < 50 ? 1 : 2;
        (p[0] > 0 ? census.left : census.right)[third] += 1;
        for (std::size_t c = 0; c < 3; ++c) census.sum[c] += p[c];
        ++census.count;
      }
    }
  }
  census.border = all > 0 ? border / all : 0;
  return census;
}

// How high a mask reaches along the template's axis: the highest 2 mm with at least 5 cm2 of it.
double top_of(const HeadFit& fit, const Mask& mask) {
  constexpr double kBin = 2, kLowest = -300, kLeastMm2 = 500;
  std::array<double, 300> area{};
  const Geometry& g = mask.geometry;
  const double per_voxel = g.spacing[0] * g.spacing[1] * g.spacing[2] / kBin;
  each_voxel(g, [&](std::size_t at, const Vec3& place) {
    if (mask.data[at] == 0) return;
    const double bin = std::clamp((fit.on_template(place)[2] - kLowest) / kBin, 0.0, static_cast<double>(area.size() - 1));
    area[static_cast<std::size_t>(bin)] += per_voxel;
  });
  std::size_t top = area.size() - 1;
  while (top > 0 && area[top] < kLeastMm2) --top;
  return kLowest + kBin * static_cast<double>(top);
}

[[noreturn]] void refuse(const std::string& what, const std::string& found, const std::string& expected) {
  throw DataError(text(what, ": what brain extraction found cannot be a brain (", found, ", expected ", expected,
                       "); look at the volume, and bring a mask in the column brain_mask"));
}

}  // namespace

BrainFigures brain_figures(const HeadTemplate& head, const HeadRegistration& registration, const HeadFit& fit,
                           const BrainSurface& surface, const Mask& mask, const Volume& coarse) {
  BrainFigures f;
  f.information = registration.information;
  f.tissue_information = fit.tissue_information;
  f.covered = registration.covered;
  f.scale = registration.scale;
  const Matrix3 turn = nearest_rotation(registration.map.matrix);
  constexpr double kDegrees = 180 / 3.14159265358979323846;
  f.turn_degrees = std::acos(std::clamp((turn[0] + turn[4] + turn[8] - 1) / 2, -1.0, 1.0)) * kDegrees;
  f.template_share = surface.template_ml > 0 ? surface.common_ml / surface.template_ml : 0;
  const double both = surface.template_ml + surface.tissue_ml;
  f.template_dice = both > 0 ? 2 * surface.common_ml / both : 0;
  const Census census = census_of(fit, mask);
  const Vec3 centre = head.brain_centre();
  for (std::size_t c = 0; c < 3; ++c) f.off_centre[c] = census.sum[c] / std::max(census.count, 1.0) - centre[c];
  for (std::size_t third = 0; third < 3; ++third) {
    const double all = census.left[third] + census.right[third];
    if (all > 0) f.asymmetry = std::max(f.asymmetry, std::abs(census.left[third] - census.right[third]) / all);
  }
  f.border_share = census.border;
  const double grey = fit.levels[kGrey].mean, white = fit.levels[kWhite].mean;
  f.grey_white = std::abs(grey - white) / std::max({grey, white, 1e-30});
  f.below_top = top_of(fit, head_outline(coarse)) - top_of(fit, mask);
  return f;
}

void note_volume(double ml, Notes& notes) {
  if (ml < kUsualLow || ml > kUsualHigh)
    warn(notes, text("the brain mask has ", fixed(ml, 0), " ml, adults have ", fixed(kUsualLow, 0), " to ",
                     fixed(kUsualHigh, 0), "; look at it"));
}

void check_brain(const BrainFigures& f, double ml, HeadContrast expected, const std::string& what, Notes& notes) {
  const bool whole = f.covered >= kWholeBrain;
  if (f.information < kLeastInformation)
    refuse(what, text("no head: ", fixed(f.information, 3), " nats in common with one"),
           text("at least ", fixed(kLeastInformation, 2)));
  if (f.tissue_information < kLeastTissue)
    refuse(what, text("CSF, grey and white matter are not where a brain has them: ", fixed(f.tissue_information, 3), " nats"),
           text("at least ", fixed(kLeastTissue, 3)));
  for (const double s : f.scale) {
    if (s < kLeastSize || s > kMostSize)
      refuse(what, text(fixed(s, 2), " times an adult's brain along one axis"),
             text(fixed(kLeastSize, 2), " to ", fixed(kMostSize, 2)));
  }
  if (f.turn_degrees > kMostTurn)
    refuse(what, text("turned by ", fixed(f.turn_degrees, 0), " degrees"), text("at most ", fixed(kMostTurn, 0)));
  if (whole && f.below_top > kMostBelowTop)
    refuse(what,
           text("its top lies ", fixed(f.below_top, 0),
                " mm below that of the head: a neck, or a background as bright as the head"),
           text("at most ", fixed(kMostBelowTop, 0)));
  if (whole && f.below_top < kLeastScalp)
    warn(notes,
         text("nothing lies above the brain mask: if the volume came without skull, bring its mask in the column brain_mask"));
  if (f.template_dice < kLeastTemplateDice)
    refuse(what, text("tissue and template agree by a Dice of ", fixed(f.template_dice, 2)),
           text("at least ", fixed(kLeastTemplateDice, 2)));
  if (whole && f.asymmetry > kMostAsymmetry)
    refuse(what, text("left and right differ by ", percent(f.asymmetry)), text("at most ", percent(kMostAsymmetry)));
  const double off =
      std::sqrt(f.off_centre[0] * f.off_centre[0] + f.off_centre[1] * f.off_centre[1] + f.off_centre[2] * f.off_centre[2]);
  if (whole && off > kMostOffCentre)
    refuse(what, text("its centre lies ", fixed(off, 0), " mm off"), text("at most ", fixed(kMostOffCentre, 0)));
  if (ml > kMostMl || (ml < kLeastMl * std::min(1.0, f.covered)))
    refuse(what, text(fixed(ml, 0), " ml"), text(fixed(kLeastMl, 0), " to ", fixed(kMostMl, 0)));
  if (!whole)
    warn(notes, text("the field of view holds at most ", percent(f.covered), " of the brain, which was taken for ",
                     name_of(f.contrast), "; a head that is cut is easily misread: look at the mask"));
  if (whole && f.border_share > kMostBorder)
    warn(notes, text(percent(f.border_share), " of the brain mask lies on the border of the volume"));
  if (whole || ml > kUsualHigh) note_volume(ml, notes);
  if (whole && f.asymmetry > kUsualAsymmetry)
    warn(notes, text("left and right of the brain mask differ by ", percent(f.asymmetry), "; look at it"));
  if (f.field_ratio > kUsualField)
    warn(notes, text("the field of the receive coils changes brightness inside the brain by a factor of ",
                     fixed(f.field_ratio, 2), ": parts that it darkens may be missing; look at the brain mask"));
  const double mean_scale = (f.scale[0] + f.scale[1] + f.scale[2]) / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    constexpr std::array<const char*, 3> kAxes{"left and right", "front and back", "top and bottom"};
    if (whole && (f.scale[c] / mean_scale < kUsualShort || f.scale[c] / mean_scale > kUsualLong))
      warn(notes, text("the head is ", fixed(f.scale[c] / mean_scale, 2), " times as long between ", kAxes[c],
                       " as it should be beside its other axes: a part of the brain may be missing, or the size of the voxels "
                       "is wrong; look at the brain mask"));
  }
  if (f.tissue_information < kUsualTissue)
    warn(notes, text("CSF, grey and white matter lie hardly where a brain has them (", fixed(f.tissue_information, 3),
                     " nats, at least ", fixed(kUsualTissue, 2), " is usual); look at the brain mask"));
  if (f.template_dice < kUsualTemplateDice)
    warn(notes, text("tissue and template agree on the brain by a Dice of ", fixed(f.template_dice, 2), "; look at the mask"));
  if (expected != HeadContrast::automatic && expected != f.contrast)
    warn(notes, text("brain extraction was told ", name_of(expected), ", and the volume shows ", name_of(f.contrast)));
}

}  // namespace vitrine::imaging

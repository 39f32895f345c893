#include "imaging/subject_checks.h"

#include <array>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

constexpr double kSmallestHead = 100;  // mm that a head measures at least along every axis
constexpr double kUncoveredBrain = 0.01, kLesionOutside = 0.2, kLargeLesion = 0.25;

}  // namespace

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

void note_extent(const Geometry& g, Notes& notes) {
  constexpr std::array<const char*, 3> kWays{"from right to left", "from front to back", "from bottom to top"};
  for (std::size_t c = 0; c < 3; ++c) {
    const double extent = static_cast<double>(g.size[c]) * g.spacing[c];
    if (extent < kSmallestHead) warn(notes, text("T1c covers ", fixed(extent, 0), " mm ", kWays[c], ": less than a head"));
  }
}

double lesion_outside(const Mask& brain, const Mask& lesion) {
  double outside = 0, all = 0;
  for (std::size_t i = 0; i < brain.data.size(); ++i) {
    if (lesion.data[i] == 0) continue;
    ++all;
    outside += brain.data[i] == 0 ? 1 : 0;
  }
  return all > 0 ? outside / all : 0;
}

void note_lesion_place(double outside, bool brain_is_given, double lesion_ml, double brain_ml, Notes& notes) {
  if (outside > kLesionOutside && brain_is_given)
    warn(notes, text(percent(outside), " of the lesion mask lies outside the brain mask; check that both are of this patient"));
  if (outside > kLesionOutside && !brain_is_given)
    warn(notes, text(percent(outside), " of the lesion mask lies outside the extracted brain and was added to it; check both"));
  if (lesion_ml > kLargeLesion * brain_ml) {
    warn(notes, text("the lesion mask has ", fixed(lesion_ml, 1), " ml, more than a quarter of the brain's ",
                     fixed(brain_ml, 1), " ml; check it"));
  }
}

double note_coverage(const Mask& covered, const SeriesPlace& place, const Mask& brain, const std::string& name,
                     const LesionSearch& lesions, int size, Notes& notes) {
  double outside = 0, all = 0;
  for (std::size_t i = 0; i < brain.data.size(); ++i) {
    if (brain.data[i] == 0) continue;
    ++all;
    outside += covered.data[i] == 0 ? 1 : 0;
  }
  const double share = all > 0 ? outside / all : 0;
  if (share > kUncoveredBrain)
    warn(notes, text(name, " does not cover ", percent(share), " of the brain; it is 0 there, and left out of its statistics"));
  for (const LesionSlice& s : lesions.slices) {
    check_interrupt("preparation");
    const double missing = share_outside(s, brain.geometry, place.source, place.transform, size);
    if (missing > 0)
      warn(notes, text(name, " does not cover ", percent(missing), " of crop ", crop_name(s), "; it is 0 there"));
  }
  return share;
}

double clipped_lesion(const Volume& normalised, const Mask& lesion) {
  double clipped = 0, all = 0;
  for (std::size_t i = 0; i < lesion.data.size(); ++i) {
    if (lesion.data[i] == 0) continue;
    ++all;
    clipped += normalised.data[i] <= 0 || normalised.data[i] >= 1 ? 1 : 0;
  }
  return all > 0 ? clipped / all : 0;
}

}  // namespace vitrine::imaging

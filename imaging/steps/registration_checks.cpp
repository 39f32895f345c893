#include "imaging/steps/registration_checks.h"

#include <algorithm>

#include "base/error.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

double rise(double nmi, double against) { return (nmi - 1) / std::max(against - 1, 1e-9); }

void note_headers(const Registration& r, const std::string& moving, Notes& notes) {
  if (r.overlap_before == 0)
    warn(notes, text(moving, " and the fixed series do not overlap by their headers; they were brought together by their ",
                     r.start, ": check the headers"));
  // By how much the head moves, not the place where the rotation is written down.
  const Vec3 middle{(r.head_low[0] + r.head_high[0]) / 2, (r.head_low[1] + r.head_high[1]) / 2,
                    (r.head_low[2] + r.head_high[2]) / 2};
  const Vec3 to = r.transform.apply(middle);
  const double shift = length({to[0] - middle[0], to[1] - middle[1], to[2] - middle[2]}), turn = rotation_degrees(r.transform);
  if (shift > kFarMm || turn > kFarDegrees)
    warn(notes, text(moving, " was moved by ", fixed(shift, 1), " mm and turned by ", fixed(turn, 1), " degrees, more than ",
                     fixed(kFarMm, 0), " mm or ", fixed(kFarDegrees, 0), " degrees: check the headers"));
}

}  // namespace

double mirror_ratio(const Registration& r) { return r.nmi_mirrored > 0 ? rise(r.nmi_after, r.nmi_mirrored) : 0; }

double peak_ratio(const Registration& r) { return rise(r.nmi_after, r.nmi_displaced); }

Notes checked(const Registration& r, const std::string& moving, const std::string& what) {
  const double peak = peak_ratio(r), mirror = mirror_ratio(r);
  constexpr double kGain = 1e-4;
  if (r.nmi_after < r.nmi_before - kGain || (r.nmi_after - r.nmi_before < kGain && peak < kWeakPeak))
    throw DataError(text(what, ": the coregistration did not converge: normalised mutual information went from ",
                         fixed(r.nmi_before, 4), " to ", fixed(r.nmi_after, 4), " in ", r.iterations, " steps (", r.stop,
                         "); check that both show the same head and that the headers are right"));
  if (r.nmi_mirrored > 0 && mirror < kMirroredRatio)
    throw DataError(text(what, ": mirrored left to right it fits clearly better (normalised mutual information ",
                         fixed(r.nmi_mirrored, 4), " against ", fixed(r.nmi_after, 4),
                         "); one of the two files has left and right exchanged, correct its header"));
  if (r.nmi_turned > 0 && rise(r.nmi_after, r.nmi_turned) < kMirroredRatio)
    throw DataError(text(what, ": turned by 180 degrees about the axis from ", r.turned_about,
                         " it fits clearly better (normalised mutual information ", fixed(r.nmi_turned, 4), " against ",
                         fixed(r.nmi_after, 4), "); the header of one of the two files turns the head around, correct it"));
  Notes notes;
  note_headers(r, moving, notes);
  if (r.nmi_mirrored > 0 && mirror < kSameHeadRatio) {
    warn(notes, text(moving, " fits no better than its mirror image (ratio ", fixed(mirror, 2), ", ", fixed(kSameHeadRatio, 2),
                     " or more is expected): check that it is of the same patient"));
  } else if (peak < kWeakPeak) {
    warn(notes, text(moving, " fits hardly better than 12 mm away (ratio ", fixed(peak, 2), ", ", fixed(kWeakPeak, 1),
                     " or more is expected): check the coregistration"));
  }
  if (r.overlap_after < kEnoughCovered)
    note(notes, text(moving, " covers ", fixed(100 * r.overlap_after, 1), " % of the fixed head"));
  return notes;
}

double loop_closure_mm(const Registration& first, const RigidTransform& second, const RigidTransform& direct) {
  return most_apart(composed(first.transform, second), direct, first.head_low, first.head_high);
}

double inverse_consistency_mm(const Registration& there, const RigidTransform& back) {
  return most_apart(composed(there.transform, back), {}, there.head_low, there.head_high);
}

Notes loop_notes(double closure_mm, const std::string& loop, const std::string& what) {
  const std::string found = text("the registrations ", loop, " miss each other by ", fixed(closure_mm, 2), " mm");
  if (!(closure_mm <= kLoopRefuseMm))
    throw DataError(
        text(what, ": ", found, ", at most ", fixed(kLoopRefuseMm, 0),
             " mm are allowed; one of the three series is of another head, cut, or stripped alone: look at the pairs"));
  Notes notes;
  if (closure_mm > kLoopWarnMm) warn(notes, text(found, ", ", fixed(kLoopWarnMm, 0), " mm or less is expected"));
  return notes;
}

}  // namespace vitrine::imaging

// Whether a registration can be trusted, told without the truth.
//
// mirror     How far the measure rises above 1, against the best match of one volume mirrored left to right (its ratio). On 40 simulated pairs
//            of T1c with FLAIR or T2 of the same head it is 1.99 or more, on 14 of FLAIR with T2 1.72 or more, on 15 pairs with one volume mirrored
//            0.32 to 0.50, on 26 pairs of two heads 0.89 to 1.06: below kMirroredRatio the mirrored match clearly wins, below kSameHeadRatio left
//            and right make no difference, as between two heads. The limits were set on these pairs; heads of patients were not at hand.
// peak       The same against the mean at places 12 mm or 12 degrees away: 2.24 or more on the pairs of one head, 1.14 to 1.40 on those of two
// half turn  The same against the best match with one volume turned by 180 degrees, tried where one of the two above is doubtful: a header that turns
//            the head around is told from another head
// loop       T2 -> FLAIR -> T1c against T2 -> T1c; warned of above 1 mm, refused above 3 mm, at the corners of the box
#pragma once

#include <string>

#include "imaging/notes.h"
#include "imaging/steps/registration.h"

namespace vitrine::imaging {

inline constexpr double kMirroredRatio = 0.7, kSameHeadRatio = 1.25, kWeakPeak = 1.6;
inline constexpr double kFarMm = 50, kFarDegrees = 30;
inline constexpr double kLoopWarnMm = 1, kLoopRefuseMm = 3;
inline constexpr double kEnoughCovered = 0.95;

// (nmi_after - 1) / (nmi_mirrored - 1); 0 when the mirror test was not made.
double mirror_ratio(const Registration& registration);
// (nmi_after - 1) / (nmi_displaced - 1)
double peak_ratio(const Registration& registration);

// What is worth saying of one registration; `moving` names the series, for example "FLAIR". DataError, `what` before it, when the measure did not
// rise above what the headers gave ("not converged", with the reason the search ended), and when the mirrored series fits clearly better.
Notes checked(const Registration& registration, const std::string& moving, const std::string& what);

// Between the image of the corners of the fixed head's box under `direct` and that under `second` after `first`: for first = T1c -> FLAIR, second =
// FLAIR -> T2 and direct = T1c -> T2. mm.
double loop_closure_mm(const Registration& first, const RigidTransform& second, const RigidTransform& direct);
// Of the corners that go there with `there` and come back with `back`. mm.
double inverse_consistency_mm(const Registration& there, const RigidTransform& back);

// A warning above kLoopWarnMm. DataError above kLoopRefuseMm. `loop` names it, for example "T1c -> FLAIR -> T2".
Notes loop_notes(double closure_mm, const std::string& loop, const std::string& what);

}  // namespace vitrine::imaging

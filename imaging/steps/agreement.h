// Do three coregistered series show one head? Two heads never fit by a rigid motion: parts of one lie beside those of the other.
//
// Measure    the volumes averaged to 2 mm and smoothed (Gaussian of 2 mm); inside the brain, 6 mm away from its border, blocks of 24 mm every
//            20 mm. For each block the shift of up to 6 mm per axis at which the edges of both run most alike: the sum of
//            (a.b)^2 / (|a||b|) over that of |a||b|, for the gradients a and b. The mean length of these shifts, in mm.
// Why        a shift is a length whatever contrast, noise and scale the series have: at most 1.3 mm for 144 pairs of series of one head, at
//            least 2.7 mm for 144 pairs of two, on simulated cohorts (docs/imaging.md); some 5.5 mm for what has nothing in common
// Copies     the square of the correlation inside the brain: close to 1 when one series is the other, scaled or rounded
// Reference  Haber & Modersitzki 2006, doi 10.1007/11866763_89 (normalised gradient fields)
#pragma once

#include "imaging/notes.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

struct PairAgreement {
  double shift_mm = -1;    // mean local shift; -1: too little brain to tell, or one of the two is not there
  double correlation = 0;  // squared
};

struct SeriesAgreement {
  PairAgreement t1c_flair, t1c_t2, flair_t2;
  bool too_little_brain = false;
};

inline constexpr double kMostShiftMm = 2.2;
inline constexpr double kMostCorrelation = 0.97;

// All on one grid; a series that is not there is null. Interrupted.
SeriesAgreement series_agreement(const Volume& t1c, const Volume* flair, const Volume* t2, const Mask& brain);

// Which series seems to be of another head, or a copy of another series; nothing when all is well.
Notes agreement_notes(const SeriesAgreement& agreement);

}  // namespace vitrine::imaging

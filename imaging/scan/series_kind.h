// What a series of an MR examination shows, by what its scanner wrote: the names that people give first, then the times of the sequence.
//
// Names      words of the description, or of the protocol where the description says nothing: "AX T1 POST GD", "t1_mprage_sag_KM", "Ax T2 FLAIR FS"
// Times      where no name tells: FLAIR by an inversion time from 1,500 ms on with an echo time from 70 ms on; T2 by an echo time from 70 ms on; T1
//            by an echo time up to 30 ms with a repetition time below 1,000 ms, or an inversion time of 300 to 1,300 ms (MPRAGE)
// Contrast   by name, or by a contrast agent that the file names; a name that says that there is none wins
// Unknown    names and times that contradict each other, or say nothing: they are never guessed
#pragma once

#include <string>

namespace vitrine::imaging {

// As DICOM states it; times are 0 where it does not.
struct SeriesFacts {
  std::string description, protocol, modality, image_type;
  double repetition_ms = 0, echo_ms = 0, inversion_ms = 0;
  bool contrast_given = false;
};

enum class SeriesKind {
  unknown,
  t1,     // without contrast
  t1c,    // after contrast
  flair,  // T2-weighted, fluid suppressed
  t2,
  other  // another sequence, another part of the body, a derived image
};
std::string name_of(SeriesKind kind);

struct ClassifiedSeries {
  SeriesKind kind = SeriesKind::unknown;
  std::string why;  // a few words
};

ClassifiedSeries classified(const SeriesFacts& series);

}  // namespace vitrine::imaging

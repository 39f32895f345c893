// Which series of an examination is T1c, which FLAIR, which T2: for DICOM, where only the scanner's words tell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "imaging/scan/series_kind.h"

namespace vitrine::imaging {

// A series as a list of a DICOM folder has it (imaging/formats/dicom.h).
struct ExaminationSeries {
  std::string patient, study;  // hash and UID
  SeriesFacts facts;
  std::string plane;  // "axial", "oblique sagittal" ...
  std::int64_t slices = 0;
  std::string skipped;  // why it is no candidate; empty when it is one
};

struct Examination {
  std::string patient, study;
  std::map<std::string, std::size_t> chosen;  // "t1c", "flair", "t2" to the place in the list
  std::vector<std::string> left_out;          // "'COR T1': T1 without contrast, by its name"
  std::string refused;                        // why there is no T1c; empty when there is
};

// One for each patient and study, in the order in which they appear. A column with several candidates stays empty and is asked for, unless
// `wanted` names words of the description for it ("t1c" to "MPRAGE") that one of them alone has. Series of fewer than 8 slices are none.
std::vector<Examination> examinations(const std::vector<ExaminationSeries>& series,
                                      const std::map<std::string, std::string>& wanted);

}  // namespace vitrine::imaging

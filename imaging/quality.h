// What a cohort says about its subjects, and the page of quality control.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/cohort.h"
#include "imaging/subject_record.h"
#include "report/qc.h"

namespace vitrine::imaging {

// What became of one subject of the table.
struct Outcome {
  std::optional<SubjectRecord> record;  // prepared or kept
  std::string refused;                  // why not; one of the two
};

// For each subject where its coregistration is far from the cohort's: beyond the median by six robust deviations (1.4826 times the median
// distance from it), and by as much as is never chance. Nothing for fewer than six subjects.
std::vector<Notes> cohort_notes(const std::vector<Outcome>& outcomes);

// `out` holds crops and pictures of the prepared subjects; the page will lie in it. DataError when one cannot be read. Interrupted.
report::QcPage qc_page(const std::vector<Subject>& subjects, const std::vector<Outcome>& outcomes,
                       const std::filesystem::path& out);

}  // namespace vitrine::imaging

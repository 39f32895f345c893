// cohort.csv: the subjects of a study and where their volumes lie.
//
// Columns   subject_id (or patient_id), label, t1c, flair, t2, mask, and optionally brain_mask; further columns are ignored. Paths are
//           relative to the CSV. One row per subject, two labels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vitrine::imaging {

struct Subject {
  std::string id, label;
  std::filesystem::path t1c, flair, t2, mask;
  std::filesystem::path brain_mask;  // empty: the brain is extracted
};

// DataError with file and line for a missing column, an empty cell, a missing volume or mask, a subject twice or with two labels, and
// for more or fewer than two labels; a label that looks like a typo of another is named.
std::vector<Subject> read_cohort(const std::filesystem::path& csv);

}  // namespace vitrine::imaging

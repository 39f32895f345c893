// cohort.csv: the subjects of a study and where their volumes lie.
//
// Columns   subject_id (or patient_id), label, t1c, flair, t2, mask, and optionally brain_mask; further columns are ignored. Paths are
//           relative to the CSV. One row per subject, two labels.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::imaging {

struct Subject {
  std::string id, label;
  std::filesystem::path t1c, flair, t2, mask;
  std::filesystem::path brain_mask;  // empty: the brain is extracted
  std::string flaw;                  // why one of the files cannot be read; empty: nothing is known against them

  // Column and file of each volume that is named.
  std::vector<std::pair<std::string, std::filesystem::path>> files() const;
};

struct Cohort {
  std::vector<Subject> subjects;
  std::vector<std::string> notes;  // columns that are not read and probably meant to be
};

enum class MissingFiles {
  refuse,     // the whole table
  leave_out,  // remember in Subject::flaw
};

// DataError with file and line for a missing column, a subject twice or with two labels, an identifier that is too long for the names of its
// crops, and for more or fewer than two labels; a label that looks like a typo of another is named. An empty cell and a missing volume or
// mask are refused or left to the subject.
Cohort read_cohort(const std::filesystem::path& csv, MissingFiles missing = MissingFiles::refuse);

}  // namespace vitrine::imaging

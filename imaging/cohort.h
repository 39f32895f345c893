// cohort.csv: the subjects of a study and where their volumes lie.
//
// Columns   subject_id (or patient_id), label, t1c and mask; paths are relative to the CSV. One row per subject, two labels.
//           t1c, flair, t2  a file, or a folder with one DICOM series
//           flair, t2       may be empty for a subject, or absent: it is used for the inputs that it has
//           brain_mask      empty: the brain is extracted
//           mask_labels     the values of the mask that are the lesion, "1;3": together one mask. Empty: as imaging/steps/mask.h says
//           coregistered, skull_stripped, bias_corrected     0 or 1: that step was done before and is skipped. Empty: 0
//           dataset, session_id     where the subject is from, and which of its examinations this is; kept in its record
//           Other columns are ignored; one that looks like a slip of these is noted.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vitrine::imaging {

struct Subject {
  std::string id, label;
  std::filesystem::path t1c, flair, t2, mask;  // flair, t2: empty when the subject has none
  std::filesystem::path brain_mask;            // empty: the brain is extracted
  std::string flaw;                            // why one of the files cannot be read; empty: nothing is known against them
  std::vector<int> mask_labels;                // rising; empty: none were named
  bool coregistered = false, skull_stripped = false, bias_corrected = false;
  std::string dataset, session_id;
  int line = 0;  // of the CSV

  // Column and file of each volume that is named.
  std::vector<std::pair<std::string, std::filesystem::path>> files() const;
};

struct Cohort {
  std::vector<Subject> subjects;
  std::vector<std::string> notes;  // columns that are not read and probably meant to be; series that no subject has
};

enum class MissingFiles {
  refuse,     // the whole table
  leave_out,  // remember in Subject::flaw
};

// DataError with file and line for a missing column, a subject twice or with two labels, an identifier that is too long for the names of its
// crops, a cell that is none of its column's, and for more or fewer than two labels; a label that looks like a typo of another is named. An
// empty cell of t1c or mask and a missing volume or mask are refused or left to the subject.
Cohort read_cohort(const std::filesystem::path& csv, MissingFiles missing = MissingFiles::refuse);

// Something wrong in a table: the sentence without file and line.
struct CohortFlaw {
  int line = 0;  // 0: of the whole table
  std::string subject, column, what;
};

// The same table read to its end: what read_cohort refuses is listed, and the subjects are those that can be told apart, with what could be
// read of them. DataError only for what is no table, or has no column of subjects.
Cohort survey_cohort(const std::filesystem::path& csv, std::vector<CohortFlaw>& flaws);

// "1;3" as numbers, rising, none twice; empty text: none. False for anything but whole numbers from 1 to 65535 between semicolons.
bool parse_mask_labels(std::string_view text, std::vector<int>& labels);

}  // namespace vitrine::imaging

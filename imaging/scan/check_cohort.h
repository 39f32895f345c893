// Everything that can be said against a cohort before it is prepared. Nothing is changed or written.
//
// Error      preparation would refuse the subject or the table, or go wrong in silence: flaws of the table, files that cannot be read, equal files
//            (bytes or voxels) in two places, masks that are none or lie on another grid, lesions of which more than a fifth lies outside the
//            brain or the head, series that are said to be coregistered and lie on other grids
// Warning    to be looked at: names that differ by blanks, marks or zeros alone, or that a spreadsheet has changed; heads whose width differs by
//            more than 12 % between the series of a subject; 1 to 20 % of the lesion outside; skull-stripped or not against the table;
//            a label with fewer subjects than five folds need
// Note       missing series, a T1c that will be re-cut, what a mask was taken for
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/progress.h"

namespace vitrine::imaging {

enum class Severity { note, warning, error };
std::string name_of(Severity severity);

struct Finding {
  int line = 0;  // of the CSV; 0: of the whole table
  std::string subject, column;
  Severity severity = Severity::note;
  std::string what;  // one sentence
};

struct CohortCheck {
  std::vector<Finding> findings;  // by line; in a line in the order of the checks
  std::string summary;            // "12 subjects (5 NSCLC, 7 SCLC): 2 errors, 1 warning, 3 notes"
  int errors = 0;
};

// DataError for what is no table; Interrupted. Reads every volume once.
CohortCheck check_cohort(const std::filesystem::path& csv, Progress& progress);

// Subjects that may be one: equal but for capitals, blanks, marks beside letters, and zeros before numbers.
std::string plain_identifier(const std::string& id);
// A number with an exponent, or a date: what spreadsheets make of identifiers. "1E5", "3-Mar", "Mar-03".
bool looks_mangled(const std::string& id);

}  // namespace vitrine::imaging

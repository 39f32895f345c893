// Labels of patients from a table, and the rows of cohort.csv.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "imaging/scan/scan_cohort.h"

namespace vitrine::imaging {

class LabelTable {
 public:
  // Reads options.labels, where there is one. DataError for a missing column and for a patient with two labels.
  explicit LabelTable(const CohortScanOptions& options);

  struct Answer {
    std::string label;    // empty: the table has none
    std::string refused;  // why the patient is left out; empty when it is not
  };
  // Of the first of a patient's names that the table has.
  Answer label_of(const std::vector<std::string>& names) const;

 private:
  std::map<std::string, std::string> values_, map_;
};

// Cells by column; those that are not named stay empty.
std::string cohort_header();
std::string cohort_row(const std::map<std::string, std::string>& cells);

// "2 subjects have no label: ..." and the like, for what the table lacks.
std::vector<std::string> things_to_fill_in(int without_label, int without_mask);

// `file` as a cell of a table at `csv`.
std::string path_from(const std::filesystem::path& csv, const std::filesystem::path& file);

}  // namespace vitrine::imaging

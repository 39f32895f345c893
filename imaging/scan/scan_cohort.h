// cohort.csv from a folder of an archive. What is ambiguous is listed and left out, never guessed.
//
// Subject    one row per patient; a patient of several sessions needs a word on which one is meant (CohortScanOptions::session)
// Left out   a patient without T1c, with two files for one column in the session, or with a name that cannot be a subject's
// To fill    labels that no table gave, lesion masks that the archive does not have: the cells stay empty
// Paths      are relative to the folder of the CSV
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine::imaging {

struct CohortScanOptions {
  std::string layout = "auto";  // a name of layouts(), or the one that gives the most patients a T1c
  std::string session;          // "first" or "last" by name, or a session's name; empty: patients of several are left out
  std::filesystem::path
      labels;  // a CSV with a row for each patient (or "<patient>-<session>", "<patient><session>"); empty: none
  std::string id_column, label_column;
  std::map<std::string, std::string> series;  // of DICOM: "t1c" to words of the description of the one that is meant
  std::map<std::string, std::string> map;     // a value of the table to a label; empty: as they are
};

struct CohortScan {
  std::string layout, csv;
  std::vector<std::string> left_out;    // "patient: reason", sorted
  std::vector<std::string> to_fill_in;  // what cells stayed empty
  std::string summary;                  // "12 of 14 patients; ..."
  int subjects = 0;
};

// "SCLC=SCLC,Adenocarcinoma=NSCLC". UsageError for anything else, and for a value twice.
std::map<std::string, std::string> parse_label_map(const std::string& text);
// "t1c=MPRAGE,t2=TSE". UsageError for other columns than t1c, flair, t2.
std::map<std::string, std::string> parse_series_words(const std::string& text);

// Nothing is written; `csv` is where the table will lie. DataError when the folder holds nothing of the layout, when two layouts fit equally, or
// when the table of labels lacks a column or names a patient twice with different labels; UsageError for an unknown layout. Interrupted.
CohortScan scan_cohort(const std::filesystem::path& folder, const std::filesystem::path& csv, const CohortScanOptions& options);

}  // namespace vitrine::imaging

// The page of quality control: what a preparation decided, warned of and refused, with its crops. One HTML file, no script, nothing
// fetched; the same bytes for the same results.
#pragma once

#include <string>
#include <vector>

namespace vitrine::report {

struct QcNote {
  bool warning = false;
  std::string text;
};

struct QcFact {
  std::string name, value;
};

struct QcPanel {
  std::string name;  // of the channel
  std::string png;   // its bytes
};

struct QcCrop {
  std::string caption;
  std::vector<QcPanel> panels;  // the patient's right at the left, the front at the top
};

struct QcSubject {
  std::string id, label;
  std::string refused;  // why; empty: prepared
  std::vector<QcNote> notes;
  std::vector<std::string> measures;  // as many as QcPage::measures
  std::vector<QcFact> facts;
  std::vector<QcCrop> crops;

  int warnings() const;
};

struct QcPage {
  std::string title;
  std::vector<std::string> lines;     // of the summary
  std::vector<std::string> measures;  // columns of the table of subjects
  std::vector<QcSubject> subjects;    // in the order of the cohort
};

// Refused subjects come first, then those with most warnings, then with most notes, then the rest, each kind in the given order.
std::string qc_html(const QcPage& page);

}  // namespace vitrine::report

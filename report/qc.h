// The page of quality control: what a preparation decided, warned of and refused, with its pictures, the worst subject first. One HTML file;
// nothing is fetched from elsewhere, which its Content-Security-Policy holds the browser to; the same bytes for the same results.
//
// Script     a few lines for the keys j and k; everything else works without it, and no other script can run
// Pictures   in the page up to a number of bytes, the worst subjects first, the others as links to the files beside it; or all as links
#pragma once

#include <cstddef>
#include <optional>
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

// A figure that every subject may have.
struct QcMeasure {
  enum class Far { never, both, above, below };  // where a value counts as out of the cohort's range

  std::string name;  // with its unit: "brain, ml"
  int digits = 1;    // decimals to show
  Far far = Far::both;
  bool logarithmic = false;  // compared by ratios: volumes, intensities
  double least = 0;          // a deviation of the cohort below this one is chance (of the logarithm, if that is compared)
  bool in_table = false;     // of all subjects
  bool in_card = false;      // shown before the list of all figures is opened
};

struct QcPicture {
  std::string caption;
  std::string file;  // relative to the page; empty: there is none
  std::string png;   // its bytes; empty: the file is shown
  int width = 0, height = 0;
};

struct QcPanel {
  std::string name;  // of the channel
  std::string png;   // its bytes
};

struct QcCrop {
  std::string caption;
  std::vector<QcPanel> panels;  // the patient's right at the left, the front at the top
  std::string file;             // a picture of all channels, relative to the page; shown where the panels are not
};

struct QcSubject {
  std::string id, label;
  std::string refused;  // why; empty: prepared
  std::vector<QcNote> notes;
  std::vector<std::optional<double>> values;  // as many as QcPage::measures, or none
  std::vector<QcFact> facts;
  std::vector<QcPicture> pictures;
  std::vector<QcCrop> crops;

  int warnings() const;
};

struct QcPage {
  std::string title;
  std::vector<std::string> lines;  // of the summary
  std::vector<QcMeasure> measures;
  std::vector<QcSubject> subjects;  // in the order of the cohort

  std::size_t most_embedded = std::size_t{48} << 20;  // bytes of the page that pictures may take
};

// Subjects in the order of report/qc_order.h.
std::string qc_html(const QcPage& page);

}  // namespace vitrine::report

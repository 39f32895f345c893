// A subject's record (imaging/subject_record.h) in words: figures that can be compared with the cohort's, and facts.
//
// The figures that are known by name have their words, their unit and the side on which they are wrong; whatever other numbers the record's
// `steps` hold are shown as well, by their key: `loop_closure_mm` is "loop closure, mm".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/qc.h"

namespace vitrine::imaging {

struct QcFigure {
  report::QcMeasure measure;
  double value = 0;
};

std::vector<QcFigure> figures_of(const Json& record);

// `files`: of each column, if they are known.
std::vector<report::QcFact> facts_of(const Json& record, const std::map<std::string, std::string>& files);

// Writes the figures of each subject, in its order, into a page; figures of one name are one measure.
void set_figures(report::QcPage& page, const std::vector<std::vector<QcFigure>>& figures);

}  // namespace vitrine::imaging

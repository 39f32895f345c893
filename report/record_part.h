// The last part of the report: what was run on what, limits, model card and checklist.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"
#include "report/section.h"

namespace vitrine::report {

std::vector<Section> record_sections(const StudyResult& study);

// What the figures are worth, in plain sentences: how the epoch was chosen, how many subjects the test part has, how wide its interval is.
std::vector<std::string> worth(const StudyResult& study);

struct ChecklistItem {
  const char *topic, *item, *answer, *where;  // `where`: id of a section, empty for none; answer empty: the user has to give it
};
// After Mongan, Moy, Kahn 2020, "Checklist for Artificial Intelligence in Medical Imaging (CLAIM)", doi 10.1148/ryai.2020200029; 42 items, their
// titles in other words.
const std::vector<ChecklistItem>& checklist();

}  // namespace vitrine::report

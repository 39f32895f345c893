// The first part of the report: the paper's Tables 1 to 3 and Figures 1 to 3, with its own figures beside ours.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"
#include "report/section.h"

namespace vitrine::report {

std::vector<Section> paper_sections(const StudyResult& study);

}  // namespace vitrine::report

// The second part of the report: what the paper does not show.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"
#include "report/section.h"

namespace vitrine::report {

std::vector<Section> evaluation_sections(
    const StudyResult& study);  // figures by level, differences, confusion, calibration, curves
std::vector<Section> run_sections(
    const StudyResult& study);  // controls, choices, learning curves, costliest predictions, saliency

}  // namespace vitrine::report

// The report: one HTML file with inline SVG and PNG, no script, nothing fetched; the same bytes for the same results.
#pragma once

#include <string>

#include "report/results.h"

namespace vitrine::report {

std::string html_report(const StudyResult& study);

}  // namespace vitrine::report

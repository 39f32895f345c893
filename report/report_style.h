// How the report looks: on a wide screen, a phone, paper, light and dark.
#pragma once

namespace vitrine::report {

extern const char* const kReportStyle;  // CSS

}  // namespace vitrine::report

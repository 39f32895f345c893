// What the pages of an audit add to the look of the report (report/report_style.h).
#pragma once

namespace vitrine::audit {

extern const char* const kAuditStyle;        // CSS
extern const char* const kCertificateStyle;  // CSS; one A4 page

}  // namespace vitrine::audit

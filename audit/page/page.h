// The pages of an audit: one self-contained HTML file each, inline SVG, no script, nothing fetched; the same bytes for the same folders.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "audit/report_data.h"

namespace vitrine::audit {

struct AuditPage {
  std::string run;  // its folder's name
  std::vector<FoldReport> folds;

  bool holds() const;
  bool within() const;  // no record above its bound
  bool remade() const;  // every step that was made again matched
};

std::string audit_html(const AuditPage& page);
std::string certificate_html(const AuditPage& page);  // one page of A4 for up to six folds

// The numbers behind every figure: name of the file, CSV.
std::vector<std::pair<std::string, std::string>> audit_tables(const AuditPage& page);
std::vector<std::string> audit_table_names();

}  // namespace vitrine::audit

// The parts of the page of an audit, each as HTML; empty where there is nothing to show.
#pragma once

#include <string>

#include "audit/page/page.h"

namespace vitrine::audit {

// "fold_0-op-17": where a link to an op or to a step of a fold leads.
std::string op_anchor(const FoldReport& fold, std::size_t row);
std::string step_anchor(const FoldReport& fold, std::uint64_t step);
// " --fold 2" where the run has several.
std::string fold_option(const AuditPage& page, const FoldReport& fold);
std::string steps_to_check(const AuditPage& page);  // "0..9", or fewer where the first fold has fewer
std::string section(const FoldReport& fold, const char* id, const char* heading, const std::string& content);

std::string page_verdict(const AuditPage& page);   // a box
std::string fold_verdict(const FoldReport& fold);  // one sentence, as text
std::string identity_part(const AuditPage& page, const FoldReport& fold);
std::string files_part(const FoldReport& fold);
std::string rho_part(const AuditPage& page, const FoldReport& fold);  // map, kinds of ops, the worst records
std::string steps_part(const FoldReport& fold);                       // loss and rate
std::string values_part(const FoldReport& fold);                      // ranges, zeros
std::string gradients_part(const FoldReport& fold);
std::string lineage_part(const FoldReport& fold);
std::string remade_part(const AuditPage& page, const FoldReport& fold);
std::string promises_part(const AuditPage& page);  // what is promised of repeating a run, and what shows it
std::string limits_part();
std::string head_of_page(const std::string& title, const std::string& style);  // to the opening body tag

}  // namespace vitrine::audit

#include "audit/page/page.h"

#include "audit/page/parts.h"
#include "audit/page/style.h"
#include "base/error.h"
#include "report/markup.h"
#include "report/report_style.h"

namespace vitrine::audit {
namespace {

using report::escaped;

std::string fold_html(const AuditPage& page, const FoldReport& fold) {
  std::string out = text("<section class=\"fold\" aria-labelledby=\"", fold.name, "\">\n<h2 id=\"", fold.name, "\">",
                         escaped(fold.name), "</h2>\n<p>", escaped(fold_verdict(fold)), ".</p>\n");
  out += identity_part(page, fold) + files_part(fold) + rho_part(page, fold) + steps_part(fold) + values_part(fold) +
         gradients_part(fold) + lineage_part(fold) + remade_part(page, fold);
  return out + "</section>\n";
}

std::string contents(const AuditPage& page) {
  std::string out = "<nav aria-label=\"Contents\">\n<ol>\n";
  for (const FoldReport& fold : page.folds) {
    const auto link = [&](const char* id, const char* what, bool is_there) {
      if (is_there) out += text("<li><a href=\"#", fold.name, id, "\">", escaped(fold.name), what, "</a></li>\n");
    };
    link("", "", true);
    link("-rho", ": map of rho", !fold.ops.empty());
    link("-worst", ": the worst records", !fold.ops.empty());
    link("-steps", ": loss and steps", fold.verified.steps > 0);
    link("-gradients", ": gradient flow", !fold.gradients.empty());
    link("-lineage", ": samples", fold.lineage.lines > 0);
  }
  return out +
         "<li><a href=\"#promises\">Evidence that the run can be repeated</a></li>\n<li><a href=\"#limits\">What this does not "
         "show</a></li>\n</ol>\n</nav>\n";
}

}  // namespace

std::string head_of_page(const std::string& title, const std::string& style) {
  return text(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>",
      escaped(title), "</title>\n<style>", report::kReportStyle, kAuditStyle, style, "</style>\n</head>\n<body>\n");
}

std::string audit_html(const AuditPage& page) {
  const std::string title = text("Audit of ", page.run);
  std::string out = head_of_page(title, "") +
                    text("<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1>", escaped(title), "</h1>\n");
  out += page_verdict(page) +
         "<p class=\"small\">Made by <code>vitrine audit report</code> from the files of the audit alone; their format is "
         "docs/audit-format.md. rho is the largest "
         "difference from float64 as a share of the op’s own bound: its median over an op is usually at most 0.05, its worst "
         "anywhere up to 1; above 1 is "
         "an error.</p>\n</header>\n";
  out += contents(page) + "<main id=\"main\">\n";
  for (const FoldReport& fold : page.folds) out += fold_html(page, fold);
  return out + promises_part(page) + limits_part() + "</main>\n</body>\n</html>\n";
}

}  // namespace vitrine::audit

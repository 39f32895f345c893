#include <array>
#include <cmath>

#include "audit/page/chart.h"
#include "audit/page/parts.h"
#include "base/error.h"
#include "report/markup.h"
#include "report/section.h"
#include "report/table.h"

namespace vitrine::audit {
namespace {

using report::escaped;

std::string cell_of(const FoldReport& fold, const OpRow& row, std::size_t phase) {
  const RhoFigures& f = row.of[phase];
  if (f.records == 0) return "<td role=\"cell\">-</td>";
  const char* name = phase == 0 ? "forward" : "backward";
  const std::string step = text("<a href=\"#", step_anchor(fold, f.worst_step), "\">");
  const std::string worst = f.compared == 0 ? std::string("<span class=\"worst\">-</span>")
                            : f.above > 0   ? text("<span class=\"worst bad\">▲ ", step, rho_text(f.worst), "</a></span>")
                                            : text("<span class=\"worst\">", step, rho_text(f.worst), "</a></span>");
  const std::string about = f.compared == 0 ? text(name, ": ", f.records, " records, none compared")
                                            : text(name, ": worst rho ", rho_text(f.worst), " at step ", f.worst_step, ", ",
                                                   f.above, " records above 1");
  return text("<td role=\"cell\" class=\"text\"><div class=\"cell\">", rho_strip(row.cells[phase], about), worst,
              "</div></td>");
}

std::string legend() {
  std::string out = "<ul class=\"scale\" aria-label=\"Shades of the map\">\n";
  for (int level = 0; level < kRhoLevels; ++level) {
    RhoCell cell;
    constexpr std::array<double, kRhoLevels> kRho{0, 0.005, 0.03, 0.1, 0.3, 0.8, 2};
    cell.records = 1;
    cell.compared = level > 0 ? 1 : 0;
    cell.above = level == kRhoLevels - 1 ? 1 : 0;
    cell.worst = kRho[static_cast<std::size_t>(level)];
    out += text("<li>", rho_strip({cell}, rho_level_name(level)), escaped(rho_level_name(level)),
                level == kRhoLevels - 1 ? " (taller, crossed, ▲)" : "", "</li>\n");
  }
  return out + "</ul>\n";
}

std::string map_of(const FoldReport& fold) {
  const StepColumns& c = fold.columns;
  std::string out = text("<p>One row for each op in the network’s order, the steps from left to right, ",
                         c.width == 1 ? std::string("a cell a step") : text("a cell for ", c.width, " steps"),
                         "; the shade is the worst rho of all tensors of the op, and the number its worst over all steps, with "
                         "a link to that step. A cell without a shade has no record.</p>\n");
  out += legend();
  out += text("<div class=\"map\"><table role=\"table\">\n<caption>Worst rho by op and step, ",
              c.steps == 0 ? std::string("no steps") : text("steps 0 to ", c.steps - 1),
              "</caption>\n<thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">op</th><th "
              "role=\"columnheader\" scope=\"col\">forward</th>"
              "<th role=\"columnheader\" scope=\"col\">backward</th></tr></thead>\n<tbody role=\"rowgroup\">\n");
  for (std::size_t i = 0; i < fold.ops.size(); ++i) {
    const OpRow& row = fold.ops[i];
    out += text("<tr role=\"row\" id=\"", op_anchor(fold, i), "\"><th role=\"rowheader\" scope=\"row\">", escaped(row.node),
                "</th>", cell_of(fold, row, 0), cell_of(fold, row, 1), "</tr>\n");
  }
  return out + "</tbody>\n</table></div>\n" + report::source_line("trace.vtr", "rho_map.csv");
}

std::string kinds_of(const FoldReport& fold) {
  report::Table table("By kind of op", {{"op", true},
                                        {"phase", true},
                                        {"tensors"},
                                        {"records"},
                                        {"elements compared"},
                                        {"median rho"},
                                        {"worst rho"},
                                        {"records above 1"}});
  for (const KindRow& k : fold.kinds) {
    const RhoFigures& f = k.figures;
    const bool none = f.compared == 0;
    table.row({escaped(k.kind), std::string(phase_name(k.phase)), text(f.tensors), text(f.records), text(f.elements),
               none ? "-" : rho_text(f.medians.median()), none ? "-" : rho_text(f.worst),
               f.above > 0 ? text("<b>▲ ", f.above, "</b>") : text(f.above)});
  }
  return table.html() +
         "<p class=\"small\">Median: over the records, of each record’s median over its elements; to within 1 %. Rows of a "
         "checksum count as elements.</p>\n" +
         report::source_line("trace.vtr", "op_kinds.csv");
}

std::string anchor_of(const FoldReport& fold, const std::string& node) {
  for (std::size_t i = 0; i < fold.ops.size(); ++i) {
    if (fold.ops[i].node == node) return op_anchor(fold, i);
  }
  return fold.name + "-rho";
}

std::string worst_of(const AuditPage& page, const FoldReport& fold) {
  if (fold.worst.empty()) return {};
  report::Table table(
      "The worst records",
      {{"rho"}, {"step"}, {"op", true}, {"phase", true}, {"tensor", true}, {"element"}, {"command that makes it again", true}});
  for (const WorstRecord& w : fold.worst) {
    const OpRecord& r = w.record;
    const char* inner = r.has(kInner) ? " <small>inner value</small>" : "";
    table.row({text(r.above > 0 ? "▲ " : "", rho_text(r.worst_rho)),
               text("<a href=\"#", step_anchor(fold, r.step), "\">", r.step, "</a>"),
               text("<a href=\"#", anchor_of(fold, w.node), "\">", escaped(w.node), "</a>"), std::string(phase_name(r.phase)),
               escaped(w.tensor) + inner, text(r.worst_element),
               text("<code>vitrine audit replay ", escaped(fold.run), fold_option(page, fold), " --step ", r.step, " --op ",
                    escaped(w.node), "</code>")});
  }
  return "<div class=\"dense\">" + table.html() + "</div>\n" + report::source_line("trace.vtr", "worst.csv");
}

}  // namespace

std::string op_anchor(const FoldReport& fold, std::size_t row) { return text(fold.name, "-op-", row); }
std::string step_anchor(const FoldReport& fold, std::uint64_t step) { return text(fold.name, "-step-", fold.columns.of(step)); }

std::string rho_part(const AuditPage& page, const FoldReport& fold) {
  if (fold.ops.empty()) return {};
  return section(fold, "rho", "How far from float64: the map of rho", map_of(fold)) +
         section(fold, "kinds", "By kind of op", kinds_of(fold)) +
         section(fold, "worst", text("The worst ", fold.worst.size(), " records").c_str(), worst_of(page, fold));
}

}  // namespace vitrine::audit

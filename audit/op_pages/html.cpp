// A page as HTML, in the look of the reports.
#include <algorithm>

#include "audit/op_pages/page.h"
#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/report_style.h"
#include "report/table.h"

namespace vitrine::op_pages {
namespace {

using report::escaped;

constexpr const char* kStyle = R"(
pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--box); border-left: 3px solid var(--line); padding: .5em .8em;
  margin: .4em 0; white-space: pre-wrap; overflow-wrap: anywhere; }
main svg { max-width: 460px; margin: .5em 0; } svg .edge { fill: none; stroke: var(--rule); stroke-width: 1.3; } svg .leaf { fill: var(--box); stroke: var(--line); }
svg .term { font-size: 10.5px; } svg .join { font-size: 9.5px; } svg .node { fill: var(--paper); stroke: var(--blue); }
main .wide { display: inline-block; vertical-align: top; max-width: 100%; margin-right: 2.2em; } main caption { white-space: normal; }
figure { margin: .6em 0; } @media (max-width: 700px) { main .wide { display: block; margin-right: 0; } .narrow { font-size: .82em; } .narrow.tight { font-size: .7em; } .narrow th, .narrow td { padding-right: .5em; } }
 .sources dt { overflow-wrap: anywhere; color: var(--ink); }
)";

std::string shown(const Paragraph& p) {
  return p.warning ? text("<p class=\"note\">", escaped(p.text), "</p>\n") : text("<p>", escaped(p.text), "</p>\n");
}

std::string shown(const Formula& formula) {
  std::string lines;
  for (const std::string& line : formula.lines) lines += (lines.empty() ? "" : "\n") + escaped(line);
  return text("<pre>", lines, "</pre>\n");
}

constexpr std::size_t kNarrow = 46, kSmall = 54;  // characters of a row that a phone can show, and that it can in small print

std::size_t characters_of(const NumberTable& table) {
  std::size_t sum = 0;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = table.columns[c].size();
    for (const auto& row : table.rows) width = std::max(width, row[c].size());
    sum += width + 1;
  }
  return sum;
}

// A table that stays one on a phone.
std::string narrow(const NumberTable& table) {
  std::string out = text("<div class=\"wide\">\n<table class=\"narrow", characters_of(table) > kNarrow ? " tight" : "",
                         "\">\n<caption>", escaped(table.caption), "</caption>\n<thead><tr>");
  for (const std::string& name : table.columns) out += text("<th scope=\"col\">", escaped(name), "</th>");
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += text("<tr><th scope=\"row\">", escaped(row.front()), "</th>");
    for (std::size_t c = 1; c < row.size(); ++c) out += text("<td>", escaped(row[c]), "</td>");
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

std::string shown(const NumberTable& table) {
  if (characters_of(table) <= kSmall) return narrow(table);
  std::vector<report::Column> columns;
  for (const std::string& name : table.columns) columns.push_back({name, table.text, false});
  report::Table html(table.caption, std::move(columns));
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (const std::string& cell : row) cells.push_back(escaped(cell));
    html.row(cells);
  }
  return html.html();
}

constexpr double kWide = 340, kRow = 24, kStep = 27, kLeaf = 196, kDot = 8;

struct Joined {
  double x = 0, y = 0;
};

int depth_of(const SumTree& tree) {
  int depth = 0;
  for (const SumTree& term : tree.terms) depth = std::max(depth, 1 + depth_of(term));
  return depth;
}

std::string n(double v) { return fixed(v, 1); }

// Leaves one below the other on the left; each join to the right of what it adds. `step`: between joins.
Joined draw(const SumTree& tree, double& next_row, double leaf, double step, std::string& edges, std::string& shapes) {
  if (tree.terms.empty()) {
    const double y = next_row;
    next_row += kRow;
    shapes += text("<rect class=\"leaf\" x=\"1\" y=\"", n(y), "\" width=\"", n(leaf),
                   "\" height=\"18\" rx=\"2\"/>\n<text class=\"term\" x=\"6\" y=\"", n(y + 13), "\">", escaped(tree.label),
                   "</text>\n");
    return {leaf + 1, y + 9};
  }
  std::vector<Joined> terms;
  double right = 0, y = 0;
  for (const SumTree& term : tree.terms) {
    terms.push_back(draw(term, next_row, leaf, step, edges, shapes));
    right = std::max(right, terms.back().x), y += terms.back().y / static_cast<double>(tree.terms.size());
  }
  const double x = right + step;
  for (const Joined& term : terms)
    edges += text("<path class=\"edge\" d=\"M", n(term.x), " ", n(term.y), "H", n(x), "V", n(y), "\"/>\n");
  shapes += text("<circle class=\"node\" cx=\"", n(x), "\" cy=\"", n(y), "\" r=\"", n(std::min(kDot, step / 2.4)),
                 "\"/>\n<text class=\"join\" text-anchor=\"middle\" x=\"", n(x), "\" y=\"", n(y + 3.3), "\">+</text>\n");
  return {x + std::min(kDot, step / 2.4), y};
}

std::string shown(const OrderOfSum& order) {
  const int depth = depth_of(order.tree);
  const double leaf = depth > 8 ? 120 : kLeaf;
  const double step =
      depth == 0 ? kStep : std::min(kStep, (kWide - leaf - 12) / depth - std::min(kDot, 4.0) * (depth > 8 ? 1 : 2));
  double height = 2;
  std::string edges, shapes;
  draw(order.tree, height, leaf, std::max(step, 6.0), edges, shapes);
  const std::string join = depth == 0 ? std::string() : text("; each circle is one addition (", order.tree.label, ")");
  return text("<figure>\n<svg viewBox=\"0 0 ", n(kWide), " ", n(height), "\" role=\"img\" aria-label=\"",
              escaped(order.caption), "\">\n", edges, shapes, "</svg>\n<figcaption>", escaped(order.caption + join),
              ".</figcaption>\n</figure>\n");
}

std::string shown(const Sources& sources) {
  std::string out = "<dl class=\"sources\">\n";
  for (const SourceLink& link : sources.links)
    out += text("<dt><code>", escaped(link.file), ":", link.line, "</code></dt><dd>", escaped(link.role), "</dd>\n");
  return out + "</dl>\n";
}

}  // namespace

std::string html_text(const Page& page) {
  std::string out =
      text("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", escaped(page.title),
           "</title>\n<style>", report::kReportStyle, kStyle,
           "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1>",
           escaped(page.title), "</h1>\n<p>", escaped(page.purpose), "</p>\n</header>\n<nav aria-label=\"Contents\">\n<ol>\n");
  for (const PageSection& s : page.sections) out += text("<li><a href=\"#", s.id, "\">", escaped(s.heading), "</a></li>\n");
  out += "</ol>\n</nav>\n<main id=\"main\">\n";
  for (const PageSection& s : page.sections) {
    out += text("<section aria-labelledby=\"", s.id, "\">\n<h2 id=\"", s.id, "\">", escaped(s.heading), "</h2>\n");
    for (const Block& block : s.blocks) out += std::visit([](const auto& b) { return shown(b); }, block);
    out += "</section>\n";
  }
  return out + "</main>\n</body>\n</html>\n";
}

}  // namespace vitrine::op_pages

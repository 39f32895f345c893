// A page as text: headings, paragraphs, tables, trees. The terminal and HTML show the same page.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace vitrine::op_pages {

struct Paragraph {
  std::string text;
  bool warning = false;
};

// Lines that stay lines: formulas.
struct Formula {
  std::vector<std::string> lines;
};

struct NumberTable {
  std::string caption;
  std::vector<std::string> columns;            // the first names the rows
  std::vector<std::vector<std::string>> rows;  // cells, one for each column
  bool text = false;                           // cells are words: aligned to the left
};

// A sum and what it adds, the first term first.
struct SumTree {
  std::string label;
  std::vector<SumTree> terms;
};
struct OrderOfSum {
  std::string caption;
  SumTree tree;
};

// A file and its line.
struct SourceLink {
  std::string role, file;
  int line = 0;
};
struct Sources {
  std::vector<SourceLink> links;
};

using Block = std::variant<Paragraph, Formula, NumberTable, OrderOfSum, Sources>;

struct PageSection {
  std::string id, heading;
  std::vector<Block> blocks;
};

struct Page {
  std::string title, purpose;
  std::vector<PageSection> sections;
};

// At most 80 columns wherever no single word is longer; `colour`: headings in bold.
std::string terminal_text(const Page& page, bool colour = false);

// One self-contained page, inline SVG, no script; the same bytes for the same page.
std::string html_text(const Page& page);

}  // namespace vitrine::op_pages

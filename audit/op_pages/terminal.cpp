// A page for the terminal: 80 columns.
#include <algorithm>

#include "audit/op_pages/page.h"
#include "base/error.h"
#include "base/terminal.h"

namespace vitrine::op_pages {
namespace {

constexpr std::size_t kColumns = 80;

// Words wrapped; `first` and `rest` stand before the lines.
std::string wrapped(const std::string& words, const std::string& first, const std::string& rest) {
  std::string out, line = first;
  bool empty = true;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string word = words.substr(at, end - at);
    at = end + 1;
    if (!empty && columns_of(line) + 1 + columns_of(word) > kColumns) {
      out += line + "\n";
      line = rest, empty = true;
    }
    line += (empty ? "" : " ") + word;
    empty = false;
  }
  return out + line + "\n";
}

std::string shown(const Paragraph& p) { return wrapped(p.text, p.warning ? "!! " : "", p.warning ? "   " : ""); }

std::string shown(const Formula& formula) {
  std::string out;
  for (const std::string& line : formula.lines) {
    const std::string indent(std::min(line.find_first_not_of(' '), line.size()), ' ');
    if (columns_of(line) + 2 <= kColumns) {
      out += "  " + line + "\n";
    } else {
      out += wrapped(line.substr(indent.size()), "  " + indent, "      " + indent);
    }
  }
  return out;
}

std::string padded(const std::string& cell, std::size_t width, bool left) {
  const std::string space(width - std::min(width, columns_of(cell)), ' ');
  return left ? cell + space : space + cell;
}

std::string shown(const NumberTable& table) {
  std::vector<std::size_t> widths;
  for (const std::string& column : table.columns) widths.push_back(columns_of(column));
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  }
  const auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line = " ";
    for (std::size_t c = 0; c < cells.size(); ++c)
      line += (c > 0 ? "  " : " ") + padded(cells[c], widths[c], c == 0 || table.text);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
  };
  std::size_t width = 0;
  for (const std::size_t w : widths) width += w + 2;
  std::string out = wrapped(table.caption, "", "");
  out += line_of(table.columns) + "  " + std::string(width - 2, '-') + "\n";
  for (const auto& row : table.rows) out += line_of(row);
  return out;
}

void draw(const SumTree& tree, const std::string& margin, const std::string& branch, const std::string& below,
          std::string& out) {
  out += margin + branch + tree.label + "\n";
  for (std::size_t i = 0; i < tree.terms.size(); ++i) {
    const bool last = i + 1 == tree.terms.size();
    draw(tree.terms[i], margin + below, last ? "`-- " : "|-- ", last ? "    " : "|   ", out);
  }
}

// Sums in index order would grow to the right with each chunk: their terms are drawn one below the other, first the first.
const SumTree* first_of_chain(const SumTree& tree, std::vector<const SumTree*>& later) {
  const SumTree* at = &tree;
  while (at->terms.size() == 2 && at->terms[1].terms.empty()) {
    later.push_back(&at->terms[1]);
    at = &at->terms[0];
  }
  return at;
}

std::string shown(const OrderOfSum& order) {
  std::string out = wrapped(order.caption, "", "");
  std::vector<const SumTree*> later;
  const SumTree* first = first_of_chain(order.tree, later);
  if (!first->terms.empty() || later.empty()) {
    draw(order.tree, "  ", "", "", out);
    return out;
  }
  out += "  " + first->label + "\n";
  for (auto next = later.rbegin(); next != later.rend(); ++next)
    out += "  " + order.tree.label + "  (" + (*next)->label + ")\n";
  return out;
}

std::string shown(const Sources& sources) {
  std::string out;
  for (const SourceLink& link : sources.links) out += text("  ", link.file, ":", link.line, "\n      ", link.role, "\n");
  return out;
}

}  // namespace

std::string terminal_text(const Page& page, bool colour) {
  const char *bold = colour ? "\x1b[1m" : "", *plain = colour ? "\x1b[0m" : "";
  std::string out = text(bold, page.title, plain, "\n") + wrapped(page.purpose, "", "");
  for (const PageSection& section : page.sections) {
    out += text("\n", bold, section.heading, plain, "\n", std::string(columns_of(section.heading), '='), "\n");
    for (std::size_t i = 0; i < section.blocks.size(); ++i) {
      if (i > 0) out += "\n";
      out += std::visit([](const auto& block) { return shown(block); }, section.blocks[i]);
    }
  }
  return out;
}

}  // namespace vitrine::op_pages

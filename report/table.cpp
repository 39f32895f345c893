#include "report/table.h"

#include <utility>

#include "base/error.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

std::string class_of(const Column& column) {
  const char* name = column.is_paper ? "paper" : column.is_text ? "text" : "";
  return *name ? text(" class=\"", name, "\"") : std::string();
}

}  // namespace

Table::Table(std::string caption, std::vector<Column> columns) : caption_(std::move(caption)), columns_(std::move(columns)) {}

void Table::row(const std::vector<std::string>& cells, const char* kind) {
  if (cells.size() != columns_.size())
    throw InternalError(text("report: a row of ", cells.size(), " cells in a table of ", columns_.size(), " columns"));
  rows_ += *kind ? text("<tr role=\"row\" class=\"", kind, "\">") : std::string("<tr role=\"row\">");
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const char* tag = c == 0 ? "th" : "td";
    rows_ += text("<", tag, c == 0 ? " scope=\"row\" role=\"rowheader\"" : " role=\"cell\"", class_of(columns_[c]),
                  " data-name=\"", escaped(columns_[c].name), "\">");
    if (!cells[c].empty()) rows_ += text("<span>", cells[c], "</span>");
    rows_ += text("</", tag, ">");
  }
  rows_ += "</tr>\n";
}

std::string Table::html() const {
  std::string out = text("<div class=\"wide\" role=\"region\" aria-label=\"", escaped(caption_),
                         "\" tabindex=\"0\">\n<table class=\"cards\" role=\"table\">\n<caption>", escaped(caption_),
                         "</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">");
  for (const Column& c : columns_)
    out += text("<th scope=\"col\" role=\"columnheader\"", class_of(c), ">", escaped(c.name), "</th>");
  return out + "</tr></thead>\n<tbody role=\"rowgroup\">\n" + rows_ + "</tbody>\n</table>\n</div>\n";
}

}  // namespace vitrine::report

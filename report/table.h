// A table of the report. On a phone it becomes a card for each row; the roles keep it a table for those who hear it.
#pragma once

#include <string>
#include <vector>

namespace vitrine::report {

struct Column {
  std::string name;
  bool is_text = false;   // left-aligned and wrapped
  bool is_paper = false;  // the paper's own figure
};

class Table {
 public:
  // `caption` is shown above the table and named for screen readers.
  Table(std::string caption, std::vector<Column> columns);

  // Cells are HTML, one for each column; the first is the row's header. `kind`: "", "group" (a line above), "total".
  void row(const std::vector<std::string>& cells, const char* kind = "");
  std::string html() const;

 private:
  std::string caption_;
  std::vector<Column> columns_;
  std::string rows_;
};

}  // namespace vitrine::report

#include "base/csv.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/nearest.h"
#include "base/number.h"

namespace vitrine {

namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMaxRows = 1'000'000, kMaxCells = 4'000'000;

// A spreadsheet runs a cell that begins with one of these.
bool runs_as_formula(std::string_view cell) {
  const std::size_t first = cell.find_first_not_of('\'');
  double number = 0;
  return first != cell.npos && std::string_view("=+-@\t\r").find(cell[first]) != std::string_view::npos &&
         !(first == 0 && parse_number(cell, number));
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return printable(out, 120);
}

}  // namespace

// Reads one record at a time; a record may span lines inside quotes.
class CsvReader {
 public:
  CsvReader(std::string_view bytes, const std::filesystem::path& path) : bytes_(bytes) {
    table_.path = path;
    table_.text_.reserve(bytes.size());
    if (bytes_.starts_with("\xFF\xFE") || bytes_.starts_with("\xFE\xFF")) refuse("is UTF-16; save it as UTF-8");
    if (bytes_.find('\0') != std::string_view::npos)
      refuse("holds a NUL byte; it is not a text file, or it is UTF-16; save it as UTF-8");
    if (const std::size_t at = utf8_flaw(bytes_); at != std::string_view::npos) {
      line_ += static_cast<int>(std::count(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
      refuse(text("byte ", at, " (", printable(bytes_.substr(at, 1)),
                  ") is not UTF-8; the file is probably in Windows-1252 or Latin-1: save it as UTF-8"));
    }
    if (bytes_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  CsvTable read() {
    skip_idle_lines(true);
    if (done()) refuse("is empty; a header row with column names was expected");
    read_header();
    for (std::size_t count = 0; skip_idle_lines(false), !done(); ++count) {
      if (count % 4096 == 0) check_interrupt("reading a table");
      read_row();
    }
    return std::move(table_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw DataError(text(table_.path, ":", line_, ": ", what)); }

  bool done() const { return at_ >= bytes_.size(); }
  bool at_line_end() const { return bytes_[at_] == '\n' || bytes_[at_] == '\r'; }

  void skip_line_end() {
    if (done()) return;
    if (bytes_[at_] == '\r' && at_ + 1 < bytes_.size() && bytes_[at_ + 1] == '\n') ++at_;
    ++at_;
    ++line_;
  }

  // Skips blank lines and, before the header, lines that start with '#'.
  void skip_idle_lines(bool comments) {
    while (!done() && (at_line_end() || (comments && bytes_[at_] == '#'))) {
      while (!done() && !at_line_end()) ++at_;
      skip_line_end();
    }
  }

  void read_header() {
    const std::size_t count = record();
    std::set<std::string> seen;
    for (std::size_t c = 0; c < count; ++c) {
      const std::string name(trimmed(cell(c)));
      if (name.empty()) refuse("has a column without a name in its header");
      if (!seen.insert(name).second) refuse(text("has the column '", printable(name), "' twice in its header"));
      table_.header.push_back(name);
    }
    table_.cells_.clear();
    skip_line_end();
  }

  void read_row() {
    const int first_line = line_;
    const std::size_t before = table_.cells_.size(), count = record();
    const auto row = table_.cells_.begin() + static_cast<std::ptrdiff_t>(before);
    const bool blank = std::all_of(row, table_.cells_.end(), [](const CsvTable::Cell& c) { return c.bytes == 0; });
    if (blank) {
      table_.cells_.resize(before);
    } else if (count != table_.header.size()) {
      line_ = first_line;
      refuse(text("the row has ", count, " cells, the header has ", table_.header.size()));
    } else {
      if (table_.lines_.size() == kMaxRows) refuse(text("has more than ", kMaxRows, " rows"));
      table_.lines_.push_back(first_line);
    }
    skip_line_end();
  }

  std::string_view cell(std::size_t index) const {
    const CsvTable::Cell& c = table_.cells_[index];
    return std::string_view(table_.text_).substr(c.begin, c.bytes);
  }

  // Appends the cells up to the line's end; how many there are.
  std::size_t record() {
    std::size_t count = 1;
    for (read_cell(); !done() && bytes_[at_] == ','; ++count) {
      ++at_;
      read_cell();
    }
    return count;
  }

  void read_cell() {
    if (table_.cells_.size() == kMaxCells) refuse(text("has more than ", kMaxCells, " cells"));
    const std::size_t begin = table_.text_.size(), start = at_;
    while (!done() && (bytes_[at_] == ' ' || bytes_[at_] == '\t')) ++at_;
    if (!done() && bytes_[at_] == '"') {
      read_quoted();
    } else {
      at_ = start;
      while (!done() && bytes_[at_] != ',' && !at_line_end()) ++at_;
      table_.text_ += trimmed(bytes_.substr(start, at_ - start));
    }
    std::size_t bytes = table_.text_.size() - begin;
    const bool escaped =
        bytes > 0 && table_.text_[begin] == '\'' && runs_as_formula(std::string_view(table_.text_).substr(begin));
    table_.cells_.push_back(
        {static_cast<std::uint32_t>(begin + (escaped ? 1 : 0)), static_cast<std::uint32_t>(bytes - (escaped ? 1 : 0))});
  }

  void read_quoted() {
    const int first_line = line_;
    ++at_;
    while (!done()) {
      const char c = bytes_[at_++];
      if (c == '\n' || (c == '\r' && (done() || bytes_[at_] != '\n'))) ++line_;
      if (c != '"') {
        table_.text_ += c;
      } else if (!done() && bytes_[at_] == '"') {
        table_.text_ += '"';
        ++at_;
      } else {
        while (!done() && (bytes_[at_] == ' ' || bytes_[at_] == '\t')) ++at_;
        if (!done() && bytes_[at_] != ',' && !at_line_end())
          refuse("has text after a closing quote; double the quotes inside a quoted cell");
        return;
      }
    }
    line_ = first_line;
    refuse("opens a quote that never closes");
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int line_ = 1;
  CsvTable table_;
};

int CsvRow::line() const { return table_->lines_[index_]; }

std::string_view CsvRow::operator[](std::size_t column) const {
  const CsvTable::Cell& c = table_->cells_[index_ * table_->header.size() + column];
  return std::string_view(table_->text_).substr(c.begin, c.bytes);
}

std::string CsvRow::where() const { return text(table_->path, ":", line(), ": "); }

void CsvRow::refuse(const std::string& what) const { throw DataError(where() + what); }

std::string CsvRow::name(std::size_t column, std::string (*flaw_of)(std::string_view)) const {
  const std::string name(trimmed((*this)[column]));
  const std::string title = printable(table_->header[column]);
  if (name.empty()) refuse(text("the column '", title, "' is empty"));
  if (const std::string flaw = flaw_of(name); !flaw.empty()) refuse(text("the ", title, " '", printable(name), "' ", flaw));
  return name;
}

void CsvRow::check_case(CaseClashes& clashes, const std::string& name) const {
  const std::string other = clashes.see(name);
  if (other.empty()) return;
  refuse(
      text("'", printable(name), "' and '", printable(other), "' differ by capitals alone; write them alike if they are one"));
}

std::optional<std::size_t> CsvTable::find_column(std::string_view name) const {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) return i;
  }
  return std::nullopt;
}

std::vector<std::string> CsvTable::misspelt_columns(const std::vector<std::string>& known) const {
  std::vector<std::string> notes;
  const auto plain = [](std::string name) {  // as it reads: brain_mask, Brain-Mask and "brain mask" are one
    std::erase_if(name, [](char c) { return c == '_' || c == '-' || c == ' '; });
    return case_folded(name);
  };
  for (const std::string& name : header) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string meant = nearest_name(name, known);
    for (const std::string& other : known) meant = plain(name) == plain(other) ? other : meant;
    if (!meant.empty() && !find_column(meant))
      notes.push_back(text(path, ":1: the column '", printable(name), "' is not read; is it '", meant, "'?"));
  }
  return notes;
}

std::size_t CsvTable::column(std::string_view name) const {
  if (const auto found = find_column(name)) return *found;
  std::string hint;
  if (header.size() == 1 && header[0].find_first_of(";\t") != std::string::npos) {
    hint = "; its cells are separated by semicolons or tabs, save it with commas";
  } else {
    for (const std::string& other : header) {
      if (case_folded(other) == name) hint = text("; '", printable(other), "' has other capitals");
    }
    if (const std::string near = nearest_name(name, header); hint.empty() && !near.empty())
      hint = text("; is it '", printable(near), "'?");
  }
  throw DataError(text(path, ":1: the column '", name, "' is missing", hint, "; the file has ", list(header)));
}

CsvTable parse_csv(std::string_view bytes, const std::filesystem::path& path) { return CsvReader(bytes, path).read(); }

CsvTable read_csv(const std::filesystem::path& path) {
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxBytes); });
  return parse_csv(bytes, path);
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    const std::string& cell = cells[i];
    const bool formula = runs_as_formula(cell);
    const bool spaced = !cell.empty() && trimmed(cell).size() != cell.size();
    if (!formula && !spaced && cell.find_first_of(",\"\r\n") == std::string::npos && !cell.starts_with('#')) {
      out += cell;
      continue;
    }
    out += formula ? "\"'" : "\"";
    for (const char c : cell) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  return out + '\n';
}

}  // namespace vitrine

#include "base/csv.h"

#include <set>

#include "base/error.h"
#include "base/file.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;

// Reads one record at a time; a record may span lines inside quotes.
class Reader {
 public:
  Reader(std::string_view bytes, const std::filesystem::path& path) : bytes_(bytes), path_(path) {
    if (bytes_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    if (bytes_.starts_with("\xFF\xFE") || bytes_.starts_with("\xFE\xFF")) refuse("is UTF-16; save it as UTF-8");
    if (bytes_.find('\0') != std::string_view::npos) refuse("holds a NUL byte; it is not a text file");
  }

  bool done() const { return at_ >= bytes_.size(); }
  int line() const { return line_; }

  // Skips blank lines and, before the header, lines that start with '#'.
  void skip_idle_lines(bool comments) {
    while (!done()) {
      const char c = bytes_[at_];
      if (c == '\n' || c == '\r' || (comments && c == '#')) {
        skip_line();
      } else {
        return;
      }
    }
  }

  std::vector<std::string> record() {
    std::vector<std::string> cells(1);
    while (true) {
      if (done() || bytes_[at_] == '\n' || bytes_[at_] == '\r') break;
      if (bytes_[at_] == ',') {
        cells.emplace_back();
        ++at_;
      } else if (bytes_[at_] == '"' && cells.back().empty()) {
        quoted(cells.back());
      } else {
        cells.back() += bytes_[at_++];
      }
    }
    skip_line();
    return cells;
  }

  [[noreturn]] void refuse(std::string_view what) const { throw DataError(text(path_.string(), ":", line_, ": ", what)); }

 private:
  void quoted(std::string& cell) {
    ++at_;
    while (!done()) {
      const char c = bytes_[at_++];
      if (c == '\n') ++line_;
      if (c != '"') {
        cell += c;
      } else if (!done() && bytes_[at_] == '"') {
        cell += '"';
        ++at_;
      } else {
        if (!done() && bytes_[at_] != ',' && bytes_[at_] != '\n' && bytes_[at_] != '\r') {
          refuse("has text after a closing quote; double the quotes inside a quoted cell");
        }
        return;
      }
    }
    refuse("opens a quote that never closes");
  }

  void skip_line() {
    while (!done() && bytes_[at_] != '\n') ++at_;
    if (!done()) ++at_;
    ++line_;
  }

  std::string_view bytes_;
  const std::filesystem::path& path_;
  std::size_t at_ = 0;
  int line_ = 1;
};

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

std::optional<std::size_t> CsvTable::find_column(std::string_view name) const {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) return i;
  }
  return std::nullopt;
}

std::size_t CsvTable::column(std::string_view name) const {
  if (const auto found = find_column(name)) return *found;
  throw DataError(text(path.string(), ":1: the column '", name, "' is missing; the file has ", list(header)));
}

CsvTable parse_csv(std::string_view bytes, const std::filesystem::path& path) {
  CsvTable table;
  table.path = path;
  Reader reader(bytes, path);
  reader.skip_idle_lines(true);
  if (reader.done()) reader.refuse("is empty; a header row with column names was expected");
  table.header = reader.record();
  std::set<std::string> seen;
  for (const std::string& name : table.header) {
    if (name.empty()) reader.refuse("has a column without a name in its header");
    if (!seen.insert(name).second) reader.refuse(text("has the column '", name, "' twice in its header"));
  }
  while (true) {
    reader.skip_idle_lines(false);
    if (reader.done()) return table;
    CsvRow row;
    row.line = reader.line();
    row.cells = reader.record();
    if (row.cells.size() != table.header.size()) {
      throw DataError(text(path.string(), ":", row.line, ": the row has ", row.cells.size(), " cells, the header has ",
                           table.header.size()));
    }
    table.rows.push_back(std::move(row));
  }
}

CsvTable read_csv(const std::filesystem::path& path) {
  std::string bytes;
  try {
    bytes = read_file(path, kMaxBytes);
  } catch (const FileError& error) {
    throw DataError(error.what());
  }
  return parse_csv(bytes, path);
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    const bool quote = cells[i].find_first_of(",\"\r\n") != std::string::npos || cells[i].starts_with('#');
    if (!quote) {
      out += cells[i];
      continue;
    }
    out += '"';
    for (const char c : cells[i]) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  return out + '\n';
}

}  // namespace vitrine

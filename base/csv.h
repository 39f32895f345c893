// CSV by RFC 4180, the strict subset that every tool reads: UTF-8, comma, double quotes, a header row.
// A byte-order mark and CRLF line ends are accepted; `#` lines before the header are comments.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vitrine {

struct CsvRow {
  int line = 0;                    // line in the file where the row starts, from 1, for messages
  std::vector<std::string> cells;  // as many as the header has
};

struct CsvTable {
  std::filesystem::path path;  // for messages
  std::vector<std::string> header;
  std::vector<CsvRow> rows;

  std::optional<std::size_t> find_column(std::string_view name) const;
  // DataError naming the file, the missing column and the columns found.
  std::size_t column(std::string_view name) const;
};

// DataError (file, line, expected, found) for a missing file, ragged rows, unbalanced quotes, duplicate or empty header
// names, NUL bytes, UTF-16, and files over 64 MiB.
CsvTable read_csv(const std::filesystem::path& path);
CsvTable parse_csv(std::string_view bytes, const std::filesystem::path& path_for_messages);

// One line with its newline; cells are quoted only where they must be.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace vitrine

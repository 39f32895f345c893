// CSV by RFC 4180, the strict subset that every tool reads: UTF-8, comma, double quotes, a header row.
//
// Accepted   a byte-order mark; rows that end in LF, CRLF or CR; `#` lines before the header; rows of empty cells, which are skipped;
//            white space around cells without quotes, which is dropped
// Formulas   a text that a spreadsheet would run (it begins with =, +, -, @, a tab or CR and is no number) is written with an apostrophe
//            in front and read without it
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"

namespace vitrine {

class CsvTable;

// One row of a table, as long as the table lives.
class CsvRow {
 public:
  CsvRow(const CsvTable& table, std::size_t index) : table_(&table), index_(index) {}
  int line() const;                                         // in the file, where the row starts, from 1
  std::string_view operator[](std::size_t column) const;    // of as many cells as the header has
  std::string where() const;                                // "path:line: ", the beginning of a message
  [[noreturn]] void refuse(const std::string& what) const;  // DataError with where()

  // A name: filled, without the spaces around it, and `flaw_of` it empty (base/names.h). DataError.
  std::string name(std::size_t column, std::string (*flaw_of)(std::string_view)) const;
  // DataError when `clashes` has seen the name in other capitals.
  void check_case(CaseClashes& clashes, const std::string& name) const;

 private:
  const CsvTable* table_;
  std::size_t index_;
};

class CsvTable {
 public:
  std::filesystem::path path;  // for messages
  std::vector<std::string> header;

  std::size_t size() const { return lines_.size(); }
  CsvRow operator[](std::size_t row) const { return {*this, row}; }

  std::optional<std::size_t> find_column(std::string_view name) const;
  // Columns that are none of `known` and nearly one of them, one sentence each: they were probably meant, and are not read.
  std::vector<std::string> misspelt_columns(const std::vector<std::string>& known) const;
  // DataError naming the file, the missing column, the nearest one and the columns found.
  std::size_t column(std::string_view name) const;

 private:
  friend class CsvRow;
  friend class CsvReader;
  struct Cell {
    std::uint32_t begin = 0, bytes = 0;  // in text_
  };
  std::string text_;  // of all cells, without quotes
  std::vector<Cell> cells_;
  std::vector<int> lines_;
};

// DataError (file, line, expected, found) for a missing file, bytes that are not UTF-8, ragged rows, unbalanced quotes, duplicate or empty
// header names, NUL bytes, and beyond 64 MiB, a million rows or four million cells.
CsvTable read_csv(const std::filesystem::path& path);
CsvTable parse_csv(std::string_view bytes, const std::filesystem::path& path_for_messages);

// One line with its newline; cells are quoted only where they must be.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace vitrine

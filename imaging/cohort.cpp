#include "imaging/cohort.h"

#include <algorithm>
#include <map>

#include "base/csv.h"
#include "base/error.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

std::string where(const CsvTable& table, int line) { return text(table.path.string(), ":", line, ": "); }

// Letters to change, add or drop to make one word of the other (Levenshtein 1965).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

const std::string& filled_cell(const CsvTable& table, const CsvRow& row, std::size_t column) {
  const std::string& value = row.cells[column];
  if (value.empty()) throw DataError(where(table, row.line) + text("the column '", table.header[column], "' is empty"));
  return value;
}

fs::path existing_file(const CsvTable& table, const CsvRow& row, std::size_t column) {
  const fs::path path = table.path.parent_path() / filled_cell(table, row, column);
  if (!fs::is_regular_file(path)) {
    throw DataError(where(table, row.line) + text("the ", table.header[column], " file ", path.string(), " does not exist"));
  }
  return path;
}

void check_labels(const CsvTable& table, const std::vector<Subject>& subjects) {
  std::map<std::string, int> count;
  for (const Subject& s : subjects) ++count[s.label];
  if (count.size() == 2) return;
  std::string found, typo;
  for (const auto& [label, n] : count) {
    found += text(found.empty() ? "" : ", ", "'", label, "' (", n, ")");
    for (const auto& [other, m] : count) {
      // One letter off; two only in long names, since NSCLC and SCLC themselves are one apart.
      if (label != other && n < m && edit_distance(label, other) <= 1 && !(label == "SCLC" || label == "NSCLC")) {
        typo = text("; is '", label, "' a typo of '", other, "'?");
      }
    }
  }
  throw DataError(text(table.path.string(), ": the column 'label' has ", count.size(), " values, expected two: ", found, typo));
}

}  // namespace

std::vector<Subject> read_cohort(const fs::path& csv) {
  const CsvTable table = read_csv(csv);
  const std::size_t id = table.find_column("subject_id")   ? *table.find_column("subject_id")
                         : table.find_column("patient_id") ? *table.find_column("patient_id")
                                                           : table.column("subject_id");
  const std::size_t label = table.column("label"), t1c = table.column("t1c"), flair = table.column("flair"),
                    t2 = table.column("t2"), mask = table.column("mask");
  const auto brain = table.find_column("brain_mask");
  std::vector<Subject> subjects;
  std::map<std::string, std::pair<int, std::string>> seen;  // line, label
  for (const CsvRow& row : table.rows) {
    Subject s;
    s.id = filled_cell(table, row, id);
    s.label = filled_cell(table, row, label);
    if (s.id.find_first_of("/\\") != std::string::npos || s.id.front() == '.') {
      throw DataError(where(table, row.line) +
                      text("the subject_id '", s.id, "' cannot be part of a file name; use letters, digits, - and _"));
    }
    const auto [found, is_new] = seen.try_emplace(s.id, row.line, s.label);
    if (!is_new) {
      const auto& [line, other] = found->second;
      throw DataError(where(table, row.line) + (other == s.label
                                                    ? text("the subject '", s.id, "' appears in line ", line, " already")
                                                    : text("the subject '", s.id, "' has the labels '", other, "' (line ", line,
                                                           ") and '", s.label, "'; a subject has one label")));
    }
    s.t1c = existing_file(table, row, t1c);
    s.flair = existing_file(table, row, flair);
    s.t2 = existing_file(table, row, t2);
    s.mask = existing_file(table, row, mask);
    if (brain && !row.cells[*brain].empty()) s.brain_mask = existing_file(table, row, *brain);
    subjects.push_back(std::move(s));
  }
  if (subjects.empty()) throw DataError(text(csv.string(), ": it has no subjects"));
  check_labels(table, subjects);
  return subjects;
}

}  // namespace vitrine::imaging

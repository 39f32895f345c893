#include "data/manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"

namespace vitrine {
namespace {

const std::vector<std::string> kColumns = {"sample_id", "subject_id", "lesion_id", "slice", "label",
                                           "file",      "preview",    "side_mm",   "sha256"};

std::string where(const CsvTable& table, const CsvRow& row) { return text(table.path.string(), ":", row.line, ": "); }

int whole_number(const CsvTable& table, const CsvRow& row, std::size_t column) {
  std::int64_t value = 0;
  if (!parse_number(row.cells[column], value) || value < 0 || value > 1000000) {
    throw DataError(where(table, row) + text("the column '", table.header[column], "' holds '", row.cells[column],
                                             "', a whole number was expected"));
  }
  return static_cast<int>(value);
}

// A relative path that stays below the manifest's folder.
const std::string& safe_path(const CsvTable& table, const CsvRow& row, const std::string& cell) {
  const std::filesystem::path path(cell);
  const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  if (path.is_absolute() || climbs)
    throw DataError(where(table, row) + text("the path '", cell, "' leaves the manifest's folder"));
  return cell;
}

Sample sample_of(const CsvTable& table, const CsvRow& row) {
  const auto cell = [&](std::string_view name) -> const std::string& {
    const std::string& value = row.cells[table.column(name)];
    if (value.empty()) throw DataError(where(table, row) + text("the column '", name, "' is empty"));
    return value;
  };
  Sample s;
  s.sample_id = cell("sample_id");
  s.subject_id = cell("subject_id");
  s.lesion_id = whole_number(table, row, table.column("lesion_id"));
  s.slice = whole_number(table, row, table.column("slice"));
  s.label = cell("label");
  s.file = safe_path(table, row, cell("file"));
  if (const auto column = table.find_column("preview")) s.preview = row.cells[*column];
  if (const auto column = table.find_column("side_mm")) {
    if (!row.cells[*column].empty() && !parse_number(row.cells[*column], s.side_mm)) {
      throw DataError(where(table, row) + text("the column 'side_mm' holds '", row.cells[*column], "', a number was expected"));
    }
  }
  if (const auto column = table.find_column("sha256")) s.sha256 = row.cells[*column];
  return s;
}

void check_samples(const CsvTable& table, const std::vector<Sample>& samples) {
  if (samples.empty())
    throw DataError(text(table.path.string(), ": it has no rows; at least one crop of each of two classes was expected"));
  std::set<std::string> ids;
  std::map<std::string, std::size_t> first_row;  // of each subject
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& s = samples[i];
    if (!ids.insert(s.sample_id).second)
      throw DataError(where(table, table.rows[i]) + text("the sample_id '", s.sample_id, "' appears twice"));
    const auto [found, is_new] = first_row.emplace(s.subject_id, i);
    if (!is_new && samples[found->second].label != s.label) {
      throw DataError(where(table, table.rows[i]) +
                      text("the subject '", s.subject_id, "' has the labels '", samples[found->second].label, "' (line ",
                           table.rows[found->second].line, ") and '", s.label, "'; a subject has one label"));
    }
  }
}

}  // namespace

std::vector<std::string> Manifest::classes() const {
  std::set<std::string> names;
  for (const Sample& s : samples) names.insert(s.label);
  return {names.begin(), names.end()};
}

std::vector<std::string> Manifest::subjects() const {
  std::vector<std::string> all;
  std::set<std::string> seen;
  for (const Sample& s : samples) {
    if (seen.insert(s.subject_id).second) all.push_back(s.subject_id);
  }
  return all;
}

std::string Manifest::label_of(const std::string& subject) const {
  for (const Sample& s : samples) {
    if (s.subject_id == subject) return s.label;
  }
  throw DataError(text(path.string(), ": the subject '", subject, "' is not in the manifest"));
}

Manifest read_manifest(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  Manifest manifest;
  manifest.path = path;
  for (const char* required : {"sample_id", "subject_id", "lesion_id", "slice", "label", "file"}) table.column(required);
  for (const CsvRow& row : table.rows) manifest.samples.push_back(sample_of(table, row));
  check_samples(table, manifest.samples);
  const std::vector<std::string> classes = manifest.classes();
  if (classes.size() < 2)
    throw DataError(
        text(path.string(), ": all rows have the label '", classes.front(), "'; at least two classes were expected"));
  return manifest;
}

void write_manifest(const Manifest& manifest) {
  std::string out = csv_line(kColumns);
  for (const Sample& s : manifest.samples) {
    out += csv_line({s.sample_id, s.subject_id, std::to_string(s.lesion_id), std::to_string(s.slice), s.label, s.file,
                     s.preview, shortest(s.side_mm), s.sha256});
  }
  write_file(manifest.path, out);
}

}  // namespace vitrine

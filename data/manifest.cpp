#include "data/manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "base/output.h"

namespace vitrine {
namespace {

const std::vector<std::string> kColumns = {"sample_id", "subject_id", "lesion_id", "slice", "label",
                                           "file",      "preview",    "side_mm",   "sha256"};

int whole_number(const CsvTable& table, const CsvRow& row, std::string_view column) {
  std::int64_t value = 0;
  const std::string_view cell = row[table.column(column)];
  if (!parse_number(cell, value) || value < 0 || value > 1000000)
    row.refuse(text("the column '", column, "' holds '", printable(cell), "', a whole number from 0 to 1000000 was expected"));
  return static_cast<int>(value);
}

// A relative path that stays below the manifest's folder.
std::string safe_path(const CsvRow& row, std::string_view cell) {
  const std::filesystem::path path(cell);
  const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  if (path.is_absolute() || climbs)
    row.refuse(text("the path '", path, "' ", path.is_absolute() ? "is absolute" : "leaves the manifest's folder",
                    "; one relative to the manifest, and below its folder, is expected"));
  return std::string(cell);
}

Sample sample_of(const CsvTable& table, const CsvRow& row) {
  Sample s;
  s.sample_id = row.name(table.column("sample_id"), identifier_flaw);
  s.subject_id = row.name(table.column("subject_id"), identifier_flaw);
  s.lesion_id = whole_number(table, row, "lesion_id");
  s.slice = whole_number(table, row, "slice");
  s.label = row.name(table.column("label"), label_flaw);
  s.file = safe_path(row, row[table.column("file")]);
  if (s.file.empty()) row.refuse("the column 'file' is empty");
  if (const auto column = table.find_column("preview")) s.preview = safe_path(row, row[*column]);
  if (const auto column = table.find_column("side_mm"); column && !row[*column].empty()) {
    if (!parse_number(row[*column], s.side_mm) || !(s.side_mm >= 0 && s.side_mm <= 1e6))
      row.refuse(text("the column 'side_mm' holds '", printable(row[*column]), "', a number from 0 was expected"));
  }
  if (const auto column = table.find_column("sha256")) s.sha256 = trimmed(row[*column]);
  return s;
}

void check_samples(const CsvTable& table, const std::vector<Sample>& samples) {
  if (samples.empty())
    throw DataError(text(table.path, ": it has no rows; at least one crop of each of two classes was expected"));
  std::set<std::string_view> ids;
  std::map<std::string_view, std::size_t> first_row;  // of each subject
  CaseClashes subjects, labels;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& s = samples[i];
    if (!ids.insert(s.sample_id).second) table[i].refuse(text("the sample_id '", printable(s.sample_id), "' appears twice"));
    table[i].check_case(subjects, s.subject_id);
    table[i].check_case(labels, s.label);
    const auto [found, is_new] = first_row.emplace(s.subject_id, i);
    if (is_new || samples[found->second].label == s.label) continue;
    table[i].refuse(text("the subject '", printable(s.subject_id), "' has the labels '",
                         printable(samples[found->second].label), "' (line ", table[found->second].line(), ") and '",
                         printable(s.label), "'; a subject has one label"));
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

std::map<std::string, std::string> Manifest::labels() const {
  std::map<std::string, std::string> labels;
  for (const Sample& s : samples) labels.emplace(s.subject_id, s.label);
  return labels;
}

Manifest read_manifest(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  Manifest manifest;
  manifest.path = path;
  manifest.notes = table.misspelt_columns(kColumns);
  for (const char* required : {"sample_id", "subject_id", "lesion_id", "slice", "label", "file"}) table.column(required);
  manifest.samples.reserve(table.size());
  for (std::size_t row = 0; row < table.size(); ++row) manifest.samples.push_back(sample_of(table, table[row]));
  check_samples(table, manifest.samples);
  const std::vector<std::string> classes = manifest.classes();
  if (classes.size() < 2)
    throw DataError(
        text(path, ": all rows have the label '", printable(classes.front()), "'; at least two classes were expected"));
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

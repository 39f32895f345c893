#include "imaging/cohort.h"

#include <algorithm>
#include <map>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLongestCropSuffix = "_l65535_s4095";  // imaging/steps/mask.h, imaging/formats/nifti_header.cpp

const std::vector<std::string> kColumns{"subject_id", "patient_id", "label", "t1c", "flair", "t2", "mask", "brain_mask"};

// What keeps a cell's file from being read; empty when nothing does.
std::string file_flaw(const CsvTable& table, std::size_t column, const fs::path& path, bool is_empty) {
  if (is_empty) return text("the column '", table.header[column], "' is empty");
  const std::string flaw = path_flaw(path);
  return flaw.empty() ? flaw : text("the ", table.header[column], " file ", path, " ", flaw);
}

fs::path file_of(const CsvTable& table, const CsvRow& row, std::size_t column, MissingFiles missing, Subject& subject) {
  const fs::path path = table.path.parent_path() / row[column];
  const std::string flaw = file_flaw(table, column, path, row[column].empty());
  if (!flaw.empty() && missing == MissingFiles::refuse) row.refuse(flaw);
  if (subject.flaw.empty()) subject.flaw = flaw;
  return path;
}

// A crop's name is the subject's and "_l<lesion>_s<slice>", and must be an identifier too.
void check_length(const CsvRow& row, const std::string& id) {
  const std::string flaw = identifier_flaw(id + kLongestCropSuffix);
  if (flaw.empty()) return;
  row.refuse(text("the subject '", printable(id), "' has a name that is too long: the names of its crops add '",
                  kLongestCropSuffix, "' and have 64 characters at most"));
}

void check_labels(const CsvTable& table, const std::vector<Subject>& subjects) {
  std::map<std::string, int> count;
  for (const Subject& s : subjects) ++count[s.label];
  if (count.size() == 2) return;
  constexpr int kMostListed = 4;
  int listed = 0;
  std::string found, typo;
  for (const auto& [label, n] : count) {
    if (listed++ < kMostListed) found += text(found.empty() ? "" : ", ", "'", printable(label, 40), "' (", n, ")");
    for (const auto& [other, m] : count) {
      // One letter off; two only in long names, since NSCLC and SCLC themselves are one apart.
      if (label != other && n < m && edit_distance(label, other) <= 1 && !(label == "SCLC" || label == "NSCLC")) {
        typo = text("; is '", printable(label, 40), "' a typo of '", printable(other, 40), "'?");
      }
    }
  }
  if (listed > kMostListed) found += ", ...";
  throw DataError(text(table.path, ": the column 'label' has ", count.size(), " values, expected two: ", found, typo));
}

}  // namespace

std::vector<std::pair<std::string, fs::path>> Subject::files() const {
  std::vector<std::pair<std::string, fs::path>> all = {{"t1c", t1c}, {"flair", flair}, {"t2", t2}, {"mask", mask}};
  if (!brain_mask.empty()) all.emplace_back("brain_mask", brain_mask);
  return all;
}

Cohort read_cohort(const fs::path& csv, MissingFiles missing) {
  const CsvTable table = read_csv(csv);
  const std::size_t id = table.find_column("subject_id")   ? *table.find_column("subject_id")
                         : table.find_column("patient_id") ? *table.find_column("patient_id")
                                                           : table.column("subject_id");
  const std::size_t label = table.column("label"), t1c = table.column("t1c"), flair = table.column("flair"),
                    t2 = table.column("t2"), mask = table.column("mask");
  const auto brain = table.find_column("brain_mask");
  Cohort cohort;
  cohort.notes = table.misspelt_columns(kColumns);
  std::vector<Subject>& subjects = cohort.subjects;
  std::map<std::string, std::pair<int, std::string>> seen;  // line, label
  CaseClashes ids, labels;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    Subject s;
    s.id = row.name(id, identifier_flaw);
    s.label = row.name(label, label_flaw);
    check_length(row, s.id);
    row.check_case(ids, s.id);
    row.check_case(labels, s.label);
    const auto [found, is_new] = seen.try_emplace(s.id, row.line(), s.label);
    if (!is_new) {
      const auto& [line, other] = found->second;
      row.refuse(other == s.label ? text("the subject '", s.id, "' appears in line ", line, " already")
                                  : text("the subject '", s.id, "' has the labels '", printable(other), "' (line ", line,
                                         ") and '", printable(s.label), "'; a subject has one label"));
    }
    s.t1c = file_of(table, row, t1c, missing, s);
    s.flair = file_of(table, row, flair, missing, s);
    s.t2 = file_of(table, row, t2, missing, s);
    s.mask = file_of(table, row, mask, missing, s);
    if (brain && !row[*brain].empty()) s.brain_mask = file_of(table, row, *brain, missing, s);
    subjects.push_back(std::move(s));
  }
  if (subjects.empty()) throw DataError(text(csv, ": it has no subjects"));
  check_labels(table, subjects);
  return cohort;
}

}  // namespace vitrine::imaging

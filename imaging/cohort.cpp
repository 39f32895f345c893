#include "imaging/cohort.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/number.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLongestCropSuffix = "_l65535_s4095";  // imaging/steps/mask.h, imaging/formats/nifti_header.cpp
constexpr int kMostLabel = 65535;

const std::vector<std::string> kColumns{
    "subject_id",   "patient_id",     "label",          "t1c",     "flair",     "t2", "mask", "brain_mask", "mask_labels",
    "coregistered", "skull_stripped", "bias_corrected", "dataset", "session_id"};

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

// The cells of a table as subjects. A flaw is thrown with its place or, in a survey, listed.
class CohortReader {
 public:
  CohortReader(const CsvTable& table, MissingFiles missing, std::vector<CohortFlaw>* flaws)
      : table_(table), missing_(missing), flaws_(flaws) {
    id_ = table.find_column("subject_id")   ? *table.find_column("subject_id")
          : table.find_column("patient_id") ? *table.find_column("patient_id")
                                            : table.column("subject_id");
    cohort_.notes = table.misspelt_columns(kColumns);
    for (const char* name : {"label", "t1c", "mask"}) required(name);
    for (const char* name : {"flair", "t2"}) check_absent_series(name);
  }

  Cohort read() {
    for (std::size_t i = 0; i < table_.size(); ++i) {
      std::optional<Subject> s = subject_of(table_[i]);
      if (s) cohort_.subjects.push_back(std::move(*s));
    }
    const auto whole = [&](const std::string& column, const auto& check) {
      try {
        check();
      } catch (const DataError& error) {
        if (flaws_ == nullptr) throw;
        flaws_->push_back({0, "", column, without_place(error.what(), text(table_.path, ": "))});
      }
    };
    whole("", [&] {
      if (cohort_.subjects.empty()) throw DataError(text(table_.path, ": it has no subjects"));
    });
    if (!cohort_.subjects.empty() && table_.find_column("label"))
      whole("label", [&] { check_labels(table_, cohort_.subjects); });
    return std::move(cohort_);
  }

 private:
  static std::string without_place(const std::string& message, const std::string& place) {
    return message.starts_with(place) ? message.substr(place.size()) : message;
  }

  void required(const char* name) {
    if (flaws_ == nullptr) {
      table_.column(name);
      return;
    }
    try {
      table_.column(name);
    } catch (const DataError& error) {
      flaws_->push_back({1, "", name, without_place(error.what(), text(table_.path, ":1: "))});
    }
  }

  // A series that no subject has is noted; a column that was probably meant for it is not passed over.
  void check_absent_series(const char* name) {
    if (table_.find_column(name)) return;
    for (const std::string& note : cohort_.notes) {
      if (note.ends_with(text("is it '", name, "'?"))) return required(name);
    }
    cohort_.notes.push_back(text(table_.path, ":1: there is no column '", name, "': all subjects are taken to lack it"));
  }

  // Does `work` for one column of a row; in a survey what it refuses is listed.
  void each(const CsvRow& row, const Subject& s, const std::string& column, const std::function<void()>& work) {
    try {
      work();
    } catch (const DataError& error) {
      if (flaws_ == nullptr) throw;
      flaws_->push_back({row.line(), s.id, column, without_place(error.what(), row.where())});
    }
  }

  // None for a row that is no subject of its own.
  std::optional<Subject> subject_of(const CsvRow& row) {
    Subject s;
    s.line = row.line();
    bool is_new = true;
    each(row, s, table_.header[id_], [&] { s.id = row.name(id_, identifier_flaw); });
    const auto label = table_.find_column("label");
    if (label) each(row, s, "label", [&] { s.label = row.name(*label, label_flaw); });
    if (!s.id.empty()) {
      each(row, s, table_.header[id_], [&] { check_length(row, s.id); });
      each(row, s, table_.header[id_], [&] { row.check_case(ids_, s.id); });
    }
    if (!s.label.empty()) each(row, s, "label", [&] { row.check_case(labels_, s.label); });
    read_names(row, s);
    if (!s.id.empty()) {
      is_new = seen_.try_emplace(s.id, s).second;
      if (!is_new) each(row, s, table_.header[id_], [&] { refuse_second(row, s); });
    }
    read_files(row, s);
    read_settings(row, s);
    if (s.id.empty() || !is_new) return std::nullopt;
    return s;
  }

  // A crop's name is the subject's and "_l<lesion>_s<slice>", and must be an identifier too.
  static void check_length(const CsvRow& row, const std::string& id) {
    const std::string flaw = identifier_flaw(id + kLongestCropSuffix);
    if (flaw.empty()) return;
    row.refuse(text("the subject '", printable(id), "' has a name that is too long: the names of its crops add '",
                    kLongestCropSuffix, "' and have 64 characters at most"));
  }

  void refuse_second(const CsvRow& row, const Subject& s) const {
    const Subject& other = seen_.at(s.id);
    if (other.label != s.label) {
      row.refuse(text("the subject '", s.id, "' has the labels '", printable(other.label), "' (line ", other.line, ") and '",
                      printable(s.label), "'; a subject has one label"));
    }
    const std::string before = text("the subject '", s.id, "' appears in line ", other.line, " already");
    if (other.dataset != s.dataset) row.refuse(before + ", in another dataset: put the dataset's name before both");
    if (other.session_id != s.session_id) row.refuse(before + ", in another session: keep one session of each subject");
    row.refuse(before);
  }

  void read_names(const CsvRow& row, Subject& s) {
    for (const auto& [column, name] : {std::pair{"dataset", &s.dataset}, std::pair{"session_id", &s.session_id}}) {
      const auto at = table_.find_column(column);
      if (at && !row[*at].empty()) each(row, s, column, [&, to = name] { *to = row.name(*at, label_flaw); });
    }
  }

  void read_files(const CsvRow& row, Subject& s) {
    for (const auto& [column, file] : {std::pair{"t1c", &s.t1c}, std::pair{"flair", &s.flair}, std::pair{"t2", &s.t2},
                                       std::pair{"mask", &s.mask}, std::pair{"brain_mask", &s.brain_mask}}) {
      const auto at = table_.find_column(column);
      const std::string name = column;
      const bool is_series = name == "t1c" || name == "flair" || name == "t2";  // of DICOM, a folder
      const bool may_lack = name == "flair" || name == "t2" || name == "brain_mask";
      if (!at || (may_lack && row[*at].empty())) continue;
      each(row, s, name, [&, to = file] { *to = file_of(row, *at, is_series, s); });
    }
  }

  fs::path file_of(const CsvRow& row, std::size_t column, bool may_be_folder, Subject& s) const {
    const fs::path path = table_.path.parent_path() / row[column];
    std::string flaw;
    if (row[column].empty()) {
      flaw = text("the column '", table_.header[column], "' is empty");
    } else if (const std::string why = path_flaw(path); !why.empty() && !(may_be_folder && is_folder(path))) {
      flaw = text("the ", table_.header[column], " file ", path, " ", why);
    }
    if (s.flaw.empty()) s.flaw = flaw;
    if (!flaw.empty() && missing_ == MissingFiles::refuse) row.refuse(flaw);
    return path;
  }

  void read_settings(const CsvRow& row, Subject& s) {
    for (const auto& [column, flag] :
         {std::pair{"coregistered", &s.coregistered}, std::pair{"skull_stripped", &s.skull_stripped},
          std::pair{"bias_corrected", &s.bias_corrected}}) {
      const auto at = table_.find_column(column);
      if (!at || row[*at].empty()) continue;
      each(row, s, column, [&, to = flag, name = column] {
        if (row[*at] != "0" && row[*at] != "1")
          row.refuse(text("the column '", name, "' holds '", printable(row[*at]), "', expected 0 or 1"));
        *to = row[*at] == "1";
      });
    }
    const auto at = table_.find_column("mask_labels");
    if (!at) return;
    each(row, s, "mask_labels", [&] {
      if (parse_mask_labels(row[*at], s.mask_labels)) return;
      row.refuse(text("the column 'mask_labels' holds '", printable(row[*at]), "', expected whole numbers from 1 to ",
                      kMostLabel, " with semicolons between, for example 1;3"));
    });
  }

  const CsvTable& table_;
  MissingFiles missing_;
  std::vector<CohortFlaw>* flaws_;
  std::size_t id_ = 0;
  Cohort cohort_;
  std::map<std::string, Subject> seen_;
  CaseClashes ids_, labels_;
};

}  // namespace

std::vector<std::pair<std::string, fs::path>> Subject::files() const {
  std::vector<std::pair<std::string, fs::path>> all = {
      {"t1c", t1c}, {"flair", flair}, {"t2", t2}, {"mask", mask}, {"brain_mask", brain_mask}};
  std::erase_if(all, [](const auto& file) { return file.second.empty(); });
  return all;
}

bool parse_mask_labels(std::string_view text, std::vector<int>& labels) {
  labels.clear();
  if (trimmed(text).empty()) return true;
  for (const std::string& piece : split_at(text, ';')) {
    std::int64_t label = 0;
    if (!parse_number(trimmed(piece), label) || label < 1 || label > kMostLabel) return false;
    labels.push_back(static_cast<int>(label));
  }
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return true;
}

Cohort read_cohort(const fs::path& csv, MissingFiles missing) {
  const CsvTable table = read_csv(csv);
  return CohortReader(table, missing, nullptr).read();
}

Cohort survey_cohort(const fs::path& csv, std::vector<CohortFlaw>& flaws) {
  const CsvTable table = read_csv(csv);
  return CohortReader(table, MissingFiles::refuse, &flaws).read();
}

}  // namespace vitrine::imaging

#include "imaging/scan/labels.h"

#include "base/csv.h"
#include "base/error.h"

namespace vitrine::imaging {
namespace {

const std::vector<std::string> kHeader{"subject_id",     "label",      "t1c",         "flair",        "t2",
                                       "mask",           "brain_mask", "mask_labels", "coregistered", "skull_stripped",
                                       "bias_corrected", "dataset",    "session_id"};

}  // namespace

LabelTable::LabelTable(const CohortScanOptions& options) : map_(options.map) {
  if (options.labels.empty()) return;
  const CsvTable table = read_csv(options.labels);
  const std::size_t id = table.column(options.id_column), label = table.column(options.label_column);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    const std::string who(trimmed(row[id])), value(trimmed(row[label]));
    if (who.empty() || value.empty()) continue;
    const auto [other, is_new] = values_.try_emplace(who, value);
    if (is_new || other->second == value) continue;
    row.refuse(text("'", printable(who), "' has the values '", printable(other->second), "' and '", printable(value),
                    "' in the column '", options.label_column, "'; a patient has one label"));
  }
}

LabelTable::Answer LabelTable::label_of(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const auto found = values_.find(name);
    if (found == values_.end()) continue;
    if (map_.empty()) return {found->second, {}};
    const auto mapped = map_.find(found->second);
    if (mapped == map_.end()) return {{}, text("'", printable(found->second), "' of the table is none of --map")};
    return {mapped->second, {}};
  }
  return {};
}

std::string cohort_header() { return csv_line(kHeader); }

std::string cohort_row(const std::map<std::string, std::string>& cells) {
  std::vector<std::string> row;
  for (const std::string& column : kHeader) {
    const auto found = cells.find(column);
    row.push_back(found == cells.end() ? std::string() : found->second);
  }
  return csv_line(row);
}

std::vector<std::string> things_to_fill_in(int without_label, int without_mask) {
  const auto has = [](int n) { return text(n, n == 1 ? " subject has" : " subjects have"); };
  std::vector<std::string> things;
  if (without_label > 0)
    things.push_back(
        has(without_label) +
        " no label: fill in the column 'label', or give a table with --labels FILE.csv --id COLUMN --label COLUMN");
  if (without_mask > 0)
    things.push_back(has(without_mask) + " no lesion mask: draw it on T1c's grid and fill in the column 'mask'");
  return things;
}

std::string path_from(const std::filesystem::path& csv, const std::filesystem::path& file) {
  const auto whole = [](const std::filesystem::path& p) { return std::filesystem::absolute(p).lexically_normal(); };
  return whole(file).lexically_relative(whole(csv).parent_path()).generic_string();
}

}  // namespace vitrine::imaging

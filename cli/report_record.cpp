// What a report says of a study beside its figures: cohort, splits, options, controls.
#include <algorithm>
#include <map>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "base/version.h"
#include "cli/report_data.h"
#include "train/choice.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxText = 1u << 20;

// Options that say what was run on what, beside how.
bool is_environment(const std::string& name) {
  return name == "version" || name.ends_with("sha256") || name == "split_seed" || name == "folds" || name == "device" ||
         name == "weights";
}

std::optional<double> number_in_cell(const CsvRow& row, std::size_t column) {
  if (row[column] == "n/a") return std::nullopt;
  double value = 0;
  if (!parse_number(row[column], value)) row.refuse(text("'", printable(row[column], 40), "' is no number, nor n/a"));
  return value;
}

// config.json has the choice of the epoch as a sentence.
void read_choice(report::StudyResult& study, const std::string& sentence) {
  const std::optional<NamedChoice> choice = choice_of_description(sentence);
  study.select = choice ? choice->select : std::string();
  if (choice) study.monitor = choice->monitor;
}

}  // namespace

std::vector<report::CohortRow> cohort_rows(const Manifest& manifest, const Splits& splits) {
  std::vector<report::CohortRow> rows;
  for (const std::string& label : manifest.classes()) {
    report::CohortRow row;
    row.label = label;
    std::map<std::string, std::map<int, int>> lesions;  // subject, lesion, slices
    for (const Sample& s : manifest.samples) {
      if (s.label == label) ++lesions[s.subject_id][s.lesion_id];
    }
    row.subjects = static_cast<int>(lesions.size());
    for (const auto& [subject, slices] : lesions) {
      row.lesions += static_cast<int>(slices.size());
      for (const auto& [lesion, count] : slices) row.slices += count;
      row.test_subjects += std::count(splits.test.begin(), splits.test.end(), subject) > 0 ? 1 : 0;
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<report::SplitRow> split_rows(const Manifest& manifest, const Splits& splits, bool nested) {
  const std::vector<std::string> classes = manifest.classes();
  const auto row = [&](const std::string& part, const std::vector<std::string>& subjects) {
    report::SplitRow r{part, std::vector<int>(classes.size(), 0)};
    for (const std::string& subject : subjects) {
      const auto label = splits.labels.find(subject);
      const auto at = label == splits.labels.end() ? classes.end() : std::find(classes.begin(), classes.end(), label->second);
      if (at != classes.end()) ++r.subjects[static_cast<std::size_t>(at - classes.begin())];
    }
    return r;
  };
  std::vector<report::SplitRow> rows{row("test", splits.test)};
  for (std::size_t f = 0; f < splits.folds.size(); ++f) {
    const Fold& fold = splits.folds[f];
    std::vector<std::string> trained;
    for (const std::string& s : fold.train) {
      if (!nested || std::find(fold.inner.begin(), fold.inner.end(), s) == fold.inner.end()) trained.push_back(s);
    }
    rows.push_back(row(text("fold ", f, ", training"), trained));
    if (nested) rows.push_back(row(text("fold ", f, ", inner part"), fold.inner));
    rows.push_back(row(text("fold ", f, ", validation"), fold.validation));
  }
  return rows;
}

// Refuses what `vitrine controls` does not write: a group that is none, a name twice, an AUC outside 0 to 1, a difference outside -1 to 1, an
// interval that is turned round.
void check_control(const CsvRow& row, const report::ControlRow& r, const std::vector<report::ControlRow>& before) {
  const std::set<std::string> groups{"study", "seeds", "controls", "choices"};
  if (!groups.contains(r.group)) row.refuse(text("'", printable(r.group, 40), "' is no group of controls"));
  for (const report::ControlRow& other : before) {
    if (other.name == r.name) row.refuse(text("the row '", printable(r.name, 40), "' is there twice"));
  }
  const auto check = [&](const std::optional<double>& value, double low, const char* what) {
    if (value && !(*value >= low && *value <= 1)) row.refuse(text(what, " is ", *value, ", expected ", low, " to 1"));
  };
  for (const std::optional<double>& value : {r.auc, r.low, r.high}) check(value, 0, "an AUC or an end of its interval");
  for (const std::optional<double>& value : {r.difference, r.difference_low, r.difference_high})
    check(value, -1, "a difference of AUCs");
  if ((r.low && r.high && *r.low > *r.high) ||
      (r.difference_low && r.difference_high && *r.difference_low > *r.difference_high))
    row.refuse("an interval ends below where it begins");
}

void add_controls(report::StudyResult& study, const fs::path& folder) {
  const fs::path path = folder / "controls" / "controls.csv", verdicts = folder / "controls" / "verdicts.txt";
  if (!path_exists(path)) return;
  const CsvTable table = read_csv(path);
  const std::size_t group = table.column("group"), name = table.column("name"), what = table.column("what");
  const std::size_t numbers[] = {table.column("validation_auc"),  table.column("validation_low"),
                                 table.column("validation_high"), table.column("difference"),
                                 table.column("difference_low"),  table.column("difference_high")};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    report::ControlRow r{std::string(row[group]), std::string(row[name]), std::string(row[what]), {}, {}, {}, {}, {}, {}};
    std::optional<double>* cells[] = {&r.auc, &r.low, &r.high, &r.difference, &r.difference_low, &r.difference_high};
    for (std::size_t c = 0; c < std::size(cells); ++c) *cells[c] = number_in_cell(row, numbers[c]);
    check_control(row, r, study.controls);
    study.controls.push_back(std::move(r));
  }
  if (!path_exists(verdicts)) return;
  for (const std::string& line : split_at(as<DataError>([&] { return read_file(verdicts, kMaxText); }), '\n')) {
    if (!line.empty()) study.verdicts.push_back(line);
  }
}

void add_configuration(report::StudyResult& study, const fs::path& run) {
  study.environment.emplace_back("program of this report", text("Vitrine ", version()));
  for (auto& [name, value] : read_run_options(run)) {
    if (is_environment(name)) study.environment.emplace_back(name, value);
    if (name == "select") read_choice(study, value);
    if (name != "inputs") study.configuration.emplace_back(name, value);
  }
}

std::string synthetic_note_of(const fs::path& folder) {
  const fs::path path = folder / "study.json";
  if (!path_exists(path)) return {};
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxText); });
  try {
    return text_in(parse_json(bytes), "synthetic_note");
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what()));
  }
}

}  // namespace vitrine::cli

#include "imaging/scan/scan_cohort.h"

#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "imaging/scan/layouts.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kHeader{"subject_id",     "label",      "t1c",         "flair",        "t2",
                                       "mask",           "brain_mask", "mask_labels", "coregistered", "skull_stripped",
                                       "bias_corrected", "dataset",    "session_id"};
const std::vector<std::string> kVolumes{"t1c", "flair", "t2", "mask", "brain_mask"};

using Files = std::map<std::string, std::vector<fs::path>>;  // of one session, by column
using Sessions = std::map<std::string, Files>;               // by name
struct Found {
  std::map<std::string, Sessions> patients;
  std::map<std::string, int> passed_over;  // reason, files
  int t1c = 0;
};

Found placed_by(const Layout& layout, const fs::path& folder, const std::vector<fs::path>& files) {
  Found found;
  for (const fs::path& file : files) {
    if (volume_stem(file).empty()) continue;
    const std::optional<PlacedFile> placed = layout.place(file.lexically_relative(folder));
    if (!placed) continue;
    Files& session = found.patients[placed->patient][placed->session];
    if (placed->column.empty()) {
      ++found.passed_over[placed->why];
    } else {
      session[placed->column].push_back(file);
      found.t1c += placed->column == "t1c" ? 1 : 0;
    }
  }
  return found;
}

std::string names_of_layouts() {
  std::string all = "auto";
  for (const Layout& l : layouts()) all += ", " + l.name;
  return all;
}

// The layout that is named, or the one that finds the most T1c.
const Layout& chosen_layout(const std::string& name, const fs::path& folder, const std::vector<fs::path>& files) {
  for (const Layout& l : layouts()) {
    if (l.name == name) return l;
  }
  if (name != "auto") throw UsageError(text("--layout is '", printable(name), "', expected one of ", names_of_layouts()));
  const Layout *best = nullptr, *second = nullptr;
  int most = 0;
  for (const Layout& l : layouts()) {
    const int t1c = placed_by(l, folder, files).t1c;
    if (t1c == 0 || t1c < most) continue;
    second = t1c == most ? best : nullptr;
    best = &l;
    most = t1c;
  }
  if (best == nullptr)
    throw DataError(text(folder, " holds no T1c (.nii, .nii.gz, .nrrd, .mha) that one of the layouts names; choose one of ",
                         names_of_layouts(), " with --layout, or write cohort.csv by hand"));
  if (second != nullptr)
    throw DataError(text(folder, " fits the layouts ", second->name, " and ", best->name, " alike; choose one with --layout"));
  return *best;
}

struct Labels {
  std::map<std::string, std::string> of;  // patient to a value of the table
  std::vector<std::string> unmapped;      // values
};

Labels read_labels(const CohortScanOptions& options) {
  Labels labels;
  if (options.labels.empty()) return labels;
  const CsvTable table = read_csv(options.labels);
  const std::size_t id = table.column(options.id_column), label = table.column(options.label_column);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    const std::string who(trimmed(row[id])), value(trimmed(row[label]));
    if (who.empty() || value.empty()) continue;
    const auto [other, is_new] = labels.of.try_emplace(who, value);
    if (!is_new && other->second != value)
      row.refuse(text("'", printable(who), "' has the values '", printable(other->second), "' and '", printable(value),
                      "' in the column '", options.label_column, "'; a patient has one label"));
  }
  return labels;
}

class CohortScanner {
 public:
  CohortScanner(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options)
      : csv_(csv), options_(options), labels_(read_labels(options)) {
    if (!is_folder(folder)) throw DataError(text(folder, " ", path_exists(folder) ? "is no folder" : "does not exist"));
    const std::vector<fs::path> files = entries_of(folder, true);
    const Layout& layout = chosen_layout(options.layout, folder, files);
    layout_ = &layout;
    found_ = placed_by(layout, folder, files);
    if (found_.patients.empty())
      throw DataError(
          text(folder, " holds no volume that is named as in the layout ", layout.name, "; choose another with --layout"));
  }

  CohortScan run() {
    result_.layout = layout_->name;
    result_.csv = csv_line(kHeader);
    for (const auto& [patient, sessions] : found_.patients) add_patient(patient, sessions);
    if (result_.subjects == 0) {
      const std::string first = result_.left_out.empty() ? "" : "; the first: " + result_.left_out.front();
      throw DataError(text("no patient can be taken of ", found_.patients.size(), first));
    }
    std::string passed;
    for (const auto& [why, n] : found_.passed_over) passed += text("; ", n, n == 1 ? " file" : " files", " left out: ", why);
    result_.summary = text(result_.subjects, " of ", found_.patients.size(), " patients, layout ", layout_->name, passed);
    say_what_is_missing();
    return std::move(result_);
  }

 private:
  void leave_out(const std::string& patient, const std::string& why) {
    result_.left_out.push_back(printable(patient) + ": " + why);
  }

  // The session that is meant; null when nobody said.
  const std::pair<const std::string, Files>* chosen_session(const std::string& patient, const Sessions& sessions) {
    if (sessions.size() == 1 && (options_.session.empty() || options_.session == "first" || options_.session == "last"))
      return &*sessions.begin();
    if (options_.session == "first") return &*sessions.begin();
    if (options_.session == "last") return &*sessions.rbegin();
    std::string names;
    for (const auto& [name, files] : sessions) names += (names.empty() ? "" : ", ") + printable(name);
    if (const auto named = sessions.find(options_.session); !options_.session.empty() && named != sessions.end())
      return &*named;
    leave_out(patient, options_.session.empty()
                           ? text(sessions.size(), " sessions (", names, "); say which with --session first, last or a name")
                           : text("no session '", printable(options_.session), "' (", names, ")"));
    return nullptr;
  }

  void add_patient(const std::string& patient, const Sessions& sessions) {
    const auto* chosen = chosen_session(patient, sessions);
    if (chosen == nullptr) return;
    const auto& [session, files] = *chosen;
    if (const std::string flaw = identifier_flaw(patient); !flaw.empty()) return leave_out(patient, "the name " + flaw);
    if (!files.contains("t1c")) return leave_out(patient, "no T1c");
    for (const auto& [column, all] : files) {
      if (all.size() == 1) continue;
      std::string names;
      for (const fs::path& f : all) names += (names.empty() ? "" : ", ") + printable(f.filename().string());
      return leave_out(patient, text(all.size(), " files for ", column, " (", names, "): keep one"));
    }
    const std::string value = value_of(patient, session);
    std::string label = value;
    if (!value.empty() && !options_.map.empty()) {
      const auto mapped = options_.map.find(value);
      if (mapped == options_.map.end())
        return leave_out(patient, text("'", printable(value), "' of the table is none of --map"));
      label = mapped->second;
    }
    std::vector<std::string> row{patient, label};
    for (const std::string& column : kVolumes) row.push_back(files.contains(column) ? relative(files.at(column).front()) : "");
    const bool has_mask = files.contains("mask");
    row.insert(row.end(), {has_mask ? layout_->mask_labels : "", layout_->coregistered ? "1" : "",
                           layout_->skull_stripped ? "1" : "", "", layout_->dataset, session});
    result_.csv += csv_line(row);
    ++result_.subjects;
    no_label_ += label.empty() ? 1 : 0;
    no_mask_ += has_mask ? 0 : 1;
  }

  std::string value_of(const std::string& patient, const std::string& session) const {
    for (const std::string& name : {patient, patient + "-" + session, patient + session, patient + "_" + session}) {
      if (const auto found = labels_.of.find(name); found != labels_.of.end()) return found->second;
    }
    if (patient.starts_with("sub-")) {
      if (const auto found = labels_.of.find(patient.substr(4)); found != labels_.of.end()) return found->second;
    }
    return {};
  }

  std::string relative(const fs::path& file) const {
    return fs::absolute(file)
        .lexically_normal()
        .lexically_relative(fs::absolute(csv_).lexically_normal().parent_path())
        .generic_string();
  }

  void say_what_is_missing() {
    const auto has = [](int n) { return text(n, n == 1 ? " subject has" : " subjects have"); };
    if (no_label_ > 0)
      result_.to_fill_in.push_back(
          has(no_label_) +
          " no label: fill in the column 'label', or give a table with --labels FILE.csv --id COLUMN --label COLUMN");
    if (no_mask_ > 0)
      result_.to_fill_in.push_back(has(no_mask_) + " no lesion mask: draw it on T1c's grid and fill in the column 'mask'");
  }

  fs::path csv_;
  const CohortScanOptions& options_;
  Labels labels_;
  const Layout* layout_ = nullptr;
  Found found_;
  CohortScan result_;
  int no_label_ = 0, no_mask_ = 0;
};

}  // namespace

std::map<std::string, std::string> parse_label_map(const std::string& all) {
  std::map<std::string, std::string> map;
  if (trimmed(all).empty()) return map;
  for (const std::string& piece : split_at(all, ',')) {
    const std::size_t equals = piece.rfind('=');
    const std::string from(trimmed(piece.substr(0, equals))), to(equals == piece.npos ? "" : trimmed(piece.substr(equals + 1)));
    if (from.empty() || to.empty() || !label_flaw(to).empty())
      throw UsageError(text("--map holds '", printable(piece),
                            "', expected VALUE=LABEL with commas between, for example SCLC=SCLC,Adenocarcinoma=NSCLC"));
    if (!map.try_emplace(from, to).second) throw UsageError(text("--map has the value '", printable(from), "' twice"));
  }
  return map;
}

CohortScan scan_cohort(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options) {
  return CohortScanner(folder, csv, options).run();
}

}  // namespace vitrine::imaging

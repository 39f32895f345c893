#include "imaging/scan/scan_cohort.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "imaging/scan/labels.h"
#include "imaging/scan/layouts.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

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

class CohortScanner {
 public:
  CohortScanner(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options)
      : csv_(csv), options_(options), labels_(options) {
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
    result_.csv = cohort_header();
    for (const auto& [patient, sessions] : found_.patients) add_patient(patient, sessions);
    if (result_.subjects == 0) {
      const std::string first = result_.left_out.empty() ? "" : "; the first: " + result_.left_out.front();
      throw DataError(text("no patient can be taken of ", found_.patients.size(), first));
    }
    std::string passed;
    for (const auto& [why, n] : found_.passed_over) passed += text("; ", n, n == 1 ? " file" : " files", " left out: ", why);
    result_.summary = text(result_.subjects, " of ", found_.patients.size(), " patients, layout ", layout_->name, passed);
    result_.to_fill_in = things_to_fill_in(no_label_, no_mask_);
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
    std::vector<std::string> names{patient, patient + "-" + session, patient + session, patient + "_" + session};
    if (patient.starts_with("sub-")) names.push_back(patient.substr(4));
    const LabelTable::Answer answer = labels_.label_of(names);
    if (!answer.refused.empty()) return leave_out(patient, answer.refused);
    std::map<std::string, std::string> row{
        {"subject_id", patient}, {"label", answer.label}, {"dataset", layout_->dataset}, {"session_id", session}};
    for (const auto& [column, all] : files) row[column] = path_from(csv_, all.front());
    const bool has_mask = files.contains("mask");
    if (has_mask) row["mask_labels"] = layout_->mask_labels;
    if (layout_->coregistered) row["coregistered"] = "1";
    if (layout_->skull_stripped) row["skull_stripped"] = "1";
    result_.csv += cohort_row(row);
    ++result_.subjects;
    no_label_ += answer.label.empty() ? 1 : 0;
    no_mask_ += has_mask ? 0 : 1;
  }

  fs::path csv_;
  const CohortScanOptions& options_;
  LabelTable labels_;
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

std::map<std::string, std::string> parse_series_words(const std::string& all) {
  std::map<std::string, std::string> words;
  if (trimmed(all).empty()) return words;
  for (const std::string& piece : split_at(all, ',')) {
    const std::size_t equals = piece.find('=');
    const std::string column(trimmed(piece.substr(0, equals))),
        meant(equals == piece.npos ? "" : trimmed(piece.substr(equals + 1)));
    if (meant.empty() || (column != "t1c" && column != "flair" && column != "t2") || !words.try_emplace(column, meant).second)
      throw UsageError(
          text("--series holds '", printable(piece),
               "', expected words of a description for t1c, flair or t2, once each, for example t1c=MPRAGE,t2=TSE"));
  }
  return words;
}

CohortScan scan_cohort(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options) {
  return CohortScanner(folder, csv, options).run();
}

}  // namespace vitrine::imaging

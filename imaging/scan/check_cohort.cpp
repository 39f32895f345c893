#include "imaging/scan/check_cohort.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/number.h"
#include "imaging/cohort.h"
#include "imaging/equal_files.h"
#include "imaging/formats/read_volume.h"
#include "imaging/scan/head_region.h"
#include "imaging/steps/axial.h"
#include "imaging/steps/crop.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/mask_labels.h"

namespace vitrine::imaging {
namespace {

constexpr double kGridTolerance = 0.5, kSilentShift = 0.02;  // voxels at the corners
constexpr double kMuchOutside = 0.2, kSomeOutside = 0.01;    // of the lesion
constexpr double kOtherWidth = 0.12;                         // a head without the fat's signal is some 7 % narrower
constexpr int kFewSubjects = 5;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string percent(double share) { return fixed(100 * share, 1) + " %"; }

std::string counted(int n, const char* what) { return text(n, " ", what, n == 1 ? "" : "s"); }

class CohortChecker {
 public:
  CohortChecker(const std::filesystem::path& csv, Progress& progress) : csv_(csv), progress_(progress) {}

  CohortCheck run() {
    std::vector<CohortFlaw> flaws;
    cohort_ = survey_cohort(csv_, flaws);
    for (const CohortFlaw& f : flaws) add({f.line, f.subject, f.column, Severity::error, f.what});
    for (const std::string& note : cohort_.notes) add({1, "", "", Severity::warning, without_place(note)});
    check_identifiers();
    check_series();
    check_label_counts();
    check_bytes();
    voxels_.resize(cohort_.subjects.size());
    for (std::size_t i = 0; i < cohort_.subjects.size(); ++i) {
      progress_.line(text("check  ", i + 1, "/", cohort_.subjects.size(), "  ", cohort_.subjects[i].id),
                     {.event = "item", .done = i + 1, .total = cohort_.subjects.size()});
      check_volumes(cohort_.subjects[i], voxels_[i]);
    }
    add_equal(voxels_, "voxels");
    return finished();
  }

 private:
  void add(Finding finding) { result_.findings.push_back(std::move(finding)); }
  void add(const Subject& s, const std::string& column, Severity severity, const std::string& what) {
    add({s.line, s.id, column, severity, what});
  }

  std::string without_place(const std::string& note) const {
    const std::string place = text(csv_, ":1: ");
    return note.starts_with(place) ? note.substr(place.size()) : note;
  }

  void check_identifiers() {
    std::map<std::string, const Subject*> seen;
    for (const Subject& s : cohort_.subjects) {
      if (looks_mangled(s.id))
        add(s, "subject_id", Severity::warning,
            text("'", printable(s.id), "' looks like a number or a date that a spreadsheet made of a name; check it"));
      const auto [other, is_new] = seen.try_emplace(plain_identifier(s.id), &s);
      if (!is_new && case_folded(s.id) != case_folded(other->second->id)) {
        add(s, "subject_id", Severity::warning,
            text("'", printable(s.id), "' and '", printable(other->second->id), "' (line ", other->second->line,
                 ") differ by blanks, marks or zeros alone; write them alike if they are one patient"));
      }
    }
  }

  void check_series() {
    for (const Subject& s : cohort_.subjects) {
      for (const auto& [column, file] : {std::pair{"flair", &s.flair}, std::pair{"t2", &s.t2}}) {
        if (file->empty() && !has_error(s, column))
          add(s, column, Severity::note, "the series is missing; inputs that need it leave the subject out");
      }
    }
  }

  bool has_error(const Subject& s, const std::string& column) const {
    return std::any_of(result_.findings.begin(), result_.findings.end(), [&](const Finding& f) {
      return f.line == s.line && f.column == column && f.severity == Severity::error;
    });
  }

  void check_label_counts() {
    for (const Subject& s : cohort_.subjects) ++labels_[s.label];
    for (const auto& [label, n] : labels_) {
      if (n >= kFewSubjects || label.empty()) continue;
      add({0, "", "label", Severity::warning,
           text("the label '", printable(label), "' has ", counted(n, "subject"), ", fewer than the ", kFewSubjects,
                " folds of a study need")});
    }
  }

  void check_bytes() {
    std::vector<ColumnHashes> hashes(cohort_.subjects.size());
    for (std::size_t i = 0; i < cohort_.subjects.size(); ++i) {
      const Subject& s = cohort_.subjects[i];
      for (const auto& [column, file] : s.files()) {
        each(s, column, file, [&, name = column, path = file] {
          hashes[i][name] = as<DataError>([&] { return sha256_of_file(path, kMaxNiftiBytes); });
        });
      }
    }
    add_equal(hashes, "bytes");
  }

  void add_equal(const std::vector<ColumnHashes>& hashes, const std::string& what) {
    for (const EqualFile& file : equal_files(cohort_.subjects, hashes, what)) {
      const Subject& s = cohort_.subjects[file.subject];
      if (!has_equal(s, file.column)) add(s, file.column, Severity::error, file.what), equal_.emplace_back(s.line, file.column);
    }
  }

  bool has_equal(const Subject& s, const std::string& column) const {
    return std::find(equal_.begin(), equal_.end(), std::pair{s.line, column}) != equal_.end();
  }

  // Does `work` for one column whose file can be read so far; what it refuses is an error of that column.
  template <class Work>
  void each(const Subject& s, const std::string& column, const std::filesystem::path& file, const Work& work) {
    if (file.empty() || std::any_of(result_.findings.begin(), result_.findings.end(), [&](const Finding& f) {
          return f.line == s.line && f.column == column && f.severity == Severity::error && !has_equal(s, column);
        }))
      return;
    try {
      work();
    } catch (const DataError& error) {
      add(s, column, Severity::error, error.what());
    }
  }

  void add_notes(const Subject& s, const std::string& column, const Notes& notes) {
    for (const Note& n : notes) add(s, column, n.warning ? Severity::warning : Severity::note, n.text);
  }

  void check_volumes(const Subject& s, ColumnHashes& voxels) {
    std::optional<Geometry> grid;
    std::optional<HeadRegion> head;
    each(s, "t1c", s.t1c, [&] {
      const ReadVolume t1c = read_series(s.t1c);
      voxels["t1c"] = t1c.voxels_sha256;
      add_notes(s, "t1c", t1c.notes);
      grid = t1c.volume.geometry;
      head = head_region(t1c.volume);
      if (const AxialGrid axial = axial_grid(*grid); axial.recut) add(s, "t1c", Severity::note, axial.why);
      check_stripping(s, "t1c", *head);
    });
    for (const auto& [column, file] : {std::pair{"flair", &s.flair}, std::pair{"t2", &s.t2}}) {
      each(s, column, *file, [&, name = column, path = file] {
        const ReadVolume series = read_series(*path);
        voxels[name] = series.voxels_sha256;
        add_notes(s, name, series.notes);
        const HeadRegion other = head_region(series.volume);
        check_stripping(s, name, other);
        if (grid && s.coregistered)
          check_grid(s, name, series.volume.geometry, *grid, "the table says that it is coregistered, and it");
        if (head) check_width(s, name, *head, other);
      });
    }
    Mask lesion;
    each(s, "mask", s.mask, [&] { lesion = checked_lesion(s, grid, head, voxels); });
    each(s, "brain_mask", s.brain_mask, [&] { check_brain(s, grid, lesion, voxels); });
  }

  void check_stripping(const Subject& s, const std::string& column, const HeadRegion& head) {
    const std::string ml =
        text("what is bright has ", fixed(head.ml, 0), " ml, and ", percent(head.zero_share), " of the voxels are 0");
    if (head.looks_stripped() && !s.skull_stripped)
      add(s, column, Severity::warning,
          text("the series looks skull-stripped (", ml, "), and the table does not say so; set skull_stripped to 1 if it is"));
    if (s.skull_stripped && !head.looks_stripped())
      add(s, column, Severity::warning,
          text("the table says that the series is skull-stripped, and it does not look so (", ml, ")"));
  }

  void check_width(const Subject& s, const std::string& column, const HeadRegion& t1c, const HeadRegion& other) {
    const double off = std::abs(t1c.width_mm - other.width_mm) / std::max(t1c.width_mm, other.width_mm);
    if (!(off > kOtherWidth)) return;
    add(s, column, Severity::warning,
        text("the head is ", fixed(other.width_mm, 0), " mm wide, on T1c ", fixed(t1c.width_mm, 0),
             " mm: the series may be of another patient, cut, or treated otherwise"));
  }

  void check_grid(const Subject& s, const std::string& column, const Geometry& found, const Geometry& grid,
                  const std::string& what) {
    const double off = corner_distance(found, grid);
    if (off <= kSilentShift) return;
    const auto &a = found.size, &b = grid.size;
    const std::string apart = std::isfinite(off)
                                  ? text("its corners are ", fixed(off, 2), " voxels off")
                                  : text("it has ", a[0], " x ", a[1], " x ", a[2], " voxels (to the left, back, top) against ",
                                         b[0], " x ", b[1], " x ", b[2]);
    const bool refused = off > kGridTolerance;
    add(s, column, refused ? Severity::error : Severity::warning,
        text(what, refused ? " lies on another grid than T1c: " : " lies nearly on T1c's grid: ", apart,
             refused ? "; resample it to T1c" : ""));
  }

  Mask checked_lesion(const Subject& s, const std::optional<Geometry>& grid, const std::optional<HeadRegion>& head,
                      ColumnHashes& voxels) {
    const std::string what = text("the lesion mask ", s.mask);
    ReadVolume file = read_volume(s.mask);
    voxels["mask"] = file.voxels_sha256;
    add_notes(s, "mask", file.notes);
    if (grid) check_grid(s, "mask", file.volume.geometry, *grid, "the mask");
    Notes notes, of_slices;
    Volume chosen = chosen_labels(std::move(file.volume), s.mask_labels, what, notes);
    LesionMask lesion = understood_lesion_mask(std::move(chosen), file.order, what, notes);
    add_notes(s, "mask", notes);
    find_lesion_slices(lesion, {}, what, of_slices);  // refuses a mask that gives no crop; what it notes is said by preparation
    for (float& v : lesion.labels.data) v = v != 0 ? 1.0F : 0.0F;
    if (head) check_outside(s, "mask", share_outside(lesion.labels, *head), "the head on T1c");
    return std::move(lesion.labels);
  }

  void check_outside(const Subject& s, const std::string& column, double share, const std::string& of) {
    if (!(share > kSomeOutside)) return;
    add(s, column, share > kMuchOutside ? Severity::error : Severity::warning,
        text(percent(share), " of the lesion mask lies outside ", of, "; check that both are of this patient"));
  }

  void check_brain(const Subject& s, const std::optional<Geometry>& grid, const Mask& lesion, ColumnHashes& voxels) {
    ReadVolume file = read_volume(s.brain_mask);
    voxels["brain_mask"] = file.voxels_sha256;
    add_notes(s, "brain_mask", file.notes);
    if (grid) check_grid(s, "brain_mask", file.volume.geometry, *grid, "the brain mask");
    Notes notes;
    const Mask brain = understood_brain_mask(std::move(file.volume), file.order, text("the brain mask ", s.brain_mask), notes);
    add_notes(s, "brain_mask", notes);
    if (lesion.data.size() != brain.data.size()) return;
    double all = 0, outside = 0;
    for (std::size_t at = 0; at < brain.data.size(); ++at) {
      all += lesion.data[at] != 0 ? 1 : 0;
      outside += lesion.data[at] != 0 && brain.data[at] == 0 ? 1 : 0;
    }
    if (all > 0) check_outside(s, "mask", outside / all, "the brain mask");
  }

  CohortCheck finished() {
    std::stable_sort(result_.findings.begin(), result_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.line < b.line; });
    std::map<Severity, int> count;
    for (const Finding& f : result_.findings) ++count[f.severity];
    result_.errors = count[Severity::error];
    std::string labels;
    for (const auto& [label, n] : labels_)
      labels += text(labels.empty() ? " (" : ", ", n, " ", label.empty() ? "without label" : printable(label));
    result_.summary = text(counted(static_cast<int>(cohort_.subjects.size()), "subject"), labels, labels.empty() ? "" : ")",
                           ": ", counted(result_.errors, "error"), ", ", counted(count[Severity::warning], "warning"), ", ",
                           counted(count[Severity::note], "note"));
    return std::move(result_);
  }

  std::filesystem::path csv_;
  Progress& progress_;
  Cohort cohort_;
  std::map<std::string, int> labels_;
  std::vector<ColumnHashes> voxels_;
  std::vector<std::pair<int, std::string>> equal_;  // line and column of files that were found to be equal
  CohortCheck result_;
};

}  // namespace

std::string name_of(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

std::string plain_identifier(const std::string& id) {
  const std::string folded = case_folded(id);
  std::string joined;
  for (std::size_t i = 0; i < folded.size(); ++i) {
    if (std::string_view("-_. +@").find(folded[i]) == std::string_view::npos) {
      joined += folded[i];
      continue;
    }
    std::size_t next = i;
    while (next + 1 < folded.size() && std::string_view("-_. +@").find(folded[next + 1]) != std::string_view::npos) ++next;
    const bool between_numbers =
        !joined.empty() && is_digit(joined.back()) && next + 1 < folded.size() && is_digit(folded[next + 1]);
    if (between_numbers) joined += '-';
    i = next;
  }
  std::string plain;
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const bool starts_number = i == 0 || !is_digit(joined[i - 1]);
    if (starts_number && joined[i] == '0') {
      while (i + 1 < joined.size() && joined[i] == '0' && is_digit(joined[i + 1])) ++i;
    }
    plain += joined[i];
  }
  return plain;
}

bool looks_mangled(const std::string& id) {
  const std::size_t e = id.find('E');
  double value = 0;
  if (e != std::string::npos && e > 0 && parse_number(id.substr(0, e), value)) {
    const std::string power = id.substr(e + 1 + (e + 1 < id.size() && (id[e + 1] == '+' || id[e + 1] == '-') ? 1 : 0));
    if (!power.empty() && std::all_of(power.begin(), power.end(), is_digit)) return true;
  }
  const std::vector<std::string> parts = split_at(id, '-');
  if (parts.size() != 2 && parts.size() != 3) return false;
  static constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
  int months = 0, numbers = 0;
  for (const std::string& part : parts) {
    months += std::find(std::begin(kMonths), std::end(kMonths), case_folded(part)) != std::end(kMonths) ? 1 : 0;
    numbers += !part.empty() && part.size() <= 4 && std::all_of(part.begin(), part.end(), is_digit) ? 1 : 0;
  }
  return months == 1 && numbers + 1 == static_cast<int>(parts.size());
}

CohortCheck check_cohort(const std::filesystem::path& csv, Progress& progress) { return CohortChecker(csv, progress).run(); }

}  // namespace vitrine::imaging

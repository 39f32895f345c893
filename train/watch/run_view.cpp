#include "train/watch/run_view.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/number.h"
#include "data/dataset.h"
#include "train/watch/fold_watch.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxTable = std::uint64_t{64} << 20, kMaxJson = std::uint64_t{16} << 20;
constexpr std::size_t kMostEpochs = 1'000'000, kMostColumns = 64, kMostFolds = 1000, kMostRuns = 64, kTimedEpochs = 10;
constexpr const char *kConfig = "config.json", *kStudy = "study.json", *kDone = "fold.json", *kHistory = "history.csv";

// The bytes of a file that another process may be writing; nothing when it cannot be read just now.
std::optional<std::string> bytes_of(const fs::path& path, std::uint64_t most) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (!path_exists(path)) return std::nullopt;
    try {
      return read_file(path, most);
    } catch (const FileError&) {  // gone, or changed while it was read
    }
  }
  return std::nullopt;
}

std::optional<Json> json_of(const fs::path& path) {
  const std::optional<std::string> bytes = bytes_of(path, kMaxJson);
  if (!bytes) return std::nullopt;
  try {
    return parse_json(*bytes);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

std::string text_or_empty(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string() ? printable(object[key].get<std::string>(), 60)
                                                                               : std::string();
}

int count_in(std::string_view text, std::size_t most) {
  std::int64_t value = 0;
  return parse_number(text, value) && value > 0 && value <= static_cast<std::int64_t>(most) ? static_cast<int>(value) : 0;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  while (cells.size() < kMostColumns) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
  return cells;
}

Monitor monitor_or_accuracy(std::string_view name) {
  for (const Monitor monitor : {Monitor::auc, Monitor::loss, Monitor::f1}) {
    if (name == name_of(monitor)) return monitor;
  }
  return Monitor::accuracy;
}

// A history, line by line: other than read_csv of base/csv.h it takes what is whole of a file that is being written.
class TableReader {
 public:
  FoldView read(std::string_view bytes) {
    while (view_.history.size() < kMostEpochs) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) break;  // half a line
      take(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
    }
    view_.best_epoch = view_.refit_after > 0 ? 0 : best_of(view_.history, view_.monitor);
    set_speed();
    return std::move(view_);
  }

 private:
  static int best_of(const std::vector<EpochRecord>& history, Monitor monitor) {
    const EpochRecord* best = nullptr;
    for (const EpochRecord& e : history) {
      if (best == nullptr || is_better(e, *best, monitor)) best = &e;
    }
    return best == nullptr ? 0 : best->epoch;
  }

  void take(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("# ")) return take_comment(line.substr(2));
    const std::vector<std::string_view> cells = cells_of(line);
    if (header_.empty()) {
      for (const std::string_view cell : cells) header_.emplace_back(cell);
      return;
    }
    EpochRecord e;
    const double next = static_cast<double>(view_.history.size() + 1);
    if (number(cells, "epoch") != next) return;  // a row that is none
    e.epoch = static_cast<int>(next);
    e.train_loss = number(cells, "train_loss");
    e.validation_loss = number(cells, "validation_loss");
    e.validation_accuracy = number(cells, "validation_accuracy");
    e.validation_f1 = number(cells, "validation_f1");
    const double auc = number(cells, "validation_auc");
    e.validation_auc = auc >= 0 && auc <= 1 ? auc : -1;
    e.lr = number(cells, "lr");
    e.momentum = number(cells, "momentum");
    view_.history.push_back(e);
    const double images = number(cells, "images"), seconds = number(cells, "seconds");
    if (images >= 0 && seconds >= 0 && images < 1e12 && seconds < 1e9) times_.emplace_back(images, seconds);
  }

  void take_comment(std::string_view line) {
    const std::size_t space = line.find(' ');
    const std::string_view key = line.substr(0, space),
                           value = space == line.npos ? std::string_view() : line.substr(space + 1);
    if (key == "inputs") view_.inputs = printable(value, 60);
    if (key == "epochs") view_.epochs = count_in(value, kMostEpochs);
    if (key == "refit-after") view_.refit_after = count_in(value, kMostEpochs);
    if (key == "monitor") view_.monitor = monitor_or_accuracy(value);
    if (key == "warning") view_.warning = printable(value, 300);
  }

  double number(const std::vector<std::string_view>& cells, std::string_view column) const {
    const auto at = static_cast<std::size_t>(std::find(header_.begin(), header_.end(), column) - header_.begin());
    double value = 0;
    return at < cells.size() && at < header_.size() && parse_number(cells[at], value) ? value : std::nan("");
  }

  void set_speed() {
    double images = 0, seconds = 0;
    const std::size_t timed = std::min(times_.size(), kTimedEpochs);
    for (std::size_t i = times_.size() - timed; i < times_.size(); ++i) {
      images += times_[i].first;
      seconds += times_[i].second;
    }
    if (timed == 0 || seconds <= 0) return;
    view_.seconds_per_epoch = seconds / static_cast<double>(timed);
    view_.images_per_second = images / seconds;
  }

  FoldView view_;
  std::vector<std::string> header_;
  std::vector<std::pair<double, double>> times_;  // images and seconds of an epoch
};

// A finished fold does not say itself by what its epoch was chosen.
void be_judged_as(const RunView& run, FoldView& fold) {
  if (run.monitor != Monitor::accuracy) fold.monitor = run.monitor;
}

double seconds_since(fs::file_time_type when) {
  return std::max(0.0, std::chrono::duration<double>(fs::file_time_type::clock::now() - when).count());
}

// At work while one of the folds is, stopped when one was begun and none is; between two folds it waits.
WorkState state_of(const std::vector<FoldView>& folds) {
  const auto count = [&](WorkState state) {
    return static_cast<std::size_t>(
        std::count_if(folds.begin(), folds.end(), [&](const FoldView& f) { return f.state == state; }));
  };
  if (count(WorkState::working) > 0) return WorkState::working;
  if (count(WorkState::finished) == folds.size() && !folds.empty()) return WorkState::finished;
  return count(WorkState::stopped) > 0 ? WorkState::stopped : WorkState::waiting;
}

WorkState state_of(const std::vector<RunView>& runs) {
  std::vector<FoldView> parts(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) parts[i].state = runs[i].state;
  return state_of(parts);
}

}  // namespace

FoldView RunReader::read_table(const fs::path& table) {
  std::error_code none;
  const std::uintmax_t bytes = fs::file_size(table, none);
  const fs::file_time_type modified = none ? fs::file_time_type() : fs::last_write_time(table, none);
  if (none) return {};
  Seen& seen = seen_[table];
  if (seen.bytes != bytes || seen.modified != modified) {
    if (const std::optional<std::string> content = bytes_of(table, kMaxTable))
      seen = {bytes, modified, TableReader().read(*content)};
  }
  FoldView fold = seen.fold;
  fold.silent_seconds = seconds_since(modified);
  return fold;
}

FoldView RunReader::read_fold(const fs::path& folder) {
  const std::optional<LockHolder> holder = lock_holder(folder);  // before the files: who finishes lets go last
  const std::optional<Json> done = json_of(folder / kDone);
  FoldView fold = read_table(folder / (done ? kHistory : kLastEpochs));
  if (fold.history.empty() && !done) fold = read_table(folder / kHistory);
  fold.name = printable(folder.filename().string(), 60);
  if (holder) fold.holder = holder->line;
  fold.holder_ended = holder && holder->ended;
  fold.damaged = !done && path_exists(folder / kDone);
  const bool begun = !fold.history.empty() || path_exists(folder / kLastEpochs) || path_exists(folder / "last.safetensors");
  if (done) {
    fold.state = WorkState::finished;
    if (done->is_object() && done->contains("best_epoch") && (*done)["best_epoch"].is_number_integer()) {
      const std::int64_t best = (*done)["best_epoch"].get<std::int64_t>();
      if (best >= 1 && best <= static_cast<std::int64_t>(fold.history.size())) fold.best_epoch = static_cast<int>(best);
    }
  } else if (holder && !holder->ended) {
    fold.state = WorkState::working;
  } else if (begun || holder) {
    fold.state = WorkState::stopped;
  }
  return fold;
}

RunView RunReader::read_run(const fs::path& folder) {
  RunView run;
  run.name = printable(folder.filename().string(), 60);
  std::size_t folds = 0;
  if (const std::optional<Json> config = json_of(folder / kConfig)) {
    run.inputs = text_or_empty(*config, "inputs");
    run.arch = text_or_empty(*config, "arch");
    run.epochs = count_in(text_or_empty(*config, "epochs"), kMostEpochs);
    if (const auto choice = config->is_object() && config->contains("select") && (*config)["select"].is_string()
                                ? choice_of_description((*config)["select"].get<std::string>())
                                : std::nullopt)
      run.monitor = monitor_from_name(choice->monitor);
    folds = static_cast<std::size_t>(count_in(text_or_empty(*config, "folds"), kMostFolds));
  }
  for (std::size_t i = 0; i < kMostFolds; ++i) {
    check_interrupt("watching");
    const fs::path place = folder / text("fold_", i);
    if (i >= folds && !is_folder(place)) break;
    run.folds.push_back(read_fold(place));
    be_judged_as(run, run.folds.back());
  }
  run.state = state_of(run.folds);
  if (run.state == WorkState::finished && !path_exists(folder / "summary.json")) run.state = WorkState::working;
  return run;
}

WatchView RunReader::read_study() {
  WatchView view;
  std::vector<std::string> names = input_configuration_names();
  for (const fs::path& entry : entries_of(path_ / "runs")) {
    const std::string name = entry.filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end() && names.size() < kMostRuns && is_folder(entry))
      names.push_back(name);
  }
  const bool reported = path_exists(path_ / "report.html");
  for (const std::string& name : names) {
    RunView run = read_run(path_ / "runs" / name);
    run.state = state_of(run.folds);  // its summary comes with the report, whoever trained its folds
    if (!reported || !run.folds.empty()) view.runs.push_back(std::move(run));
  }
  const std::optional<LockHolder> holder = lock_holder(path_);
  if (holder) view.holder = holder->line;
  view.holder_ended = holder && holder->ended;
  const bool held = holder && !holder->ended;
  const WorkState runs = state_of(view.runs);
  if (runs == WorkState::finished && reported && !held) {
    view.stage = "finished";
    view.state = WorkState::finished;
    return view;
  }
  const std::optional<Json> study = json_of(path_ / kStudy);
  const bool prepared = study && study->is_object() && study->contains("prepared") && (*study)["prepared"] == true;
  view.stage = !prepared && !path_exists(path_ / "prep" / "manifest.csv") ? "prep"
               : !path_exists(path_ / "splits.json")                      ? "split"
               : runs != WorkState::finished                              ? "cross-validation"
                                                                          : "report";
  if (view.stage == "prep") view.prepared = static_cast<std::int64_t>(entries_of(path_ / "prep" / "subjects").size());
  view.state = held || runs == WorkState::working ? WorkState::working : WorkState::stopped;
  return view;
}

WatchView RunReader::read() {
  WatchView view;
  const fs::path absolute = fs::absolute(path_).lexically_normal();
  const fs::path named = absolute.has_filename() ? absolute : absolute.parent_path();
  const bool is_fold = path_exists(path_ / kDone) || path_exists(path_ / kLastEpochs) || path_exists(path_ / ".vitrine-lock");
  if (path_exists(path_ / kStudy)) {
    view = read_study();
  } else if (path_exists(path_ / kConfig)) {
    view.runs.push_back(read_run(named));
    view.state = view.runs.front().state;
  } else if (is_fold) {
    RunView run = read_run(named.parent_path());
    run.folds = {read_fold(named)};
    be_judged_as(run, run.folds.front());
    if (run.inputs.empty()) run.inputs = run.folds.front().inputs;
    if (run.epochs == 0) run.epochs = run.folds.front().epochs;
    run.state = run.folds.front().state;
    view.state = run.state;
    view.runs.push_back(std::move(run));
  } else {
    const std::string flaw = is_folder(path_)     ? "is no folder of a run"
                             : path_exists(path_) ? "is no folder"
                                                  : "does not exist";
    throw DataError(text(path_, " ", flaw, "; expected what -o named: of `vitrine cv` or `train` (it has ", kConfig,
                         "), of `study` or `demo` (", kStudy, "), or a fold_N in a run"));
  }
  view.path = path_;
  return view;
}

}  // namespace vitrine

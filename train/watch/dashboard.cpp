#include "train/watch/dashboard.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/terminal.h"
#include "train/watch/curves.h"

namespace vitrine {
namespace {

constexpr std::size_t kNarrow = 60, kMostPlotRows = 8, kPanels = 3;

// Of the training at hand; `epochs` are those of the first one.
int epochs_of(const FoldView& fold, int epochs) { return fold.refit_after > 0 ? fold.epochs : epochs; }

double left_of(const FoldView& fold, int epochs) {
  if (fold.state == WorkState::finished || fold.seconds_per_epoch <= 0) return 0;
  const double rest = static_cast<double>(epochs_of(fold, epochs)) - static_cast<double>(fold.history.size());
  const double begun = fold.state == WorkState::working ? std::min(fold.silent_seconds, fold.seconds_per_epoch) : 0;
  return std::max(0.0, rest * fold.seconds_per_epoch - begun);
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e9)));
  const auto two = [](std::int64_t n) { return text(n < 10 ? "0" : "", n); };
  if (whole >= 3600) return text(whole / 3600, ":", two(whole / 60 % 60), ":", two(whole % 60));
  return text(whole / 60, ":", two(whole % 60));
}

// Three digits that matter; none for a number that is none.
std::string figure(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size != 0 && (size >= 1e5 || size < 1e-3)) {
    const auto power = static_cast<int>(std::floor(std::log10(size)));
    return text(fixed(value / std::pow(10.0, power), 1), "e", power);
  }
  return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

std::string speed(double value) { return value >= 10 ? fixed(value, 0) : value >= 1 ? fixed(value, 1) : figure(value); }

const char* word_of(WorkState state) {
  switch (state) {
    case WorkState::waiting: return "waiting";
    case WorkState::working: return "in work";
    case WorkState::stopped: return "stopped";
    case WorkState::finished: return "finished";
  }
  return "";
}

class Frame {
 public:
  Frame(const WatchView& view, const FrameOptions& options) : view_(view), o_(options) {}

  std::vector<std::string> lines() {
    head();
    table();
    focus();
    if (o_.rows > 0 && lines_.size() > o_.rows) lines_.resize(o_.rows);
    return std::move(lines_);
  }

 private:
  struct Row {
    std::string name, marks, count, note;
    WorkState state = WorkState::waiting;
    double fraction = 0;
  };

  const char* sign(WorkState state) const {
    switch (state) {
      case WorkState::waiting: return o_.utf8 ? "·" : ".";
      case WorkState::working: return o_.utf8 ? "▶" : ">";
      case WorkState::stopped: return o_.utf8 ? "‖" : "!";
      case WorkState::finished: return o_.utf8 ? "■" : "#";
    }
    return "";
  }

  static std::string padded(std::string text, std::size_t columns) {
    const std::size_t used = columns_of(text);
    return used < columns ? text.append(columns - used, ' ') : text;
  }
  static std::string right(const std::string& text, std::size_t columns) {
    const std::size_t used = columns_of(text);
    return used < columns ? std::string(columns - used, ' ') + text : text;
  }
  std::string styled(const char* code, const std::string& text) const {
    return o_.colour && !text.empty() ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
  std::string in_its_colour(WorkState state, const std::string& text) const {
    return styled(state == WorkState::finished  ? "32"
                  : state == WorkState::working ? "1;36"
                  : state == WorkState::stopped ? "1;33"
                                                : "2",
                  text);
  }
  // Lines of its width; what does not fit is cut. `style` is an SGR code, or null.
  void put(const std::string& line, const char* style = nullptr) {
    const std::string cut = cut_to_columns(line, o_.columns);
    lines_.push_back(style == nullptr ? cut : styled(style, cut));
  }

  bool is_study() const { return !view_.stage.empty(); }

  void head() {
    const double eta = eta_seconds(view_);
    std::string how = word_of(view_.state);
    if (view_.state == WorkState::working && eta > 0) how += "  ETA " + duration(eta);
    how = cut_to_columns(how, o_.columns);
    const std::size_t taken = columns_of(how) + 2;
    const std::string name = o_.columns < kNarrow ? "" : "vitrine watch  ";
    const std::string what = cut_to_columns(name + shown(view_.path), o_.columns > taken ? o_.columns - taken : 0);
    const std::size_t gap =
        o_.columns > columns_of(what) + columns_of(how) ? o_.columns - columns_of(what) - columns_of(how) : 0;
    lines_.push_back(styled("1", what) + std::string(gap, ' ') + in_its_colour(view_.state, how));
    const std::string prepared = view_.prepared > 0 ? text(", ", view_.prepared, " subjects so far") : "";
    put(is_study() ? "study, " + view_.stage + prepared : settings(), "2");
    put("");
  }

  std::string settings() const {
    const RunView& run = view_.runs.front();
    std::string out;
    const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
    if (!run.arch.empty()) add(run.arch);
    if (!run.inputs.empty()) add(run.inputs);
    if (run.epochs > 0) add(text(run.folds.size(), run.folds.size() == 1 ? " fold" : " folds", " of ", run.epochs, " epochs"));
    return out;
  }

  // The figure that chose its epoch.
  static double best_of(const FoldView& fold) {
    const EpochRecord& best = fold.history[static_cast<std::size_t>(fold.best_epoch - 1)];
    return figure_of(best, fold.monitor).value_or(std::nan(""));
  }

  Row row_of(const FoldView& fold, int epochs) const {
    Row row;
    row.name = fold.name;
    row.state = fold.state;
    const std::size_t done = fold.history.size();
    const int all = epochs_of(fold, epochs);
    row.count = text(done, "/", all > 0 ? std::to_string(all) : "?");
    row.fraction = all > 0 ? static_cast<double>(fold.refit_after + static_cast<int>(done)) / (fold.refit_after + all) : 0;
    if (fold.state == WorkState::finished) row.fraction = 1;
    if (fold.refit_after > 0) row.note = "refit";
    if (fold.best_epoch > 0) {
      const std::string best = figure(best_of(fold));
      const std::string what = fold.monitor == Monitor::accuracy ? std::string() : name_of(fold.monitor) + " ";
      row.note = o_.columns < kNarrow ? best : text("best ", what, best, " at ", fold.best_epoch);
    }
    if (fold.damaged) row.note = "fold.json is damaged";
    return row;
  }

  Row row_of(const RunView& run) const {
    Row row;
    row.name = run.name;
    row.state = run.state;
    double done = 0, sum = 0;
    std::size_t finished = 0;
    for (const FoldView& fold : run.folds) {
      row.marks += sign(fold.state);
      const Row one = row_of(fold, run.epochs);
      done += one.fraction;
      if (fold.state != WorkState::finished || fold.best_epoch == 0) continue;
      sum += best_of(fold);
      ++finished;
    }
    row.count = text(finished, "/", run.folds.empty() ? "?" : std::to_string(run.folds.size()));
    row.fraction = run.folds.empty() ? 0 : done / static_cast<double>(run.folds.size());
    const std::string what = run.monitor == Monitor::accuracy ? "mean " : text("mean ", name_of(run.monitor), " ");
    if (std::ranges::any_of(run.folds, &FoldView::damaged)) {
      row.note = "a fold.json is damaged";
      return row;
    }
    if (finished > 0) row.note = (o_.columns < kNarrow ? "" : what) + figure(sum / static_cast<double>(finished));
    return row;
  }

  void table() {
    std::vector<Row> rows;
    if (is_study()) {
      for (const RunView& run : view_.runs) rows.push_back(row_of(run));
    } else {
      for (const FoldView& fold : view_.runs.front().folds) rows.push_back(row_of(fold, view_.runs.front().epochs));
    }
    Row widest;  // of each part the widest
    for (const Row& row : rows) {
      for (const auto part : {&Row::name, &Row::marks, &Row::count, &Row::note})
        if (columns_of(row.*part) > columns_of(widest.*part)) widest.*part = row.*part;
    }
    const std::size_t most = o_.rows == 0 ? rows.size() : std::max<std::size_t>(3, o_.rows / 2);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i + 1 == most && rows.size() > most) {
        put(text("  and ", rows.size() - i, " more"), "2");
        break;
      }
      put_row(rows[i], widest);
    }
  }

  void put_row(const Row& row, const Row& widest) {
    const bool words = o_.columns >= kNarrow;
    const std::size_t name = std::min<std::size_t>(columns_of(widest.name), words ? 24 : 14);
    std::string front = text(" ", padded(cut_to_columns(row.name, name), name), "  ");
    if (!widest.marks.empty() && words) front += padded(row.marks, columns_of(widest.marks)) + "  ";
    const std::string state = words ? padded(word_of(row.state), 8) : sign(row.state);
    std::string back = text(" ", right(row.count, columns_of(widest.count)));
    if (!widest.note.empty()) back += "  " + padded(row.note, columns_of(widest.note));
    constexpr std::size_t kLeast = 4, kMost = 60;
    const std::size_t fixed_part = columns_of(front) + columns_of(state) + 2 + columns_of(back);
    const std::size_t room = o_.columns > fixed_part ? std::min(kMost, o_.columns - fixed_part) : 0;
    const std::string filled = room < kLeast ? std::string() : bar(row.fraction, room, o_.utf8);
    if (columns_of(front) + columns_of(state) > o_.columns) return put(front);
    const std::size_t used = columns_of(front) + columns_of(state) + 2 + columns_of(filled);
    lines_.push_back(front + in_its_colour(row.state, state) + "  " + filled +
                     cut_to_columns(back, o_.columns > used ? o_.columns - used : 0));
    while (lines_.back().ends_with(' ')) lines_.back().pop_back();
  }

  // The fold that is shown in full: at work and heard of last; else begun, else finished.
  void choose() {
    const auto rank = [](const FoldView& f) {
      return f.state == WorkState::working ? 3 : f.state == WorkState::stopped ? 2 : f.state == WorkState::finished ? 1 : 0;
    };
    for (const RunView& run : view_.runs) {
      for (const FoldView& fold : run.folds) {
        if (rank(fold) == 0) continue;
        if (fold_ != nullptr &&
            (rank(fold) < rank(*fold_) || (rank(fold) == rank(*fold_) && fold.silent_seconds >= fold_->silent_seconds)))
          continue;
        fold_ = &fold;
        run_ = &run;
      }
    }
  }

  void focus() {
    choose();
    if (fold_ == nullptr) return holder(view_.holder, view_.holder_ended, view_.state);
    put("");
    std::string line = (is_study() ? run_->name + ", " : "") + fold_->name +
                       (fold_->refit_after > 0 ? ": refit epoch " : ": epoch ") + std::to_string(fold_->history.size());
    if (const int epochs = epochs_of(*fold_, run_->epochs); epochs > 0) line += text(" of ", epochs);
    std::vector<std::string> rest;
    if (fold_->images_per_second > 0) rest.push_back(speed(fold_->images_per_second) + " images/s");
    if (fold_->seconds_per_epoch > 0) rest.push_back(speed(fold_->seconds_per_epoch) + " s an epoch");
    const double left = left_of(*fold_, run_->epochs);
    if (fold_->state == WorkState::working && left > 0) rest.push_back("ETA " + duration(left));
    if (fold_->state == WorkState::finished) rest = {"finished"};
    for (const std::string& part : rest) {  // what does not fit begins a new line
      if (columns_of(line) + 2 + columns_of(part) > o_.columns) {
        put(line);
        line = "  " + part;
      } else {
        line += ", " + part;
      }
    }
    put(line);
    const bool of_fold = !fold_->holder.empty() || !is_study();
    holder(of_fold ? fold_->holder : view_.holder, of_fold ? fold_->holder_ended : view_.holder_ended, fold_->state);
    curves();
    if (!fold_->warning.empty()) put_wrapped("warning: " + fold_->warning, "33");
  }

  // Who holds the lock; when nobody does, what to do. In as many lines as it needs.
  void holder(const std::string& who, bool ended, WorkState state) {
    if (state == WorkState::working && !who.empty()) return put_wrapped(who);
    if (state != WorkState::stopped) return;
    const std::string gone = who.empty() ? "nobody works on it" : ended ? who + " has ended" : who;
    put_wrapped(gone + "; run the same command again to go on");
  }
  void put_wrapped(const std::string& sentence, const char* style = "2") {
    std::string line;
    for (std::size_t at = 0; at < sentence.size();) {
      const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
      const std::string word = sentence.substr(at, end - at);
      if (!line.empty() && columns_of(line) + 1 + columns_of(word) > o_.columns) {
        put(line, style);
        line.clear();
      }
      line += (line.empty() ? "" : " ") + word;
      at = end + 1;
    }
    put(line, style);
  }

  struct Panel {
    std::string title, short_title;
    std::vector<double> values;
  };

  std::vector<Panel> panels() const {
    std::vector<Panel> out{{"training loss", "train. loss", {}},
                           {"validation loss", "val. loss", {}},
                           {"validation accuracy", "val. accuracy", {}}};
    for (const EpochRecord& e : fold_->history) {
      out[0].values.push_back(e.train_loss);
      out[1].values.push_back(e.validation_loss);
      out[2].values.push_back(e.validation_accuracy);
    }
    if (fold_->refit_after > 0) out.resize(1);  // nothing judges the epochs of a second training
    return out;
  }

  void curves() {
    if (fold_->history.empty()) return;
    put("");
    const std::vector<Panel> all = panels();
    if (o_.columns < kNarrow) {
      for (const Panel& panel : all) {
        put(panel.title + "  " + figure(panel.values.back()));
        if (o_.columns > 2) put("  " + sparkline(panel.values, o_.columns - 2, o_.utf8));
      }
      return;
    }
    const std::size_t gap = 2, width = (o_.columns - (kPanels - 1) * gap) / kPanels;
    std::size_t rows = o_.columns >= 120 ? kMostPlotRows : 6;
    if (o_.rows > 0) rows = std::clamp<std::size_t>(o_.rows > lines_.size() + 3 ? o_.rows - lines_.size() - 3 : 0, 2, rows);
    std::vector<std::vector<std::string>> drawn;
    for (const Panel& panel : all) drawn.push_back(draw(panel, width, rows));
    for (std::size_t i = 0; i < drawn.front().size(); ++i) {
      std::string line;
      for (std::size_t p = 0; p < drawn.size(); ++p)
        line += text(std::string(p > 0 ? gap : 0, ' '), padded(drawn[p][i], width));
      while (line.ends_with(' ')) line.pop_back();
      put(line, i == 0 ? "1" : nullptr);
    }
  }

  // Title and last value; the curve between its highest and its lowest value; the epochs that it goes over.
  std::vector<std::string> draw(const Panel& panel, std::size_t width, std::size_t rows) const {
    double low = std::nan(""), high = std::nan("");
    for (const double v : panel.values) {
      if (!std::isfinite(v)) continue;
      low = !(low <= v) ? v : low;
      high = !(high >= v) ? v : high;
    }
    const std::string top = figure(high), bottom = figure(low), edge = o_.utf8 ? "│" : "|";
    const std::size_t label = std::max(columns_of(top), columns_of(bottom));
    const Canvas canvas{width - label - 2, rows, o_.utf8};
    const std::vector<std::string> plot = curve(panel.values, canvas);
    const std::string last = figure(panel.values.back());
    const bool fits = columns_of(panel.title) + 1 + columns_of(last) <= width;
    std::vector<std::string> out{cut_to_columns((fits ? panel.title : panel.short_title) + " " + last, width)};
    for (std::size_t i = 0; i < rows; ++i)
      out.push_back(right(i == 0 ? top : i + 1 == rows ? bottom : "", label) + " " + edge + plot[i]);
    const std::string epochs = std::to_string(panel.values.size());
    out.push_back(std::string(label + 2, ' ') + "1" + (epochs == "1" ? "" : right(epochs, canvas.columns - 1)));
    return out;
  }

  const WatchView& view_;
  FrameOptions o_;
  std::vector<std::string> lines_;
  const RunView* run_ = nullptr;
  const FoldView* fold_ = nullptr;
};

}  // namespace

double eta_seconds(const WatchView& view) {
  double epoch = 0;  // seconds, of the slowest fold at work
  double left = 0, at_work = 0;
  int epochs = 0;
  std::size_t folds = 0;
  for (const RunView& run : view.runs) {
    epochs = std::max(epochs, run.epochs);
    folds = std::max(folds, run.folds.size());
    for (const FoldView& fold : run.folds) {
      if (fold.state != WorkState::working) continue;
      epoch = std::max(epoch, fold.seconds_per_epoch);
      ++at_work;
    }
  }
  if (epoch <= 0) return -1;
  for (const RunView& run : view.runs) {
    if (run.folds.empty()) left += static_cast<double>(folds) * epochs * epoch;  // it has not begun, but will
    for (const FoldView& fold : run.folds) {
      if (fold.state == WorkState::finished) continue;
      const double rest = left_of(fold, run.epochs);
      left += rest > 0 ? rest : epoch * std::max(0.0, epochs_of(fold, run.epochs) - static_cast<double>(fold.history.size()));
    }
  }
  return left / std::max(1.0, at_work);
}

std::vector<std::string> dashboard(const WatchView& view, const FrameOptions& options) { return Frame(view, options).lines(); }

}  // namespace vitrine

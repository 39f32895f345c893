// The tables of `vitrine eval` on standard output.
#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/number.h"
#include "cli/eval.h"

namespace vitrine::cli {
namespace {

constexpr int kDigits = 3;
constexpr std::size_t kNameWidth = 34;

std::string shown_number(const std::optional<double>& value) { return value ? fixed(*value, kDigits) : "n/a"; }

std::string shown_interval(const std::optional<double>& low, const std::optional<double>& high) {
  return low && high ? text(fixed(*low, kDigits), " to ", fixed(*high, kDigits)) : "n/a";
}

std::string shown_folds(const std::optional<MeanSd>& over) {
  if (!over) return "n/a";
  if (over->count < 2) return text(fixed(over->mean, kDigits), " (n = 1)");
  return text(fixed(over->mean, kDigits), " +- ", fixed(over->sd, kDigits), " (n = ", over->count, ")");
}

std::string shown_p(const std::optional<double>& p) { return p && *p < 0.001 ? "below 0.001" : shown_number(p); }

void print_line(const std::string& line) { std::printf("%s\n", line.c_str()); }

std::string padded(std::string cell, std::size_t width) {
  cell.resize(std::max(cell.size() + 1, width), ' ');
  return cell;
}

// "1 slice", "40 slices"
std::string counted(int count, std::string_view what) { return text(count, " ", what, count == 1 ? "" : "s"); }

std::string threshold_text(const LevelEvaluation& e) {
  const Figure& pooled = e.pooled.threshold;
  if (pooled.value) return text("threshold ", fixed(*pooled.value, kDigits));
  if (e.part == Part::test) return text("no threshold: ", pooled.why);
  std::string all;
  for (const ScoredSet& fold : e.folds) all += (all.empty() ? "" : ", ") + shown_number(fold.threshold.value);
  return text("thresholds, each chosen on the other folds: ", all);
}

void print_figure(const LevelEvaluation& e, std::size_t f) {
  const FigureId& id = e.ids[f];
  std::string name(title_of(id.kind));
  if (id.of_class >= 0) name += text(", ", printable(e.classes[static_cast<std::size_t>(id.of_class)], 20));
  const Figure& pooled = e.pooled.figures[f];
  const Interval& interval = e.intervals[f];
  std::string line = "  " + padded(name, kNameWidth) + padded(shown_number(pooled.value), 10) +
                     padded(shown_interval(interval.low, interval.high), 18) + shown_folds(e.over_folds[f]);
  if (!pooled.value) {
    line += text("  [", pooled.why, "]");
  } else if (!interval.why.empty()) {
    line += text("  [", interval.why, "]");
  } else if (interval.left_out > 0) {
    line += text("  [", counted(interval.left_out, "replicate"), " left out]");
  }
  print_line(line);
}

void print_delong(const LevelEvaluation& e) {
  const AucVariance& d = e.delong;
  const std::string note = d.low.value ? delong_note(e.level, d.fewest) : d.low.why;
  print_line("  " + padded("AUC by DeLong", kNameWidth) + padded(shown_number(d.auc.value), 10) +
             shown_interval(d.low.value, d.high.value) + (note.empty() ? "" : text("  [", note, "]")));
}

void print_confusion(const LevelEvaluation& e) {
  std::string line = "  " + padded("confusion: actual, predicted as", kNameWidth);
  for (const std::string& name : e.classes) line += padded(printable(name, 20), 12);
  print_line(line);
  const std::vector<std::vector<int>> confusion = confusion_of(e.pooled.units.scores);
  for (std::size_t a = 0; a < confusion.size(); ++a) {
    line = "  " + padded("  " + printable(e.classes[a], 20), kNameWidth);
    for (const int count : confusion[a]) line += padded(std::to_string(count), 12);
    print_line(line);
  }
}

}  // namespace

void print_evaluation(const std::string& run, const LevelEvaluation& e, const BootstrapOptions& bootstrap) {
  const auto units = static_cast<int>(e.pooled.units.names.size());
  const bool validation = e.part == Part::validation;
  std::string what = text(printable(run, 60), ", ", name_of(e.part), ", ", counted(units, name_of(e.level)));
  if (e.level != Level::subject) what += " of " + counted(e.subjects, "subject");
  print_line(what + text(validation ? ": units of " : ": ensemble of ", counted(static_cast<int>(e.folds.size()), "fold"),
                         validation ? " together" : ""));
  print_line(text("  positive class ", printable(e.classes.back(), 40), "; ", threshold_text(e)));
  print_line("  " + padded("figure", kNameWidth) + padded(std::string(pooled_name(e.part)), 10) + padded("95 % interval", 18) +
             "mean +- sd over folds");
  for (std::size_t f = 0; f < e.ids.size(); ++f) print_figure(e, f);
  if (e.level == Level::subject) print_delong(e);
  print_confusion(e);
  print_line(text(
      "  intervals: ", bootstrap.replicates, " replicates of subjects, seed ", bootstrap.seed,
      e.subjects < kFewSubjects ? text("; of ", counted(e.subjects, "subject"), " they are too narrow") : std::string(), "\n"));
}

void print_comparisons(const std::vector<RunComparison>& comparisons) {
  if (comparisons.empty()) return;
  print_line("differences of AUCs, common samples; p is not adjusted for the number of comparisons");
  for (const RunComparison& c : comparisons) {
    const AucDifference& d = c.delong;
    print_line(text("  ", printable(c.a, 60), " - ", printable(c.b, 60), ", ", name_of(c.part), ", ",
                    counted(c.units, name_of(c.level)),
                    c.level == Level::subject ? "" : " of " + counted(c.subjects, "subject"),
                    c.left_out > 0 ? text(", ", counted(c.left_out, "sample"), " of one run left out") : std::string()));
    print_line(text("    ", shown_number(d.auc_a.value), " - ", shown_number(d.auc_b.value), " = ",
                    shown_number(d.difference.value), d.difference.value ? "" : text("  [", d.difference.why, "]")));
    print_line(text("    DeLong     ", padded(shown_interval(d.low.value, d.high.value), 20), "z ", shown_number(d.z.value),
                    ", p ", shown_p(d.p.value), d.p.value ? "" : text("  [", d.p.why, "]")));
    if (const std::string note = delong_note(c.level, d.fewest); !note.empty() && d.p.value)
      print_line("               " + note);
    print_line(text("    bootstrap  ", shown_interval(c.bootstrap.low, c.bootstrap.high),
                    c.bootstrap.why.empty() ? std::string() : text("  [", c.bootstrap.why, "]")));
  }
}

}  // namespace vitrine::cli

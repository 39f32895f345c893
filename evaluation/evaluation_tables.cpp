#include "evaluation/evaluation_tables.h"

#include <functional>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "evaluation/calibration.h"
#include "evaluation/precision_recall.h"

namespace vitrine {
namespace {

using Cells = std::vector<std::string>;

std::string cell(const std::optional<double>& value) { return value ? shortest(*value) : "n/a"; }
std::string cell(const Figure& figure) { return cell(figure.value); }

std::string line(Cells cells, const Cells& more) {
  cells.insert(cells.end(), more.begin(), more.end());
  return csv_line(cells);
}

Cells place_of(const std::string& run, const LevelEvaluation& e) {
  return {run, std::string(name_of(e.part)), std::string(name_of(e.level))};
}

// rows(set, beginning of its rows) for every fold and the pooled set of every part and level, below the header.
std::string table(const Cells& columns, const std::vector<RunEvaluation>& runs,
                  const std::function<std::string(const ScoredSet&, const Cells&)>& rows) {
  std::string csv = line({"run", "part", "level", "fold"}, columns);
  for (const RunEvaluation& run : runs) {
    for (const LevelEvaluation& e : run.parts) {
      Cells begin = place_of(run.run, e);
      begin.push_back("");
      for (std::size_t fold = 0; fold < e.folds.size(); ++fold) {
        begin.back() = std::to_string(e.folds[fold].fold);
        csv += rows(e.folds[fold], begin);
      }
      begin.back() = pooled_name(e.part);
      csv += rows(e.pooled, begin);
    }
  }
  return csv;
}

bool has_both_classes(const ScoredSet& set) {
  const std::vector<int> is_positive = set.units.scores.positives();
  return roc_auc(is_positive, set.units.scores.scores()).has_value();
}

// The rows of a figure; `begin`: run, part, level, figure, class.
std::string figure_rows(const LevelEvaluation& e, std::size_t f, const Cells& begin) {
  std::string csv;
  for (std::size_t fold = 0; fold < e.folds.size(); ++fold) {
    const Figure& figure = e.folds[fold].figures[f];
    csv += line(begin, {std::to_string(e.folds[fold].fold), cell(figure), "", "",
                        std::to_string(e.folds[fold].units.names.size()), "", figure.why});
  }
  const Figure& pooled = e.pooled.figures[f];
  const Interval& interval = e.intervals[f];
  csv += line(begin, {std::string(pooled_name(e.part)), cell(pooled), cell(interval.low), cell(interval.high),
                      std::to_string(e.pooled.units.names.size()), std::to_string(interval.left_out),
                      pooled.value ? interval.why : pooled.why});
  const std::optional<MeanSd>& over = e.over_folds[f];
  const std::string count = std::to_string(over ? over->count : 0);
  const std::string none = over ? "" : "no fold has the figure";
  const bool has_sd = over && over->count > 1;
  csv += line(begin, {"mean", over ? shortest(over->mean) : "n/a", "", "", count, "", none});
  csv += line(begin, {"sd", has_sd ? shortest(over->sd) : "n/a", "", "", count, "",
                      over && !has_sd ? "one fold has the figure, two are needed" : none});
  return csv;
}

std::string threshold_rows(const LevelEvaluation& e, const Cells& begin) {
  std::string csv;
  const auto row = [&](const std::string& fold, const ScoredSet& set) {
    csv += line(begin, {fold, cell(set.threshold), "", "", std::to_string(set.units.names.size()), "", set.threshold.why});
  };
  for (const ScoredSet& fold : e.folds) row(std::to_string(fold.fold), fold);
  row(std::string(pooled_name(e.part)), e.pooled);
  return csv;
}

std::string delong_row(const LevelEvaluation& e, const Cells& begin) {
  const AucVariance& d = e.delong;
  return line(begin,
              {std::string(pooled_name(e.part)), cell(d.auc), cell(d.low), cell(d.high),
               std::to_string(e.pooled.units.names.size()), "", d.low.value ? delong_note(e.level, d.fewest) : d.low.why});
}

}  // namespace

std::string delong_note(Level level, int fewest) {
  std::string note;
  if (level != Level::subject)
    note =
        text("the ", name_of(level), "s of a subject are not independent: DeLong's interval is too narrow and its p too small");
  if (fewest < kFewUnits)
    note += text(note.empty() ? "" : "; ", "with ", fewest,
                 " units of a class DeLong's normal approximation does not hold: p is too small");
  return note;
}

std::string_view pooled_name(Part part) { return part == Part::validation ? "pooled" : "ensemble"; }

std::string metrics_csv(const std::vector<RunEvaluation>& runs) {
  std::string csv =
      csv_line({"run", "part", "level", "figure", "class", "fold", "value", "low", "high", "n", "left_out", "why"});
  for (const RunEvaluation& run : runs) {
    for (const LevelEvaluation& e : run.parts) {
      Cells begin = place_of(run.run, e);
      begin.resize(5);
      for (std::size_t f = 0; f < e.ids.size(); ++f) {
        begin[3] = key_of(e.ids[f].kind);
        begin[4] = e.ids[f].of_class < 0 ? "" : e.classes[static_cast<std::size_t>(e.ids[f].of_class)];
        csv += figure_rows(e, f, begin);
      }
      begin[4].clear();
      begin[3] = "auc_delong";
      csv += delong_row(e, begin);
      begin[3] = "threshold";
      csv += threshold_rows(e, begin);
    }
  }
  return csv;
}

std::string roc_csv(const std::vector<RunEvaluation>& runs) {
  return table({"threshold", "false_positive_rate", "true_positive_rate"}, runs, [](const ScoredSet& set, const Cells& begin) {
    std::string csv;
    if (!has_both_classes(set)) return csv;
    const RocCurve curve = roc_curve(set.units.scores.positives(), set.units.scores.scores());
    for (std::size_t i = 0; i < curve.threshold.size(); ++i)
      csv += line(
          begin, {shortest(curve.threshold[i]), shortest(curve.false_positive_rate[i]), shortest(curve.true_positive_rate[i])});
    return csv;
  });
}

std::string pr_csv(const std::vector<RunEvaluation>& runs) {
  return table({"threshold", "recall", "precision"}, runs, [](const ScoredSet& set, const Cells& begin) {
    std::string csv;
    if (!has_both_classes(set)) return csv;
    const PrCurve curve = pr_curve(set.units.scores.positives(), set.units.scores.scores());
    for (std::size_t i = 0; i < curve.threshold.size(); ++i)
      csv += line(begin, {shortest(curve.threshold[i]), shortest(curve.recall[i]), shortest(curve.precision[i])});
    return csv;
  });
}

std::string calibration_csv(const std::vector<RunEvaluation>& runs) {
  return table({"low", "high", "count", "predicted", "observed"}, runs, [](const ScoredSet& set, const Cells& begin) {
    std::string csv;
    for (const CalibrationBin& bin : calibration(set.units.scores))
      csv += line(begin,
                  {shortest(bin.low), shortest(bin.high), std::to_string(bin.count), cell(bin.predicted), cell(bin.observed)});
    return csv;
  });
}

std::string confusion_csv(const std::vector<RunEvaluation>& runs) {
  return table({"actual", "predicted", "count"}, runs, [](const ScoredSet& set, const Cells& begin) {
    std::string csv;
    const std::vector<std::vector<int>> confusion = confusion_of(set.units.scores);
    for (std::size_t a = 0; a < confusion.size(); ++a) {
      for (std::size_t p = 0; p < confusion.size(); ++p)
        csv += line(begin, {set.units.classes[a], set.units.classes[p], std::to_string(confusion[a][p])});
    }
    return csv;
  });
}

std::string differences_csv(const std::vector<RunComparison>& comparisons) {
  std::string csv = csv_line({"a", "b", "part", "level", "units", "subjects", "samples_left_out", "auc_a", "auc_b",
                              "difference", "delong_low", "delong_high", "delong_standard_error", "z", "p", "bootstrap_low",
                              "bootstrap_high", "replicates_left_out", "why"});
  for (const RunComparison& c : comparisons) {
    const AucDifference& d = c.delong;
    csv += csv_line({c.a, c.b, std::string(name_of(c.part)), std::string(name_of(c.level)), std::to_string(c.units),
                     std::to_string(c.subjects), std::to_string(c.left_out), cell(d.auc_a), cell(d.auc_b), cell(d.difference),
                     cell(d.low), cell(d.high), cell(d.standard_error), cell(d.z), cell(d.p), cell(c.bootstrap.low),
                     cell(c.bootstrap.high), std::to_string(c.bootstrap.left_out),
                     d.p.value ? delong_note(c.level, d.fewest) : d.p.why});
  }
  return csv;
}

}  // namespace vitrine

// The figures of a report: of the paper's tables, and of evaluation/ by slice, lesion and subject.
#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "cli/report_data.h"
#include "evaluation/calibration.h"
#include "evaluation/precision_recall.h"

namespace vitrine::cli {
namespace {

report::Value value_of(const std::optional<MeanSd>& v) { return v ? report::Value{v->mean, v->sd, v->count} : report::Value{}; }

report::PartResult part_of(const PartSummary& summary, const std::vector<FoldFiles>& folds, bool test) {
  report::PartResult part;
  part.accuracy = value_of(summary.accuracy);
  part.auc = value_of(summary.auc);
  for (const ClassSummary& c : summary.classes)
    part.classes.push_back({c.name, value_of(c.precision), value_of(c.recall), value_of(c.f1)});
  for (const FoldFiles& fold : folds) {
    // In the order of evaluation/units.h, so that roc.csv has the same points.
    const Units units = units_of(test ? fold.test : fold.validation, fold.classes, Level::slice);
    if (!roc_auc(units.scores.positives(), units.scores.scores())) continue;
    RocCurve curve = roc_curve(units.scores.positives(), units.scores.scores());
    part.roc.push_back({std::move(curve.false_positive_rate), std::move(curve.true_positive_rate)});
  }
  return part;
}

std::string threshold_text(const LevelEvaluation& e) {
  const Figure& pooled = e.pooled.threshold;
  if (pooled.value) return text("threshold ", fixed(*pooled.value, 3), ", chosen on the validation units of all folds");
  if (e.part == Part::test) return text("no threshold: ", pooled.why);
  std::string all, why;
  for (const ScoredSet& fold : e.folds) {
    all += (all.empty() ? "" : ", ") + (fold.threshold.value ? fixed(*fold.threshold.value, 3) : std::string("n/a"));
    if (!fold.threshold.value) why = fold.threshold.why;
  }
  return text("thresholds of the folds, each chosen on the others: ", all, why.empty() ? "" : " (n/a: " + why + ")");
}

report::LevelResult level_result(const LevelEvaluation& e) {
  report::LevelResult level;
  level.part = name_of(e.part);
  level.level = name_of(e.level);
  const Scores& scores = e.pooled.units.scores;
  const std::vector<int> positives = scores.positives();
  level.units = static_cast<int>(scores.size());
  level.positives = static_cast<int>(std::count(positives.begin(), positives.end(), 1));
  level.subjects = e.subjects;
  level.folds = static_cast<int>(e.folds.size());
  level.threshold = threshold_text(e);
  for (std::size_t f = 0; f < e.ids.size(); ++f) {
    if (e.ids[f].of_class >= 0) continue;  // those of each class stand in Tables 2 and 3 and in metrics.csv
    const Figure& figure = e.pooled.figures[f];
    const Interval& interval = e.intervals[f];
    level.figures.push_back({std::string(key_of(e.ids[f].kind)), figure.value, interval.low, interval.high,
                             figure.value ? interval.why : figure.why, value_of(e.over_folds[f])});
  }
  level.confusion = confusion_of(scores);
  for (const CalibrationBin& b : calibration(scores)) level.bins.push_back({b.low, b.high, b.count, b.predicted, b.observed});
  if (roc_auc(positives, scores.scores())) {
    PrCurve curve = pr_curve(positives, scores.scores());
    level.pr = {std::move(curve.recall), std::move(curve.precision)};
  }
  return level;
}

report::Difference difference_of(const RunComparison& c) {
  report::Difference d{
      c.a, c.b, std::string(name_of(c.part)), std::string(name_of(c.level)), {}, c.units, c.subjects, {}, {}, {}, {}, {}};
  d.value = c.delong.difference.value;
  if (c.level == Level::subject) {
    d.method = "DeLong";
    d.low = c.delong.low.value;
    d.high = c.delong.high.value;
    d.p = c.delong.p.value;
    d.why = d.p ? delong_note(c.level, c.delong.fewest) : c.delong.p.why;
    if (!d.value) d.why = c.delong.difference.why;
  } else {
    d.method = "bootstrap";
    d.low = c.bootstrap.low;
    d.high = c.bootstrap.high;
    d.why = d.value ? c.bootstrap.why : c.delong.difference.why;
  }
  if (c.left_out > 0) d.why += text(d.why.empty() ? "" : "; ", c.left_out, " slices are in one of the runs alone and left out");
  return d;
}

}  // namespace

void add_run(report::StudyResult& study, const ReportedRun& run) {
  report::InputResult result;
  result.inputs = run.inputs;
  result.classes = run.run.folds.front().classes;
  result.validation = part_of(run.run.validation, run.run.folds, false);
  result.test = part_of(run.run.test, run.run.folds, true);
  for (std::size_t f = 0; f < run.run.folds.size(); ++f) {
    const FoldFiles& fold = run.run.folds[f];
    report::History history;
    history.fold = run.run.numbers[f];
    history.best_epoch = fold.best_epoch - 1;
    for (const EpochRecord& e : fold.history) {
      history.train_loss.push_back(e.train_loss);
      history.validation_loss.push_back(e.validation_loss);
      history.validation_accuracy.push_back(e.validation_accuracy);
    }
    for (const EpochRecord& e : fold.refit) history.refit_loss.push_back(e.train_loss);
    result.folds.push_back(std::move(history));
  }
  study.inputs.push_back(std::move(result));
}

void add_evaluations(ReportData& data, const std::vector<ReportedRun>& runs) {
  std::vector<RunPredictions> predictions;
  for (const ReportedRun& run : runs) predictions.push_back(predictions_of(run.inputs, run.run));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    RunEvaluation evaluation{runs[i].inputs, {}};
    for (const Part part : {Part::validation, Part::test}) {
      for (const Level level : kLevels) {
        evaluation.parts.push_back(evaluate(predictions[i], part, level));
        data.study.inputs[i].levels.push_back(level_result(evaluation.parts.back()));
      }
    }
    data.evaluations.push_back(std::move(evaluation));
  }
  // The last input minus each of the others first: the paper's question.
  for (std::size_t a = runs.size(); a-- > 0;) {
    for (std::size_t b = 0; b < a; ++b) {
      for (const Part part : {Part::validation, Part::test}) {
        for (const Level level : kLevels) {
          data.comparisons.push_back(compare(predictions[a], predictions[b], part, level));
          data.study.differences.push_back(difference_of(data.comparisons.back()));
        }
      }
    }
  }
}

}  // namespace vitrine::cli

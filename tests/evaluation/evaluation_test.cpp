// A whole run: parts, levels, thresholds, intervals, tables, and two runs against each other.
#include "evaluation/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "evaluation/evaluation_tables.h"
#include "evaluation/threshold.h"
#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kFolds = 3, kValidationSubjects = 8, kTestSubjects = 6, kLesions = 2, kSlices = 3;

// Slices of a subject share most of what is drawn for them.
Prediction drawn(const std::string& subject, int label, int lesion, int slice, std::uint32_t network, std::uint64_t seed) {
  std::uint32_t number = 0;
  for (const char c : subject) number = number * 31 + static_cast<std::uint32_t>(c);
  const Draw of_subject{.seed = seed, .sample = number};
  const Draw of_slice{
      .seed = seed, .epoch = network + 1, .sample = number, .op = static_cast<std::uint32_t>(lesion * 10 + slice)};
  const double positive = 0.6 * (0.5 * of_subject.uniform(0) + 0.5 * label) + 0.4 * of_slice.uniform(0);
  return {subject + "_" + std::to_string(lesion) + "_" + std::to_string(slice),
          subject,
          lesion,
          slice,
          label,
          {1 - positive, positive}};
}

void append_subject(std::vector<Prediction>& part, const std::string& subject, int label, std::uint32_t network,
                    std::uint64_t seed) {
  for (int lesion = 1; lesion <= kLesions; ++lesion) {
    for (int slice = 1; slice <= kSlices; ++slice) part.push_back(drawn(subject, label, lesion, slice, network, seed));
  }
}

RunPredictions drawn_run(const std::string& name = "run", std::uint64_t seed = 1) {
  RunPredictions run{name, {"NSCLC", "SCLC"}, {}};
  for (int fold = 0; fold < kFolds; ++fold) {
    FoldPredictions predictions;
    for (int s = 0; s < kValidationSubjects; ++s)
      append_subject(predictions.validation, "V" + std::to_string(fold * kValidationSubjects + s), s % 2,
                     static_cast<std::uint32_t>(fold), seed);
    for (int s = 0; s < kTestSubjects; ++s)
      append_subject(predictions.test, "T" + std::to_string(s), s % 2, static_cast<std::uint32_t>(fold), seed);
    run.folds.push_back(std::move(predictions));
  }
  return run;
}

const EvaluationOptions kQuick{{}, {200, 42}};

TEST(Evaluation, PoolsValidationAndAveragesTest) {
  const RunPredictions run = drawn_run();
  const LevelEvaluation validation = evaluate(run, Part::validation, Level::subject, kQuick);
  EXPECT_EQ(validation.subjects, kFolds * kValidationSubjects);
  EXPECT_EQ(validation.pooled.units.names.size(), 24u);
  EXPECT_EQ(evaluate(run, Part::validation, Level::lesion, kQuick).pooled.units.names.size(), 48u);
  EXPECT_EQ(evaluate(run, Part::validation, Level::slice, kQuick).pooled.units.names.size(), 144u);
  const LevelEvaluation test = evaluate(run, Part::test, Level::subject, kQuick);
  EXPECT_EQ(test.subjects, kTestSubjects);
  ASSERT_EQ(test.folds.size(), 3u);
  for (std::size_t unit = 0; unit < 6; ++unit) {
    double mean = 0;
    for (const ScoredSet& fold : test.folds) mean += fold.units.scores.score(unit) / 3;
    EXPECT_NEAR(test.pooled.units.scores.score(unit), mean, 1e-15);
  }
  const std::size_t auc = test.at(FigureKind::auc);
  std::vector<double> aucs;
  for (const ScoredSet& fold : test.folds) aucs.push_back(*fold.figures[auc].value);
  EXPECT_EQ(test.over_folds[auc]->mean, mean_sd(aucs)->mean);
  EXPECT_EQ(test.over_folds[auc]->sd, mean_sd(aucs)->sd);
  EXPECT_EQ(test.over_folds[auc]->count, 3);
  EXPECT_EQ(*test.delong.auc.value, *test.pooled.figures[auc].value);
  const std::size_t brier = test.at(FigureKind::brier);
  ASSERT_TRUE(test.intervals[brier].low.has_value());
  EXPECT_LT(*test.intervals[brier].low, *test.pooled.figures[brier].value);
  EXPECT_GT(*test.intervals[brier].high, *test.pooled.figures[brier].value);
  EXPECT_THROW(evaluate(run, Part::test, Level::slice, kQuick).at(FigureKind::vote_accuracy), InternalError);
}

TEST(Evaluation, ThresholdsAreChosenElsewhere) {
  RunPredictions run = drawn_run();
  const LevelEvaluation validation = evaluate(run, Part::validation, Level::lesion, kQuick);
  const LevelEvaluation test = evaluate(run, Part::test, Level::lesion, kQuick);
  const Units others = joined({validation.folds[1].units, validation.folds[2].units});
  EXPECT_EQ(validation.folds[0].threshold.value, youden_threshold(others.scores).value);
  EXPECT_EQ(test.folds[0].threshold.value, youden_threshold(validation.folds[0].units.scores).value);
  EXPECT_EQ(test.pooled.threshold.value, youden_threshold(validation.pooled.units.scores).value);
  // Whatever the test part holds, thresholds stay; what fold 0 validates moves the thresholds of others alone.
  for (FoldPredictions& fold : run.folds) {
    for (Prediction& p : fold.test) p.probability = {p.probability[1], p.probability[0]};
  }
  EXPECT_EQ(evaluate(run, Part::test, Level::lesion, kQuick).pooled.threshold.value, test.pooled.threshold.value);
  for (Prediction& p : run.folds[0].validation) p.probability = {1 - p.probability[1] / 2, p.probability[1] / 2};
  const LevelEvaluation moved = evaluate(run, Part::validation, Level::lesion, kQuick);
  EXPECT_EQ(moved.folds[0].threshold.value, validation.folds[0].threshold.value);
  EXPECT_NE(moved.folds[1].threshold.value, validation.folds[1].threshold.value);
  const LevelEvaluation given = evaluate(run, Part::validation, Level::lesion, {0.25, {200, 42}});
  EXPECT_EQ(given.pooled.threshold.value, 0.25);
  EXPECT_EQ(given.folds[2].threshold.value, 0.25);
}

TEST(Evaluation, OneFoldHasNoThresholdForItsValidation) {
  RunPredictions run = drawn_run();
  run.folds.resize(1);
  const LevelEvaluation e = evaluate(run, Part::validation, Level::subject, kQuick);
  const std::size_t sensitivity = e.at(FigureKind::sensitivity), auc = e.at(FigureKind::auc);
  EXPECT_EQ(e.pooled.figures[sensitivity].why, "one fold leaves no other validation part to choose a threshold on");
  EXPECT_FALSE(e.intervals[sensitivity].why.empty());
  EXPECT_TRUE(e.pooled.figures[auc].value.has_value());
  EXPECT_TRUE(evaluate(run, Part::test, Level::subject, kQuick).pooled.threshold.value.has_value());
  EXPECT_TRUE(evaluate(run, Part::validation, Level::subject, {0.5, {200, 42}}).pooled.figures[sensitivity].value.has_value());
}

TEST(Evaluation, SubjectsMakeWiderIntervalsThanSlices) {
  const LevelEvaluation e = evaluate(drawn_run(), Part::validation, Level::slice, kQuick);
  const Units& units = e.pooled.units;
  Clusters slices;
  for (std::size_t i = 0; i < units.names.size(); ++i) slices.push_back({i});
  const std::vector<Interval> by_slice = bootstrap(slices, kQuick.bootstrap, [&](std::span<const std::size_t> drawn) {
    return figures_of(select(units.scores, drawn), e.classes, e.ids);
  });
  for (const FigureKind kind : {FigureKind::auc, FigureKind::average_precision, FigureKind::accuracy, FigureKind::brier}) {
    const std::size_t f = e.at(kind);
    EXPECT_GT(*e.intervals[f].high - *e.intervals[f].low, *by_slice[f].high - *by_slice[f].low) << title_of(kind);
  }
}

TEST(Evaluation, OptionsOutOfRangeAreRefused) {
  const RunPredictions run = drawn_run();
  for (const double threshold : {-0.1, 1.1, std::nan("")})
    EXPECT_THROW(evaluate(run, Part::test, Level::slice, {threshold, {}}), UsageError) << threshold;
  EXPECT_THROW(evaluate(run, Part::test, Level::slice, {{}, {99, 1}}), UsageError);
}

TEST(Evaluation, TablesHoldTheFigures) {
  const RunPredictions run = drawn_run();
  RunEvaluation evaluation{
      "run", {evaluate(run, Part::validation, Level::subject, kQuick), evaluate(run, Part::test, Level::slice, kQuick)}};
  const CsvTable table = parse_csv(metrics_csv({evaluation}), "metrics.csv");
  int found = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto cell = [&](std::string_view column) { return std::string(table[i][table.column(column)]); };
    EXPECT_FALSE(cell("value").empty());
    const bool undefined = cell("value") == "n/a" || cell("low") == "n/a";
    if (cell("figure") != "auc_delong") {
      EXPECT_EQ(undefined, !cell("why").empty()) << cell("figure") << cell("why");
    }
    if (cell("figure") != "precision" || cell("class") != "SCLC" || cell("part") != "test") continue;
    const LevelEvaluation& e = evaluation.parts[1];
    const std::size_t f = e.at(FigureKind::precision, 1);
    if (cell("fold") == "ensemble") {
      ++found;
      EXPECT_EQ(cell("value"), shortest(*e.pooled.figures[f].value));
      EXPECT_EQ(cell("low"), shortest(*e.intervals[f].low));
      EXPECT_EQ(cell("n"), "36");
    } else if (cell("fold") == "mean") {
      ++found;
      EXPECT_EQ(cell("value"), shortest(e.over_folds[f]->mean));
      EXPECT_EQ(cell("n"), "3");
    }
  }
  EXPECT_EQ(found, 2);
  // A confusion matrix counts every unit once, a calibration too; a curve ends where everything is positive.
  const CsvTable confusion = parse_csv(confusion_csv({evaluation}), "confusion.csv");
  EXPECT_EQ(confusion.size(), 2u * 4 * 4);
  int count = 0;
  for (std::size_t i = 0; i < confusion.size(); ++i) {
    if (confusion[i][confusion.column("fold")] == "pooled")
      count += std::stoi(std::string(confusion[i][confusion.column("count")]));
  }
  EXPECT_EQ(count, 24);
  EXPECT_EQ(parse_csv(calibration_csv({evaluation}), "calibration.csv").size(), 2u * 4 * 10);
  const CsvTable roc = parse_csv(roc_csv({evaluation}), "roc.csv");
  EXPECT_EQ(roc[roc.size() - 1][roc.column("true_positive_rate")], "1");
  EXPECT_EQ(roc[0][roc.column("threshold")], "inf");
  EXPECT_EQ(parse_csv(pr_csv({evaluation}), "pr.csv").size(), roc.size());
}

TEST(Comparison, OfTwoRuns) {
  const RunPredictions a = drawn_run("a", 1), b = drawn_run("b", 2);
  const RunComparison ab = compare(a, b, Part::validation, Level::subject, kQuick),
                      ba = compare(b, a, Part::validation, Level::subject, kQuick);
  EXPECT_EQ(ab.units, 24);
  EXPECT_EQ(ab.left_out, 0);
  EXPECT_EQ(*ab.delong.difference.value, -*ba.delong.difference.value);
  EXPECT_NEAR(*ab.bootstrap.low, -*ba.bootstrap.high, 1e-15);
  const LevelEvaluation e = evaluate(a, Part::validation, Level::subject, kQuick);
  EXPECT_NEAR(*ab.delong.auc_a.value, *e.pooled.figures[e.at(FigureKind::auc)].value, 1e-15);
  const RunComparison same = compare(a, a, Part::test, Level::lesion, kQuick);
  EXPECT_EQ(same.delong.difference.value, 0.0);
  EXPECT_EQ(same.bootstrap.low, std::nullopt) << "all replicates are 0";
  EXPECT_EQ(same.delong.p.why, "the standard error of the difference is 0");
  EXPECT_EQ(ab.delong.fewest, 12);
  EXPECT_EQ(delong_note(Level::subject, 12), "");
  EXPECT_THAT(delong_note(Level::subject, 3), HasSubstr("with 3 units of a class DeLong's normal approximation does not hold"));
  EXPECT_THAT(delong_note(Level::lesion, 12), HasSubstr("the lesions of a subject are not independent"));
  const std::string csv = differences_csv({ab, same});
  EXPECT_THAT(csv, HasSubstr("\na,b,validation,subject,24,24,0,"));
  EXPECT_THAT(csv, HasSubstr("the standard error of the difference is 0\n"));
}

TEST(Comparison, OfWhatBothRunsHave) {
  const RunPredictions a = drawn_run("a", 1);
  RunPredictions b = drawn_run("b", 2);
  for (FoldPredictions& fold : b.folds) fold.test.erase(fold.test.begin(), fold.test.begin() + 7);  // T0 and a slice of T1
  const RunComparison c = compare(a, b, Part::test, Level::subject, kQuick);
  EXPECT_EQ(c.subjects, 5);
  EXPECT_EQ(c.left_out, 7);
  b.folds[0].validation[0].label = 1;
  EXPECT_THROW(compare(a, b, Part::validation, Level::slice, kQuick), DataError);
  b.classes = {"SCLC", "NSCLC"};
  EXPECT_THROW(compare(a, b, Part::test, Level::slice, kQuick), DataError);
  RunPredictions other = drawn_run("other");
  for (FoldPredictions& fold : other.folds) {
    for (Prediction& p : fold.test) p.sample_id += "x";
  }
  EXPECT_THROW(compare(a, other, Part::test, Level::slice, kQuick), DataError);
}

}  // namespace
}  // namespace vitrine::testing

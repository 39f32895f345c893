// Levels, worked by hand.
#include "evaluation/units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "evaluation/calibration.h"
#include "evaluation/figures.h"
#include "evaluation/metrics.h"
#include "evaluation/precision_recall.h"
#include "evaluation/threshold.h"
#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

const std::vector<std::string> kClasses{"NSCLC", "SCLC"};

Prediction slice(const std::string& subject, int lesion, int number, int label, double positive) {
  return {subject + "_l" + std::to_string(lesion) + "_s" + std::to_string(number),
          subject,
          lesion,
          number,
          label,
          {1 - positive, positive}};
}

// Two subjects: P1 (NSCLC) with the lesions 1 and 2, P2 (SCLC) with the lesion 1.
std::vector<Prediction> two_subjects() {
  return {slice("P2", 1, 1, 1, 0.75), slice("P2", 1, 2, 1, 0.25), slice("P2", 1, 3, 1, 0.25),
          slice("P1", 1, 1, 0, 0.5),  slice("P1", 1, 2, 0, 1.0),  slice("P1", 2, 1, 0, 0.0)};
}

TEST(Units, LevelsWorkedByHand) {
  const Units slices = units_of(two_subjects(), kClasses, Level::slice);
  EXPECT_EQ(slices.names, (std::vector<std::string>{"P1_l1_s1", "P1_l1_s2", "P1_l2_s1", "P2_l1_s1", "P2_l1_s2", "P2_l1_s3"}));
  EXPECT_EQ(slices.scores.predicted, (std::vector<int>{0, 1, 0, 1, 0, 0})) << "0.5 is the first class's";
  EXPECT_EQ(slices.scores.voted, slices.scores.predicted);

  const Units lesions = units_of(two_subjects(), kClasses, Level::lesion);
  EXPECT_EQ(lesions.names, (std::vector<std::string>{"P1/1", "P1/2", "P2/1"}));
  EXPECT_EQ(lesions.subjects, (std::vector<std::string>{"P1", "P1", "P2"}));
  EXPECT_EQ(lesions.scores.label, (std::vector<int>{0, 0, 1}));
  EXPECT_DOUBLE_EQ(lesions.scores.score(0), 0.75);  // (0.5 + 1) / 2
  EXPECT_DOUBLE_EQ(lesions.scores.score(1), 0.0);
  EXPECT_DOUBLE_EQ(lesions.scores.score(2), 1.25 / 3);
  EXPECT_EQ(lesions.scores.predicted, (std::vector<int>{1, 0, 0}));
  EXPECT_EQ(lesions.scores.voted, (std::vector<int>{1, 0, 0})) << "P1/1 has one vote each; the higher mean decides";

  const Units subjects = units_of(two_subjects(), kClasses, Level::subject);
  EXPECT_EQ(subjects.names, (std::vector<std::string>{"P1", "P2"}));
  EXPECT_DOUBLE_EQ(subjects.scores.score(0), 0.5);  // (0.5 + 1 + 0) / 3, of slices and not of lesions: 0.375
  EXPECT_EQ(subjects.scores.predicted, (std::vector<int>{0, 0}));
  EXPECT_EQ(subjects.scores.voted, (std::vector<int>{0, 0}));
}

TEST(Units, AVoteAndAMeanCanDiffer) {
  const std::vector<Prediction> p{slice("A", 1, 1, 1, 0.6), slice("A", 1, 2, 1, 0.6), slice("A", 1, 3, 1, 0.1)};
  const Units u = units_of(p, kClasses, Level::lesion);
  EXPECT_EQ(u.scores.voted[0], 1);
  EXPECT_EQ(u.scores.predicted[0], 0);
  // One vote each and equal means: the first class.
  const std::vector<Prediction> tie{slice("A", 1, 1, 1, 0.75), slice("A", 1, 2, 1, 0.25)};
  EXPECT_EQ(units_of(tie, kClasses, Level::subject).scores.voted[0], 0);
}

TEST(Units, TheOrderOfATableChangesNoBit) {
  std::vector<Prediction> p;
  for (int i = 0; i < 40; ++i) {
    const Draw draw{.seed = 3, .sample = static_cast<std::uint32_t>(i)};
    p.push_back(slice("S" + std::to_string(i % 5), i % 3, i, i % 5 % 2, draw.uniform(0)));
  }
  const Units first = units_of(p, kClasses, Level::subject);
  std::reverse(p.begin(), p.end());
  std::swap(p[3], p[17]);
  const Units second = units_of(p, kClasses, Level::subject);
  EXPECT_EQ(first.names, second.names);
  EXPECT_EQ(first.scores.probability, second.scores.probability);
}

template <class E>
std::string refusal(const std::function<void()>& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Units, ContradictionsAreRefused) {
  const std::vector<Prediction> two_labels{slice("A", 1, 1, 1, 0.6), slice("A", 2, 2, 0, 0.6)};
  EXPECT_NO_THROW(units_of(two_labels, kClasses, Level::lesion));
  EXPECT_EQ(refusal<DataError>([&] { units_of(two_labels, kClasses, Level::subject); }),
            "the subject 'A' has the labels 'SCLC' and 'NSCLC'; one is expected");
  const std::vector<Prediction> twice{slice("A", 1, 1, 1, 0.6), slice("A", 1, 1, 1, 0.6)};
  EXPECT_EQ(refusal<DataError>([&] { units_of(twice, kClasses, Level::slice); }),
            "the sample 'A_l1_s1' is predicted twice; once is expected");
  std::vector<Prediction> nan{slice("A", 1, 1, 1, 0.6)};
  nan[0].probability[1] = std::nan("");
  EXPECT_EQ(refusal<DataError>([&] { units_of(nan, kClasses, Level::slice); }),
            "the sample 'A_l1_s1' has a probability that is not a number");
  const Units a = units_of(std::vector<Prediction>{slice("A", 1, 1, 1, 0.6)}, kClasses, Level::slice);
  const Units b = units_of(std::vector<Prediction>{slice("A", 1, 2, 1, 0.6)}, kClasses, Level::slice);
  EXPECT_EQ(refusal<DataError>([&] {
              joined({a, b});
            }),
            "the subject 'A' is predicted by the folds 0 and 1; parts that are pooled share no subject");
  EXPECT_EQ(refusal<UsageError>([&] { level_of("patient"); }),
            "--level is 'patient', expected slice, lesion or subject, or several of them with commas");
}

TEST(Units, AnEnsembleIsTheMeanOfAllFolds) {
  std::vector<FoldPredictions> folds(3);
  for (FoldPredictions& fold : folds) fold.test = {slice("A", 1, 1, 1, 0.5), slice("B", 1, 1, 0, 0.25)};
  folds[1].test[0].probability = {0.25, 0.75};
  folds[2].test[0].probability = {0.0, 1.0};
  std::swap(folds[2].test[0], folds[2].test[1]);
  const std::vector<Prediction> mean = ensemble_of_test(folds);
  ASSERT_EQ(mean.size(), 2u);
  EXPECT_DOUBLE_EQ(mean[0].probability[1], 0.75);
  EXPECT_DOUBLE_EQ(mean[1].probability[1], 0.25);
  folds[1].test[1].label = 1;
  EXPECT_THROW(ensemble_of_test(folds), DataError);
  folds[1].test.pop_back();
  EXPECT_EQ(refusal<DataError>([&] { ensemble_of_test(folds); }),
            "fold 1 predicts 1 test samples, fold 0 2; all folds have one test part");
}

TEST(Threshold, TheHighestOfEqualOnesIsChosen) {
  // J = 1/2 at 0.9 (one of two hits), at 0.6 (both hits, one of two false alarms).
  const std::vector<Prediction> p{slice("A", 1, 1, 1, 0.9), slice("B", 1, 1, 0, 0.7), slice("C", 1, 1, 1, 0.6),
                                  slice("D", 1, 1, 0, 0.1)};
  Scores scores = units_of(p, kClasses, Level::slice).scores;
  const Figure threshold = youden_threshold(scores);
  EXPECT_EQ(threshold.value, 0.9);
  apply_threshold(scores, threshold);
  EXPECT_EQ(scores.called, (std::vector<int>{1, 0, 0, 0})) << "at the threshold a unit is called positive";
  apply_threshold(scores, Figure::none("for a reason"));
  const std::vector<Figure> figures = figures_of(scores, kClasses, {{FigureKind::sensitivity}, {FigureKind::specificity}});
  EXPECT_EQ(figures[0].why, "for a reason");
  EXPECT_EQ(figures[1].why, "for a reason");
}

TEST(Figures, WhatIsUndefinedSaysWhy) {
  const std::vector<Prediction> p{slice("A", 1, 1, 0, 0.2), slice("B", 1, 1, 0, 0.4)};
  Scores scores = units_of(p, kClasses, Level::slice).scores;
  apply_threshold(scores, Figure::of(0.5));
  const auto why = [&](FigureKind kind, int of_class = -1) { return figures_of(scores, kClasses, {{kind, of_class}})[0].why; };
  EXPECT_EQ(why(FigureKind::auc), "only one class is present");
  EXPECT_EQ(why(FigureKind::average_precision), "only one class is present");
  EXPECT_EQ(why(FigureKind::balanced_accuracy), "no unit is of class SCLC");
  EXPECT_EQ(why(FigureKind::sensitivity), "no unit is of class SCLC");
  EXPECT_EQ(why(FigureKind::specificity), "");
  EXPECT_EQ(why(FigureKind::precision, 1), "no unit is predicted as SCLC");
  EXPECT_EQ(why(FigureKind::recall, 1), "no unit is of class SCLC");
  EXPECT_EQ(why(FigureKind::f1, 1), "no unit is of class SCLC or predicted as it");
  for (const Figure& figure : figures_of(select(scores, {}), kClasses, figure_ids(Level::subject, 2))) {
    EXPECT_FALSE(figure.value.has_value());
    EXPECT_FALSE(figure.why.empty());
  }
}

// AUC, average precision and Youden's units depend on the order of scores alone; swapped labels turn the AUC round.
TEST(Figures, PropertiesOfTheAuc) {
  for (std::uint32_t k = 0; k < 50; ++k) {
    const Draw draw{.seed = 5, .sample = k};
    std::vector<int> is_positive, is_negative;
    std::vector<double> score, cubed, reversed;
    for (std::uint32_t i = 0; i < 30; ++i) {
      is_positive.push_back(i < 2 ? static_cast<int>(i) : static_cast<int>(draw.below(2 * i, 2)));
      is_negative.push_back(1 - is_positive.back());
      score.push_back(draw.below(2 * i + 1, 12) / 16.0);  // with ties
      cubed.push_back(score.back() * score.back() * score.back());
      reversed.push_back(1 - score.back());
    }
    EXPECT_EQ(roc_auc(is_positive, score), roc_auc(is_positive, cubed));
    EXPECT_EQ(average_precision(is_positive, score).value, average_precision(is_positive, cubed).value);
    EXPECT_NEAR(*roc_auc(is_negative, score), 1 - *roc_auc(is_positive, score), 1e-15);
    EXPECT_NEAR(*roc_auc(is_positive, reversed), 1 - *roc_auc(is_positive, score), 1e-15);
  }
}

TEST(Calibration, BinsWorkedByHand) {
  const std::vector<Prediction> p{slice("A", 1, 1, 0, 0.0), slice("B", 1, 1, 1, 0.5), slice("C", 1, 1, 1, 0.75),
                                  slice("D", 1, 1, 0, 1.0)};
  const Scores scores = units_of(p, kClasses, Level::slice).scores;
  const std::vector<CalibrationBin> bins = calibration(scores, 2);
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[0].count, 2) << "an edge belongs to the bin below it";
  EXPECT_EQ(bins[0].predicted, 0.25);
  EXPECT_EQ(bins[0].observed, 0.5);
  EXPECT_EQ(bins[1].predicted, 0.875);
  EXPECT_EQ(bins[1].observed, 0.5);
  EXPECT_DOUBLE_EQ(*calibration_error(scores, 2).value, 0.5 * 0.25 + 0.5 * 0.375);
  EXPECT_FALSE(calibration(scores, 3)[1].observed == std::nullopt);
  EXPECT_EQ(calibration(scores, 10)[2].predicted, std::nullopt);
}

}  // namespace
}  // namespace vitrine::testing

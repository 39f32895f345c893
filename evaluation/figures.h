// The figures of a scored set of units. Where scikit-learn has a figure, these are its values; where it warns and puts a 0 or 1, these are none,
// with the reason.
//
//   accuracy            share of units whose predicted class (the first with the highest probability) is the true one
//   balanced accuracy   mean of the recalls of all classes
//   by vote             the same two of the class that most slices of a unit have (evaluation/units.h); not of slices
//   precision, recall, F1   of each class, one against the rest
//   sensitivity, specificity   shares of the positive and of the other units that the threshold calls rightly (evaluation/threshold.h)
//   AUC, average precision     of the positive class, the last one
//   Brier score, log loss, calibration error   evaluation/calibration.h
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evaluation/figure.h"
#include "evaluation/units.h"

namespace vitrine {

enum class FigureKind {
  accuracy,
  balanced_accuracy,
  vote_accuracy,
  vote_balanced_accuracy,
  auc,
  average_precision,
  sensitivity,
  specificity,
  precision,
  recall,
  f1,
  brier,
  log_loss,
  calibration_error
};

struct FigureId {
  FigureKind kind = FigureKind::accuracy;
  int of_class = -1;  // of precision, recall and F1; else -1
  bool operator==(const FigureId&) const = default;
};

std::string_view key_of(FigureKind kind);    // "average_precision": of tables that programs read
std::string_view title_of(FigureKind kind);  // "average precision"

// The figures of a level, in the order of tables.
std::vector<FigureId> figure_ids(Level level, int classes);

// confusion[actual][predicted], by the mean probability.
std::vector<std::vector<int>> confusion_of(const Scores& scores);

// The figures that `ids` name, in their order. `classes`: names, for reasons.
std::vector<Figure> figures_of(const Scores& scores, const std::vector<std::string>& classes, const std::vector<FigureId>& ids);

}  // namespace vitrine

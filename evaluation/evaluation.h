// Everything that is said of one part of a run at one level, and the comparison of two runs: what the tables of `vitrine eval` and of the report are
// made of.
//
// Validation  the units of all folds together: each subject is predicted once, by the network that has not seen it. A threshold for one
//             fold's units is chosen on those of the other folds.
// Test        all folds predict one part: their mean probability of each sample is scored (the ensemble), and each fold's alone. A threshold
//             for a fold is chosen on its validation units, the ensemble's on those of all folds.
// Intervals   95 %, of the pooled units or the ensemble, by the bootstrap of subjects (evaluation/bootstrap.h).
// Over folds  mean and deviation (n - 1) of the folds that have the figure, n of them. On the test part it is that of networks, not of subjects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/bootstrap.h"
#include "evaluation/delong.h"
#include "evaluation/figures.h"
#include "evaluation/metrics.h"
#include "evaluation/prediction.h"
#include "evaluation/units.h"

namespace vitrine {

enum class Part { validation, test };
std::string_view name_of(Part part);  // "validation", "test"

struct EvaluationOptions {
  std::optional<double> threshold;  // 0 to 1; none: Youden's
  BootstrapOptions bootstrap;
};

struct ScoredSet {  // units with their threshold and figures
  Units units;
  Figure threshold;             // of a pooled validation part none: each fold has its own
  std::vector<Figure> figures;  // as LevelEvaluation::ids
  int fold = 0;                 // number of the fold, of one
};

struct LevelEvaluation {
  Part part = Part::validation;
  Level level = Level::slice;
  std::vector<std::string> classes;
  int subjects = 0;
  std::vector<FigureId> ids;
  ScoredSet pooled;                 // validation: of all folds; test: the ensemble
  std::vector<Interval> intervals;  // of the pooled figures
  std::vector<ScoredSet> folds;
  std::vector<std::optional<MeanSd>> over_folds;  // of each figure; none when no fold has it
  AucVariance delong;                             // of the pooled AUC; too narrow unless units are subjects

  // Where a figure stands in the vectors above. InternalError for one that the level does not have.
  std::size_t at(FigureKind kind, int of_class = -1) const;
};

// DataError when folds contradict each other or a unit has two labels; UsageError when an option is out of range.
LevelEvaluation evaluate(const RunPredictions& run, Part part, Level level, const EvaluationOptions& options = {});

struct RunComparison {  // of the AUCs of a minus b
  std::string a, b;     // names of the runs
  Part part = Part::validation;
  Level level = Level::slice;
  int units = 0, subjects = 0;  // common ones
  int left_out = 0;             // samples that only one of the runs has
  AucDifference delong;         // too narrow, and p too small, unless units are subjects
  Interval bootstrap;           // of the difference, by resampling subjects: at every level
};

// Of the samples that both runs have. DataError when the runs have other classes or labels, or no sample in common.
RunComparison compare(const RunPredictions& a, const RunPredictions& b, Part part, Level level,
                      const EvaluationOptions& options = {});

// UsageError unless 0 <= threshold <= 1 and the bootstrap's options are in range.
void check(const EvaluationOptions& options);

}  // namespace vitrine

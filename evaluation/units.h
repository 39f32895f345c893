// Levels: what is scored may be a slice, a lesion or a subject.
//
// A unit's probability of a class is the mean over its slices, and its predicted class the first with the highest mean. Beside it stands the
// class of the majority vote: each slice votes for its own predicted class; of classes with equally many votes the one with the higher mean
// probability wins, then the first. A slice is a unit of one slice, so both are the same there.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/prediction.h"

namespace vitrine {

enum class Level { slice, lesion, subject };
inline constexpr Level kLevels[] = {Level::slice, Level::lesion, Level::subject};
std::string_view name_of(Level level);  // "slice", "lesion", "subject"
Level level_of(std::string_view name);  // UsageError

// What figures are computed from: columns with one entry a unit.
struct Scores {
  int classes = 2;                  // the last one is the positive class
  std::vector<int> label;           // index of the true class
  std::vector<int> predicted;       // by the mean probability
  std::vector<int> voted;           // by majority vote
  std::vector<int> called;          // 1: positive at the threshold (evaluation/threshold.h); empty: no threshold
  std::string uncalled;             // why there is no threshold
  std::vector<double> probability;  // [units][classes]

  std::size_t size() const { return label.size(); }
  double score(std::size_t unit) const {  // the probability of the positive class
    return probability[(unit + 1) * static_cast<std::size_t>(classes) - 1];
  }
  bool positive(std::size_t unit) const { return label[unit] == classes - 1; }
  std::vector<double> scores() const;  // of all units
  std::vector<int> positives() const;  // 1 for units of the positive class, else 0
};

Scores select(const Scores& scores, std::span<const std::size_t> units);  // in this order, with repeats

struct Units {
  Level level = Level::slice;
  std::vector<std::string> classes;
  std::vector<std::string> names;     // sample id, "SUBJECT/LESION" or subject id
  std::vector<std::string> subjects;  // of each unit
  Scores scores;
};

// In the order of subject, lesion, sample; slices are added in this order, so the order of `predictions` changes no bit. DataError, with the
// unit, when the slices of a lesion or subject have two labels or a sample is there twice; InternalError for other numbers of probabilities
// than of classes.
Units units_of(std::span<const Prediction> predictions, const std::vector<std::string>& classes, Level level);

// One part after the other; DataError when two of them share a subject.
Units joined(const std::vector<Units>& parts);

// The units of each subject, the subjects in the order of their ids.
std::vector<std::vector<std::size_t>> by_subject(const Units& units);
int subject_count(const Units& units);

// The test predictions of all folds' networks as those of one: the mean probability of each sample, added in the order of the folds. DataError
// when the folds predict other samples, subjects or labels.
std::vector<Prediction> ensemble_of_test(const std::vector<FoldPredictions>& folds);

}  // namespace vitrine

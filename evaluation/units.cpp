#include "evaluation/units.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "base/error.h"

namespace vitrine {
namespace {

std::size_t first_highest(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

bool same_unit(const Prediction& a, const Prediction& b, Level level) {
  if (level == Level::slice) return a.sample_id == b.sample_id;
  return a.subject_id == b.subject_id && (level == Level::subject || a.lesion_id == b.lesion_id);
}

std::string unit_name(const Prediction& p, Level level) {
  if (level == Level::slice) return p.sample_id;
  return level == Level::subject ? p.subject_id : text(p.subject_id, "/", p.lesion_id);
}

void check_prediction(const Prediction& p, std::size_t classes) {
  if (p.probability.size() != classes || p.label < 0 || p.label >= static_cast<int>(classes))
    throw InternalError(text("units: the sample '", printable(p.sample_id), "' has ", p.probability.size(),
                             " probabilities and the label ", p.label, ", ", classes, " classes are expected"));
  for (const double probability : p.probability) {
    if (!std::isfinite(probability))
      throw DataError(text("the sample '", printable(p.sample_id), "' has a probability that is not a number"));
  }
}

// The class with most votes; of equal ones that of the higher mean, then the first.
int majority(const std::vector<int>& votes, std::span<const double> mean) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < votes.size(); ++c) {
    if (votes[c] > votes[best] || (votes[c] == votes[best] && mean[c] > mean[best])) best = c;
  }
  return static_cast<int>(best);
}

void append_unit(Units& units, std::span<const Prediction* const> slices) {
  const Prediction& first = *slices.front();
  const std::size_t classes = units.classes.size();
  std::vector<double> mean(classes, 0.0);
  std::vector<int> votes(classes, 0);
  for (const Prediction* p : slices) {
    if (p->label != first.label)
      throw DataError(text("the ", name_of(units.level), " '", unit_name(first, units.level), "' has the labels '",
                           printable(units.classes[static_cast<std::size_t>(first.label)]), "' and '",
                           printable(units.classes[static_cast<std::size_t>(p->label)]), "'; one is expected"));
    for (std::size_t c = 0; c < classes; ++c) mean[c] += p->probability[c];
    ++votes[first_highest(p->probability)];
  }
  for (double& m : mean) m /= static_cast<double>(slices.size());
  units.names.push_back(unit_name(first, units.level));
  units.subjects.push_back(first.subject_id);
  Scores& scores = units.scores;
  scores.label.push_back(first.label);
  scores.predicted.push_back(static_cast<int>(first_highest(mean)));
  scores.voted.push_back(majority(votes, mean));
  scores.probability.insert(scores.probability.end(), mean.begin(), mean.end());
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::string_view name_of(Level level) {
  return level == Level::slice ? "slice" : level == Level::lesion ? "lesion" : "subject";
}

Level level_of(std::string_view name) {
  for (const Level level : kLevels) {
    if (name_of(level) == name) return level;
  }
  throw UsageError(
      text("--level is '", printable(name), "', expected slice, lesion or subject, or several of them with commas"));
}

std::vector<double> Scores::scores() const {
  std::vector<double> all(size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = score(i);
  return all;
}

std::vector<int> Scores::positives() const {
  std::vector<int> all(size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = positive(i) ? 1 : 0;
  return all;
}

Scores select(const Scores& scores, std::span<const std::size_t> units) {
  Scores chosen;
  chosen.classes = scores.classes;
  chosen.uncalled = scores.uncalled;
  const auto classes = static_cast<std::size_t>(scores.classes);
  for (const std::size_t unit : units) {
    chosen.label.push_back(scores.label[unit]);
    chosen.predicted.push_back(scores.predicted[unit]);
    chosen.voted.push_back(scores.voted[unit]);
    if (!scores.called.empty()) chosen.called.push_back(scores.called[unit]);
    for (std::size_t c = 0; c < classes; ++c) chosen.probability.push_back(scores.probability[unit * classes + c]);
  }
  return chosen;
}

Units units_of(std::span<const Prediction> predictions, const std::vector<std::string>& classes, Level level) {
  std::vector<const Prediction*> order;
  for (const Prediction& p : predictions) {
    check_prediction(p, classes.size());
    order.push_back(&p);
  }
  std::sort(order.begin(), order.end(), [](const Prediction* a, const Prediction* b) {
    return std::tie(a->subject_id, a->lesion_id, a->sample_id) < std::tie(b->subject_id, b->lesion_id, b->sample_id);
  });
  std::set<std::string_view> seen;
  for (const Prediction* p : order) {
    if (!seen.insert(p->sample_id).second)
      throw DataError(text("the sample '", printable(p->sample_id), "' is predicted twice; once is expected"));
  }
  Units units;
  units.level = level;
  units.classes = classes;
  units.scores.classes = static_cast<int>(classes.size());
  units.scores.uncalled = "no threshold is given";
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && same_unit(*order[first], *order[end], level)) ++end;
    append_unit(units, std::span(order).subspan(first, end - first));
    first = end;
  }
  return units;
}

Units joined(const std::vector<Units>& parts) {
  Units all;
  std::map<std::string_view, std::size_t> part_of;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Units& part = parts[i];
    for (const std::string& subject : part.subjects) {
      const auto [known, is_new] = part_of.emplace(subject, i);
      if (!is_new && known->second != i)
        throw DataError(text("the subject '", subject, "' is predicted by the folds ", known->second, " and ", i,
                             "; parts that are pooled share no subject"));
    }
    append(all.names, part.names);
    append(all.subjects, part.subjects);
    append(all.scores.label, part.scores.label);
    append(all.scores.predicted, part.scores.predicted);
    append(all.scores.voted, part.scores.voted);
    append(all.scores.probability, part.scores.probability);
    append(all.scores.called, part.scores.called);
    if (all.scores.uncalled.empty()) all.scores.uncalled = part.scores.uncalled;
    all.level = part.level;
    all.classes = part.classes;
    all.scores.classes = part.scores.classes;
  }
  if (all.scores.called.size() != all.scores.size()) all.scores.called.clear();
  return all;
}

std::vector<std::vector<std::size_t>> by_subject(const Units& units) {
  std::map<std::string_view, std::vector<std::size_t>> of;
  for (std::size_t i = 0; i < units.subjects.size(); ++i) of[units.subjects[i]].push_back(i);
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [subject, members] : of) groups.push_back(std::move(members));
  return groups;
}

int subject_count(const Units& units) {
  return static_cast<int>(std::set<std::string_view>(units.subjects.begin(), units.subjects.end()).size());
}

std::vector<Prediction> ensemble_of_test(const std::vector<FoldPredictions>& folds) {
  if (folds.empty()) return {};
  std::vector<Prediction> mean = folds.front().test;
  std::map<std::string_view, std::size_t> place;
  for (std::size_t i = 0; i < mean.size(); ++i) place.emplace(mean[i].sample_id, i);
  for (std::size_t fold = 1; fold < folds.size(); ++fold) {
    const std::vector<Prediction>& test = folds[fold].test;
    std::set<std::string_view> seen;
    for (const Prediction& p : test) {
      const auto found = place.find(p.sample_id);
      Prediction* to = found == place.end() ? nullptr : &mean[found->second];
      if (to == nullptr || to->subject_id != p.subject_id || to->lesion_id != p.lesion_id || to->label != p.label ||
          to->probability.size() != p.probability.size() || !seen.insert(p.sample_id).second)
        throw DataError(text("the test sample '", printable(p.sample_id), "' of fold ", fold,
                             " is not one of fold 0 with the same subject and label; all folds have one test part"));
      for (std::size_t c = 0; c < p.probability.size(); ++c) to->probability[c] += p.probability[c];
    }
    if (test.size() != mean.size())
      throw DataError(text("fold ", fold, " predicts ", test.size(), " test samples, fold 0 ", mean.size(),
                           "; all folds have one test part"));
  }
  for (Prediction& p : mean) {
    for (double& probability : p.probability) probability /= static_cast<double>(folds.size());
  }
  return mean;
}

}  // namespace vitrine

#include "train/choice.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "tensor/math.h"

namespace vitrine {
namespace {

const std::vector<std::string> kSelects{"best", "last", "nested", "nested-refit"};
const std::vector<std::string> kMonitors{"accuracy", "auc", "loss", "f1"};

// The mean over the classes of 2 TP / (2 TP + FP + FN); classes that are neither there nor predicted are left out.
double mean_f1(const std::vector<int>& predicted, const std::vector<int>& labels, int classes) {
  double sum = 0;
  int counted = 0;
  for (int c = 0; c < classes; ++c) {
    int right = 0, marked = 0;  // true positives; predicted and actual members together
    for (std::size_t i = 0; i < labels.size(); ++i) {
      right += predicted[i] == c && labels[i] == c ? 1 : 0;
      marked += (predicted[i] == c ? 1 : 0) + (labels[i] == c ? 1 : 0);
    }
    if (marked == 0) continue;
    sum += 2.0 * right / marked;
    ++counted;
  }
  return counted > 0 ? sum / counted : 0;
}

}  // namespace

const std::vector<std::string>& select_names() { return kSelects; }

Select select_from_name(const std::string& name) { return static_cast<Select>(chosen_name("--select", name, kSelects)); }

bool is_nested(const std::string& select) { return is_nested(select_from_name(select)); }

Monitor monitor_from_name(const std::string& name) { return static_cast<Monitor>(chosen_name("--monitor", name, kMonitors)); }

const std::string& name_of(Monitor monitor) { return kMonitors[static_cast<std::size_t>(monitor)]; }

void evaluate(const std::vector<std::vector<double>>& probability, const std::vector<int>& labels, int classes,
              EpochRecord& record) {
  std::vector<int> predicted, is_last;
  std::vector<double> score;
  double loss = 0;
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::vector<double>& p = probability[i];
    loss -= log_portable(std::max(p[static_cast<std::size_t>(labels[i])], 1e-300));
    predicted.push_back(static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin()));
    right += predicted.back() == labels[i] ? 1 : 0;
    is_last.push_back(labels[i] == classes - 1 ? 1 : 0);
    score.push_back(p.back());
  }
  const double count = std::max<double>(1, static_cast<double>(labels.size()));
  record.validation_loss = loss / count;
  record.validation_accuracy = right / count;
  record.validation_auc = roc_auc(is_last, score).value_or(-1);
  record.validation_f1 = mean_f1(predicted, labels, classes);
}

std::optional<double> figure_of(const EpochRecord& e, Monitor monitor) {
  switch (monitor) {
    case Monitor::accuracy: return e.validation_accuracy;
    case Monitor::auc: return e.validation_auc < 0 ? std::nullopt : std::optional(e.validation_auc);
    case Monitor::loss: return e.validation_loss;
    case Monitor::f1: return e.validation_f1;
  }
  return std::nullopt;
}

bool is_better(const EpochRecord& epoch, const EpochRecord& best, Monitor monitor) {
  const std::optional<double> now = figure_of(epoch, monitor), before = figure_of(best, monitor);
  if (!now || !before) return now.has_value() && !before;
  return monitor == Monitor::loss ? *now < *before : *now > *before;
}

std::string description(Select select, Monitor monitor) {
  const std::string& name = name_of(monitor);
  switch (select) {
    case Select::best: return text("best epoch by validation ", name, ", the first of equals");
    case Select::last: return "the last epoch";
    case Select::nested: return text("best epoch by ", name, " on an inner part of the training subjects, the first of equals");
    case Select::nested_refit:
      return text("trained anew on all training subjects for as many epochs as the best by ", name,
                  " on an inner part of them, the first of equals");
  }
  return "?";
}

std::optional<NamedChoice> choice_of_description(const std::string& sentence) {
  for (const std::string& select : kSelects) {
    for (const std::string& monitor : kMonitors) {
      if (description(select_from_name(select), monitor_from_name(monitor)) == sentence) return NamedChoice{select, monitor};
    }
  }
  return std::nullopt;
}

}  // namespace vitrine

#include "evaluation/figures.h"

#include "base/error.h"
#include "evaluation/calibration.h"
#include "evaluation/metrics.h"
#include "evaluation/precision_recall.h"

namespace vitrine {
namespace {

using Confusion = std::vector<std::vector<int>>;

struct FigureName {
  FigureKind kind;
  std::string_view key, title;
};

// In the order of tables.
constexpr FigureName kNames[] = {
    {FigureKind::accuracy, "accuracy", "accuracy"},
    {FigureKind::balanced_accuracy, "balanced_accuracy", "balanced accuracy"},
    {FigureKind::vote_accuracy, "vote_accuracy", "accuracy by vote"},
    {FigureKind::vote_balanced_accuracy, "vote_balanced_accuracy", "balanced accuracy by vote"},
    {FigureKind::auc, "auc", "AUC"},
    {FigureKind::average_precision, "average_precision", "average precision"},
    {FigureKind::sensitivity, "sensitivity", "sensitivity"},
    {FigureKind::specificity, "specificity", "specificity"},
    {FigureKind::precision, "precision", "precision"},
    {FigureKind::recall, "recall", "recall"},
    {FigureKind::f1, "f1", "F1"},
    {FigureKind::brier, "brier", "Brier score"},
    {FigureKind::log_loss, "log_loss", "log loss"},
    {FigureKind::calibration_error, "calibration_error", "calibration error"},
};

const FigureName& name_of(FigureKind kind) {
  for (const FigureName& name : kNames) {
    if (name.kind == kind) return name;
  }
  throw InternalError("figures: a figure without a name");
}

bool is_of_class(FigureKind kind) {
  return kind == FigureKind::precision || kind == FigureKind::recall || kind == FigureKind::f1;
}

Confusion confusion_with(const Scores& scores, const std::vector<int>& predicted) {
  const auto classes = static_cast<std::size_t>(scores.classes);
  Confusion confusion(classes, std::vector<int>(classes, 0));
  for (std::size_t i = 0; i < scores.size(); ++i)
    ++confusion[static_cast<std::size_t>(scores.label[i])][static_cast<std::size_t>(predicted[i])];
  return confusion;
}

std::string none_of_class(const std::string& name) { return text("no unit is of class ", printable(name, 40)); }

Figure accuracy_of(const Confusion& confusion) {
  int right = 0, count = 0;
  for (std::size_t a = 0; a < confusion.size(); ++a) {
    right += confusion[a][a];
    for (const int n : confusion[a]) count += n;
  }
  return count > 0 ? Figure::of(static_cast<double>(right) / count) : Figure::none("there is no unit");
}

Figure balanced_accuracy_of(const std::vector<ClassMetrics>& metrics) {
  double sum = 0;
  for (const ClassMetrics& c : metrics) {
    if (!c.recall) return Figure::none(none_of_class(c.name));
    sum += *c.recall;
  }
  return Figure::of(sum / static_cast<double>(metrics.size()));
}

Figure class_figure(FigureKind kind, const ClassMetrics& c) {
  if (kind == FigureKind::recall) return c.recall ? Figure::of(*c.recall) : Figure::none(none_of_class(c.name));
  const std::string unpredicted = text("no unit is predicted as ", printable(c.name, 40));
  if (kind == FigureKind::precision) return c.precision ? Figure::of(*c.precision) : Figure::none(unpredicted);
  return c.f1 ? Figure::of(*c.f1) : Figure::none(text("no unit is of class ", printable(c.name, 40), " or predicted as it"));
}

// The share of the units of this side of the last class that the threshold calls so.
Figure share_called(const Scores& scores, bool positive, const std::vector<std::string>& classes) {
  if (scores.size() == 0) return Figure::none("there is no unit");
  if (scores.called.empty()) return Figure::none(scores.uncalled);
  int right = 0, count = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores.positive(i) != positive) continue;
    ++count;
    right += (scores.called[i] == 1) == positive ? 1 : 0;
  }
  if (count > 0) return Figure::of(static_cast<double>(right) / count);
  if (positive || classes.size() == 2) return Figure::none(none_of_class(positive ? classes.back() : classes.front()));
  return Figure::none(text("every unit is of class ", printable(classes.back(), 40)));
}

Figure auc_of(const std::vector<int>& is_positive, const std::vector<double>& score) {
  if (score.empty()) return Figure::none("there is no unit");
  const std::optional<double> auc = roc_auc(is_positive, score);
  return auc ? Figure::of(*auc) : Figure::none("only one class is present");
}

}  // namespace

std::string_view key_of(FigureKind kind) { return name_of(kind).key; }
std::string_view title_of(FigureKind kind) { return name_of(kind).title; }

std::vector<FigureId> figure_ids(Level level, int classes) {
  std::vector<FigureId> ids;
  std::vector<FigureKind> of_class;
  for (const FigureName& name : kNames) {
    const bool by_vote = name.kind == FigureKind::vote_accuracy || name.kind == FigureKind::vote_balanced_accuracy;
    if (by_vote && level == Level::slice) continue;
    if (!is_of_class(name.kind)) {
      ids.push_back({name.kind, -1});
    } else if (name.kind == FigureKind::precision) {  // the three stand together, class by class
      for (int c = 0; c < classes; ++c) {
        for (const FigureKind kind : {FigureKind::precision, FigureKind::recall, FigureKind::f1}) ids.push_back({kind, c});
      }
    }
  }
  return ids;
}

Confusion confusion_of(const Scores& scores) { return confusion_with(scores, scores.predicted); }

std::vector<Figure> figures_of(const Scores& scores, const std::vector<std::string>& classes,
                               const std::vector<FigureId>& ids) {
  const Confusion confusion = confusion_of(scores), voted = confusion_with(scores, scores.voted);
  const std::vector<ClassMetrics> metrics = class_metrics(confusion, classes);
  const std::vector<int> is_positive = scores.positives();
  const std::vector<double> score = scores.scores();
  const auto figure = [&](const FigureId& id) {
    switch (id.kind) {
      case FigureKind::accuracy: return accuracy_of(confusion);
      case FigureKind::balanced_accuracy: return balanced_accuracy_of(metrics);
      case FigureKind::vote_accuracy: return accuracy_of(voted);
      case FigureKind::vote_balanced_accuracy: return balanced_accuracy_of(class_metrics(voted, classes));
      case FigureKind::auc: return auc_of(is_positive, score);
      case FigureKind::average_precision: return average_precision(is_positive, score);
      case FigureKind::sensitivity: return share_called(scores, true, classes);
      case FigureKind::specificity: return share_called(scores, false, classes);
      case FigureKind::brier: return brier_score(scores);
      case FigureKind::log_loss: return log_loss(scores);
      case FigureKind::calibration_error: return calibration_error(scores);
      default: return class_figure(id.kind, metrics[static_cast<std::size_t>(id.of_class)]);
    }
  };
  std::vector<Figure> figures;
  for (const FigureId& id : ids) figures.push_back(figure(id));
  return figures;
}

}  // namespace vitrine

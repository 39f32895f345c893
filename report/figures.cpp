#include "report/figures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/section.h"

namespace vitrine::report {
namespace {

constexpr int kGrid = 101;
constexpr double kWidth = 360;         // of a drawing: about the pixels of a phone
constexpr double kSmallest = 0x1p-52;  // of a probability whose logarithm is taken, as in evaluation/calibration.h

// The curve's height at x: along its segments, the upper end where it rises straight up.
double height_at(const Curve& c, double x) {
  double y = 0;
  for (std::size_t i = 0; i < c.x.size(); ++i) {
    if (c.x[i] <= x) {
      y = c.y[i];
    } else {
      const double share = (x - c.x[i - 1]) / (c.x[i] - c.x[i - 1]);
      return c.y[i - 1] + share * (c.y[i] - c.y[i - 1]);
    }
  }
  return y;
}

Plot::Axis unit_axis(const std::string& label) { return {0, 1, {0, 0.2, 0.4, 0.6, 0.8, 1.0}, 1, label}; }

std::string roc_panel(const InputResult& input, const PartResult& part, const char* name) {
  const std::string title = input_title(input.inputs);
  Plot plot = roc_plot(title, text("ROC curves, ", name, ", ", title, ": ",
                                   part.roc.empty() ? "one class only, no curve" : "mean AUC " + value_text(part.auc)));
  plot.line({0, 1}, {0, 1}, kGrey, 1, 1, true);
  for (const Curve& curve : part.roc) plot.line(curve.x, curve.y, kBlue, 1, 0.45);
  const MeanRoc mean = mean_roc(part.roc);
  plot.band(mean.x, mean.low, mean.high, kBlue);
  plot.line(mean.x, mean.mean, kBlue, 2.4, 1);
  plot.note(0.4, 0.1, part.roc.empty() ? std::string("one class only: no curve") : "mean AUC " + value_text(part.auc));
  return plot.svg();
}

std::vector<double> epochs_of(std::size_t n) {
  std::vector<double> x;
  for (std::size_t i = 0; i < n; ++i) x.push_back(static_cast<double>(i + 1));
  return x;
}

Plot::Axis epoch_axis(std::size_t epochs) {
  Plot::Axis axis{1, std::max(2.0, static_cast<double>(epochs)), {}, 0, "epoch"};
  for (const double t : round_ticks(axis.low, axis.high)) {
    if (std::abs(t - std::round(t)) < 1e-9) axis.ticks.push_back(std::round(t));
  }
  return axis;
}

std::string learning_panels(const InputResult& input) {
  double highest = 0.1;
  std::size_t epochs = 0;
  for (const History& h : input.folds) {
    epochs = std::max(epochs, h.train_loss.size());
    // A validation loss that explodes in an early epoch would flatten everything else: it is cut at twice the start's chance
    // level.
    for (const double v : h.train_loss) highest = std::max(highest, v);
    for (const double v : h.refit_loss) highest = std::max(highest, v);
    for (const double v : h.validation_loss) highest = std::max(highest, std::min(v, 1.5));
  }
  const double top = std::ceil(highest * 1.05 * 5) / 5;
  const std::string title = input_title(input.inputs);
  Plot loss(kWidth, 240, epoch_axis(epochs), {0, top, round_ticks(0, top), 1, "loss"}, title + ": loss",
            title + ": training and validation loss by epoch, a line for each fold");
  Plot accuracy(kWidth, 240, epoch_axis(epochs), unit_axis("accuracy"), title + ": accuracy",
                title + ": validation accuracy by epoch, a line for each fold");
  for (const History& h : input.folds) {
    loss.line(epochs_of(h.train_loss.size()), h.train_loss, kBlue, 1.2, 0.8);
    if (!h.refit_loss.empty()) loss.line(epochs_of(h.refit_loss.size()), h.refit_loss, kGrey, 1.2, 0.8, true);
    loss.line(epochs_of(h.validation_loss.size()), h.validation_loss, kVermilion, 1.2, 0.8);
    accuracy.line(epochs_of(h.validation_accuracy.size()), h.validation_accuracy, kGreen, 1.2, 0.8);
    const auto best = static_cast<std::size_t>(std::max(0, h.best_epoch));
    if (best < h.validation_loss.size()) loss.dot(static_cast<double>(best + 1), h.validation_loss[best], kVermilion, 3.4);
    if (best < h.validation_accuracy.size())
      accuracy.dot(static_cast<double>(best + 1), h.validation_accuracy[best], kGreen, 3.4);
  }
  return loss.svg() + accuracy.svg();
}

std::string key(const char* colour, const char* what) { return text("<span class=\"key ", colour, "\"></span>", what, " "); }

// The two parts of a figure that has one line for each.
std::string parts_key() {
  return "<p class=\"legend\">" + key("blue", "validation (all folds together)") +
         key("vermilion", "test (mean probability of the folds’ networks)") + "</p>\n";
}

}  // namespace

std::string value_text(const Value& value) {
  if (value.count == 0) return "n/a";
  if (value.count == 1) return fixed(value.mean, 2);
  return fixed(value.mean, 2) + " ± " + fixed(value.sd, 2);
}

MeanRoc mean_roc(const std::vector<Curve>& curves) {
  MeanRoc result;
  if (curves.empty()) return result;
  const auto count = static_cast<double>(curves.size());
  for (int i = 0; i < kGrid; ++i) {
    const double x = static_cast<double>(i) / (kGrid - 1);
    double sum = 0, squares = 0;
    std::vector<double> heights;
    for (const Curve& curve : curves) heights.push_back(i == 0 ? 0 : i == kGrid - 1 ? 1 : height_at(curve, x));
    for (const double h : heights) sum += h;
    const double mean = sum / count;
    for (const double h : heights) squares += (h - mean) * (h - mean);
    const double sd = curves.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
    result.x.push_back(x);
    result.mean.push_back(mean);
    result.low.push_back(std::max(0.0, mean - sd));
    result.high.push_back(std::min(1.0, mean + sd));
  }
  return result;
}

Plot roc_plot(const std::string& title, const std::string& about) {
  return {kWidth, 310, unit_axis("false positive rate"), unit_axis("true positive rate"), title, about};
}
Plot pr_plot(const std::string& title, const std::string& about) {
  return {kWidth, 310, unit_axis("recall"), unit_axis("precision"), title, about};
}
Plot reliability_plot(const std::string& title, const std::string& about) {
  return {kWidth, 310, unit_axis("mean predicted probability"), unit_axis("observed share"), title, about};
}

double loss_of(const CropPicture& crop) { return -std::log(std::max(crop.actual_probability, kSmallest)); }

const LevelResult* find_level(const InputResult& input, const std::string& part, const std::string& level) {
  for (const LevelResult& l : input.levels) {
    if (l.part == part && l.level == level) return &l;
  }
  return nullptr;
}

std::string roc_figure(const std::vector<InputResult>& inputs, bool test) {
  std::string out = "<div class=\"panels\">\n";
  for (const InputResult& input : inputs)
    out += roc_panel(input, test ? input.test : input.validation, test ? "test" : "validation");
  return out + "</div>\n";
}

std::string pr_figure(const std::vector<InputResult>& inputs) {
  std::string out = parts_key() + "<div class=\"panels\">\n";
  for (const InputResult& input : inputs) {
    const std::string title = input_title(input.inputs);
    Plot plot = pr_plot(title, text("Precision over recall by slice, ", title, ", validation and test"));
    for (const auto& [part, colour] : {std::pair{"validation", kBlue}, std::pair{"test", kVermilion}}) {
      const LevelResult* level = find_level(input, part, "slice");
      if (level == nullptr || level->pr.x.empty()) continue;
      const double share = level->positives / std::max(1.0, static_cast<double>(level->units));
      plot.line({0, 1}, {share, share}, colour, 1, 0.7, true);
      plot.line(level->pr.x, level->pr.y, colour, 2, 1);
    }
    out += plot.svg();
  }
  return out + "</div>\n";
}

std::string reliability_figure(const std::vector<InputResult>& inputs) {
  std::string out = parts_key() + "<div class=\"panels\">\n";
  for (const InputResult& input : inputs) {
    const std::string title = input_title(input.inputs);
    Plot plot = reliability_plot(title, text("Observed share of the positive class over the predicted probability by slice, ",
                                             title, ", validation and test"));
    plot.line({0, 1}, {0, 1}, kGrey, 1, 1, true);
    for (const auto& [part, colour] : {std::pair{"validation", kBlue}, std::pair{"test", kVermilion}}) {
      const LevelResult* level = find_level(input, part, "slice");
      if (level == nullptr) continue;
      std::vector<double> x, y;
      for (const Bin& bin : level->bins) {
        if (!bin.predicted || !bin.observed) continue;
        x.push_back(*bin.predicted);
        y.push_back(*bin.observed);
        const double share = bin.count / std::max(1.0, static_cast<double>(level->units));
        plot.dot(x.back(), y.back(), colour, 1.8 + 8 * std::sqrt(share));  // its area grows with the count
      }
      plot.line(x, y, colour, 1.2, 0.8);
    }
    out += plot.svg();
  }
  return out + "</div>\n";
}

std::string learning_figure(const std::vector<InputResult>& inputs, bool inner_part) {
  const bool refit = std::ranges::any_of(inputs, [](const InputResult& i) {
    return std::ranges::any_of(i.folds, [](const History& h) { return !h.refit_loss.empty(); });
  });
  std::string out = text("<p class=\"legend\">", key("blue", "training loss (with mixup)"),
                         key("vermilion", inner_part ? "loss of the inner part" : "validation loss"),
                         key("green", inner_part ? "accuracy of the inner part" : "validation accuracy"),
                         refit ? key("grey", "training loss of the second training (dashed)") : "", "Dot: the epoch that was ",
                         refit ? "chosen" : "kept", ". One line per fold.</p>\n<div class=\"panels\">\n");
  for (const InputResult& input : inputs) out += learning_panels(input);
  return out + "</div>\n";
}

}  // namespace vitrine::report

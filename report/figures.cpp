#include "report/figures.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "report/markup.h"
#include "report/png.h"
#include "report/svg.h"

namespace vitrine::report {
namespace {

constexpr int kGrid = 101;
constexpr int kZoom = 2;  // of a crop's pixels

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

std::string picture_html(const CropPicture& crop) {
  std::vector<Picture> channels;
  for (const auto& [name, values] : crop.channels)
    channels.push_back(grey_picture(values.data(), crop.width, crop.height, kZoom));
  if (channels.empty()) return {};
  return text("<img alt=\"", escaped(crop.sample_id), "\" src=\"data:image/png;base64,",
              base64(png_bytes(side_by_side(channels, 4))), "\">");
}

std::string channel_names(const CropPicture& crop) {
  std::string names;
  for (const auto& [name, values] : crop.channels) names += (names.empty() ? "" : " · ") + name;
  return escaped(names);
}

Plot::Axis unit_axis(const std::string& label) { return {0, 1, {0, 0.2, 0.4, 0.6, 0.8, 1.0}, 1, label}; }

std::string roc_panel(const InputResult& input, const PartResult& part) {
  Plot plot(480, 360, unit_axis("false positive rate"), unit_axis("true positive rate"), input.inputs);
  plot.line({0, 1}, {0, 1}, kGrey, 1, 1, true);
  for (const Curve& curve : part.roc) plot.line(curve.x, curve.y, kBlue, 1, 0.35);
  const MeanRoc mean = mean_roc(part.roc);
  plot.band(mean.x, mean.low, mean.high, kBlue);
  plot.line(mean.x, mean.mean, kBlue, 2.4, 1);
  plot.note(0.42, 0.12, part.roc.empty() ? std::string("one class only: no curve") : "mean AUC " + value_text(part.auc));
  return plot.svg();
}

std::vector<double> counted(std::size_t n) {
  std::vector<double> x;
  for (std::size_t i = 0; i < n; ++i) x.push_back(static_cast<double>(i + 1));
  return x;
}

Plot::Axis epoch_axis(std::size_t epochs) {
  Plot::Axis axis{1, std::max(2.0, static_cast<double>(epochs)), {}, 0, "epoch"};
  for (const double t : round_ticks(axis.low, axis.high)) {
    if (t == std::floor(t)) axis.ticks.push_back(t);
  }
  return axis;
}

std::string loss_panels(const InputResult& input) {
  double highest = 0.1;
  std::size_t epochs = 0;
  for (const History& h : input.folds) {
    epochs = std::max(epochs, h.train_loss.size());
    // A validation loss that explodes in an early epoch would flatten everything else: it is cut at twice the start's chance
    // level.
    for (const double v : h.train_loss) highest = std::max(highest, v);
    for (const double v : h.validation_loss) highest = std::max(highest, std::min(v, 1.5));
  }
  const double top = std::ceil(highest * 1.05 * 5) / 5;
  Plot loss(480, 250, epoch_axis(epochs), {0, top, round_ticks(0, top), 1, "loss"}, input.inputs + ": loss");
  Plot accuracy(480, 250, epoch_axis(epochs), unit_axis("accuracy"), input.inputs + ": validation accuracy");
  for (const History& h : input.folds) {
    loss.line(counted(h.train_loss.size()), h.train_loss, kBlue, 1.2, 0.75);
    loss.line(counted(h.validation_loss.size()), h.validation_loss, kVermilion, 1.2, 0.75);
    accuracy.line(counted(h.validation_accuracy.size()), h.validation_accuracy, kGreen, 1.2, 0.75);
    const auto best = static_cast<std::size_t>(std::max(0, h.best_epoch));
    if (best < h.validation_accuracy.size()) accuracy.dot(static_cast<double>(best + 1), h.validation_accuracy[best], kGreen);
  }
  return loss.svg() + accuracy.svg();
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

std::string roc_figure(const std::vector<InputResult>& inputs, bool test) {
  std::string out = "<div class=\"panels\">\n";
  for (const InputResult& input : inputs) out += roc_panel(input, test ? input.test : input.validation);
  return out + "</div>\n";
}

std::string loss_figure(const std::vector<InputResult>& inputs) {
  std::string out = text("<p class=\"legend\"><span style=\"color:", kBlue,
                         "\">━</span> training loss (with mixup) &nbsp; <span style=\"color:", kVermilion,
                         "\">━</span> validation loss &nbsp; <span style=\"color:", kGreen,
                         "\">━</span> validation accuracy, <span style=\"color:", kGreen,
                         "\">●</span> the epoch that was kept; one line per fold</p>\n");
  out += "<div class=\"panels\">\n";
  for (const InputResult& input : inputs) out += loss_panels(input);
  return out + "</div>\n";
}

std::string examples_figure(const std::vector<CropPicture>& crops) {
  std::string out = "<div class=\"crops\">\n";
  for (const CropPicture& crop : crops) {
    out += text("<figure class=\"crop\">", picture_html(crop), "<figcaption><b>", escaped(crop.label), "</b> ",
                escaped(crop.subject_id), "<br><span class=\"small\">", channel_names(crop), "</span></figcaption></figure>\n");
  }
  return out + "</div>\n";
}

std::string predictions_figure(const std::vector<CropPicture>& crops) {
  std::string out = "<div class=\"crops\">\n";
  for (const CropPicture& crop : crops) {
    out += text("<figure class=\"crop ", crop.correct ? "right" : "wrong", "\">", picture_html(crop), "<figcaption><b>",
                escaped(crop.label), "</b> predicted ", escaped(crop.predicted), " (", fixed(crop.probability, 2), ") ",
                crop.correct ? "✓" : "✗", "<br><span class=\"small\">", escaped(crop.sample_id),
                "</span></figcaption></figure>\n");
  }
  return out + "</div>\n";
}

}  // namespace vitrine::report

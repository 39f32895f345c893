#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "audit/page/chart.h"
#include "audit/page/parts.h"
#include "base/error.h"
#include "report/markup.h"
#include "report/section.h"
#include "report/table.h"

namespace vitrine::audit {
namespace {

using report::escaped;

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<const char*, 4> kPhases{"Forward: outputs and inner values", "Backward: gradients of ops",
                                             "Gradients of parameters", "Parameters after the update"};
constexpr std::size_t kMostZeroRows = 12;

std::string figure(const std::string& svg) { return svg.empty() ? std::string() : "<figure>\n" + svg + "</figure>\n"; }

std::string range_charts(const FoldReport& fold) {
  std::string out;
  for (std::size_t phase = 0; phase < fold.ranges.size(); ++phase) {
    std::vector<double> low, high;
    for (const RangeFigures& r : fold.ranges[phase]) {
      low.push_back(r.records > 0 ? static_cast<double>(r.low) : kGap);
      high.push_back(r.records > 0 ? static_cast<double>(r.high) : kGap);
    }
    Chart chart(kPhases[phase], text(kPhases[phase], ": smallest and largest value over steps"), fold.columns);
    chart.band(low, high, "blue");
    chart.line(low, "blue");
    chart.line(high, "blue");
    out += figure(chart.svg());
  }
  return "<div class=\"panels\">\n" + out + "</div>\n";
}

std::string range_table(const FoldReport& fold) {
  report::Table table(
      "Values over all steps",
      {{"values", true}, {"records"}, {"elements"}, {"smallest"}, {"largest"}, {"NaN"}, {"infinite"}, {"subnormal"}, {"zero"}});
  for (std::size_t phase = 0; phase < fold.ranges.size(); ++phase) {
    RangeFigures all;
    for (const RangeFigures& r : fold.ranges[phase]) {
      if (r.records == 0) continue;
      all.low = all.records == 0 ? r.low : std::min(all.low, r.low);
      all.high = all.records == 0 ? r.high : std::max(all.high, r.high);
      all.records += r.records, all.elements += r.elements, all.nans += r.nans, all.infinities += r.infinities;
      all.subnormals += r.subnormals, all.zeros += r.zeros;
    }
    table.row({kPhases[phase], text(all.records), text(all.elements), number_of(static_cast<double>(all.low)),
               number_of(static_cast<double>(all.high)), text(all.nans), text(all.infinities), text(all.subnormals),
               text(all.zeros)});
  }
  return table.html();
}

std::string finite_sentence(const FoldReport& fold) {
  if (!fold.first_not_finite) return "<p>No NaN and no infinity is in any record.</p>\n";
  const WorstRecord& w = *fold.first_not_finite;
  return text("<p class=\"note\"><b>✗ Not finite.</b> First at <a href=\"#", step_anchor(fold, w.record.step), "\">step ",
              w.record.step, "</a>, ", escaped(w.node), ", ", escaped(w.tensor), " (", std::string(phase_name(w.record.phase)),
              "): ", w.record.facts.nans, " NaN, ", w.record.facts.infinities, " infinite of ", w.record.facts.elements,
              " elements.</p>\n");
}

std::string zeros_of(const FoldReport& fold) {
  const std::string counted =
      "<p>Counted are values that are exactly zero, of every tensor of the forward pass that a record tells the values of: "
      "outputs (of a norm with its "
      "activation behind it: after the activation) and inner values. Behind ReLU or ReLU6 a share that stays near 1 is dead "
      "units; behind swish, which is zero at "
      "zero only, it is channels that get nothing; of the constants of a norm it is channels that the norm takes away; after "
      "dropout it is what was dropped.</p>\n";
  if (fold.zeros.empty()) return counted + "<p>No such value is zero.</p>\n";
  report::Table table(text("Largest shares of zeros, of ", fold.zeros.size(),
                           fold.zeros.size() == 1 ? " tensor that has any" : " tensors that have any"),
                      {{"op", true}, {"tensor", true}, {"zeros"}, {"elements"}, {"share"}, {"share in the last record"}});
  std::vector<double> worst(fold.columns.count, kGap);
  for (std::size_t i = 0; i < fold.zeros.size(); ++i) {
    const ZeroRow& z = fold.zeros[i];
    double last = 0;
    for (std::size_t c = 0; c < z.share.size(); ++c) {
      if (z.share[c] < 0) continue;
      last = static_cast<double>(z.share[c]);
      worst[c] = std::isnan(worst[c]) ? last : std::max(worst[c], last);
    }
    if (i < kMostZeroRows)
      table.row({escaped(z.node), escaped(z.tensor), text(z.zeros), text(z.elements),
                 number_of(static_cast<double>(z.zeros) / static_cast<double>(z.elements)), number_of(last)});
  }
  Chart chart("Largest share of zeros in a tensor", "Largest share of zeros in a tensor of the forward pass over steps",
              fold.columns);
  chart.line(worst, "blue");
  return counted + "<div class=\"panels\">\n" + figure(chart.svg()) + "</div>\n" + table.html() +
         report::source_line("trace.vtr", "zeros.csv");
}

double median_of(std::vector<double> values) {
  if (values.empty()) return kGap;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

Chart gradient_chart(const FoldReport& fold, const std::string& place) {
  std::vector<double> low(fold.columns.count, kGap), high = low, middle = low;
  std::size_t parameters = 0;
  for (const GradientRow& g : fold.gradients) parameters += g.place == place ? 1 : 0;
  for (std::size_t c = 0; c < fold.columns.count; ++c) {
    std::vector<double> norms;
    for (const GradientRow& g : fold.gradients) {
      if (g.place == place && g.norm[c] > 0) norms.push_back(g.norm[c]);
    }
    if (norms.empty()) continue;
    low[c] = std::ranges::min(norms);
    high[c] = std::ranges::max(norms);
    middle[c] = median_of(norms);
  }
  Chart chart(text(place, " (", parameters, parameters == 1 ? " parameter)" : " parameters)"),
              text("Norms of the gradients of ", place, " over steps, logarithmic"), fold.columns, true);
  if (parameters > 1) chart.band(low, high, "blue");
  chart.line(middle, "blue");
  return chart;
}

}  // namespace

std::string steps_part(const FoldReport& fold) {
  if (fold.verified.steps == 0) return {};
  std::vector<double> mean, low, high, lr;
  for (const StepFigures& s : fold.steps) {
    mean.push_back(s.steps > 0 ? s.mean_loss() : kGap);
    low.push_back(s.steps > 0 ? s.loss_low : kGap);
    high.push_back(s.steps > 0 ? s.loss_high : kGap);
    lr.push_back(s.steps > 0 ? s.lr : kGap);
  }
  Chart loss("Loss of the batch", "Loss of the batch over steps", fold.columns),
      rate("Learning rate", "Learning rate over steps", fold.columns);
  if (fold.columns.width > 1) loss.band(low, high, "blue");
  loss.line(mean, "blue");
  rate.line(lr, "green");
  report::Table table("Steps", {{"step"}, {"epoch"}, {"loss"}, {"rate"}, {"worst rho"}});
  for (std::size_t c = 0; c < fold.steps.size(); ++c) {
    const StepFigures& s = fold.steps[c];
    if (s.steps == 0 && s.records == 0) continue;
    table.row({text("<span id=\"", fold.name, "-step-", c, "\">", steps_text(fold.columns, c), "</span>"), text(s.epoch),
               s.steps > 0 ? number_of(s.mean_loss()) : std::string("-"), number_of(s.lr),
               s.compared == 0 ? std::string("-") : text(s.above > 0 ? "▲ " : "", rho_text(s.worst_rho))});
  }
  const char* means = fold.columns.width > 1 ? "<p class=\"small\">A row is several steps: the loss is their mean (band: "
                                               "smallest to largest), epoch and rate are those of the first.</p>\n"
                                             : "";
  return section(fold, "steps", "Loss, learning rate and steps",
                 "<div class=\"panels\">\n" + figure(loss.svg()) + figure(rate.svg()) + "</div>\n" + means +
                     "<div class=\"slim\">" + table.html() + "</div>\n" +
                     report::source_line("steps.jsonl, trace.vtr", "steps.csv"));
}

std::string values_part(const FoldReport& fold) {
  const bool any = std::ranges::any_of(fold.ranges, [](const auto& phase) {
    return std::ranges::any_of(phase, [](const RangeFigures& r) { return r.records > 0; });
  });
  if (!any) return {};
  return section(fold, "ranges", "Ranges, NaN and infinities",
                 finite_sentence(fold) + range_charts(fold) + range_table(fold) +
                     "<p class=\"small\">Over every record that tells the values of its tensor; at level summary another one "
                     "in 32 of the tensors each step.</p>\n" +
                     report::source_line("trace.vtr", "ranges.csv")) +
         section(fold, "zeros", "Zeros and dead units", zeros_of(fold));
}

std::string gradients_part(const FoldReport& fold) {
  if (fold.gradients.empty()) return {};
  std::vector<std::string> places;
  for (const GradientRow& g : fold.gradients) {
    if (std::ranges::find(places, g.place) == places.end()) places.push_back(g.place);
  }
  // The tape gives gradients from the last layer to the first.
  std::ranges::reverse(places);
  std::string out;
  for (const std::string& place : places) out += figure(gradient_chart(fold, place).svg());
  return section(fold, "gradients", "Gradient flow",
                 "<p>The norm of the gradient of each parameter, the mean over a column’s records; one drawing for each place "
                 "of the network. Line: median of its "
                 "parameters; band: smallest to largest. The axis is logarithmic; a gradient that is exactly zero is not "
                 "drawn.</p>\n<div class=\"panels\">\n" +
                     out + "</div>\n" + report::source_line("trace.vtr", "gradients.csv"));
}

}  // namespace vitrine::audit

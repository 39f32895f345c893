#include "train/lr_find.h"

#include <algorithm>
#include <cmath>

#include "base/csv.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "data/sampler.h"
#include "nn/modules/optimizer.h"
#include "tensor/math.h"
#include "train/device/host_training.h"
#include "train/step.h"
#include "train/trainer.h"

namespace vitrine {
namespace {

constexpr double kSmoothing = 0.98, kDiverged = 4;

void check(const LrFindOptions& o) {
  if (!(o.start >= 1e-12 && o.start < o.end && o.end <= 1e3))
    throw UsageError(text("--start is ", o.start, " and --end ", o.end, ", expected 1e-12 <= start < end <= 1000"));
  if (o.steps < 10 || o.steps > 100000) throw UsageError(text("--steps is ", o.steps, ", expected 10 to 100000"));
}

// The loss of one step; none where the network has broken.
std::optional<double> loss_of_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& step) {
  try {
    return train_step(net, optimizer, batch, step).loss;
  } catch (const NumericalError&) {
    return std::nullopt;
  }
}

// The part of the curve that suggestions look at: [first, last).
std::pair<std::size_t, std::size_t> looked_at(const LrCurve& curve) {
  const std::size_t first = static_cast<std::size_t>(curve.steps) / 10, count = curve.lr.size();
  return {first, count > 5 ? std::max(first, count - 5) : first};
}

// fast.ai's place two thirds into the longest falling subsequence.
std::size_t valley_of(const std::vector<double>& losses) {
  std::vector<std::size_t> length(losses.size(), 1);
  std::size_t end = 0, start = 0;
  for (std::size_t i = 1; i < losses.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (losses[i] < losses[j] && length[i] < length[j] + 1) length[i] = length[j] + 1;
      if (length[end] < length[i]) {
        end = i;
        start = end - std::min(end, length[end]);
      }
    }
  }
  const double section = static_cast<double>(end - start) / 3;
  return start + static_cast<std::size_t>(section) + static_cast<std::size_t>(section / 2);
}

}  // namespace

LrCurve find_lr(const Dataset& train, const TrainOptions& options, const LrFindOptions& range, Progress& progress) {
  check(range);
  check(options);
  EfficientNet net = starting_network(options, static_cast<int>(train.classes.size()));
  net.to(options.device);
  Optimizer optimizer(optimizer_options(options));
  const std::map<std::string, double> scales = lr_scales(options.lr_scale);
  const Frozen frozen = frozen_in(options, 1);
  net.frozen_parts = frozen.parts;
  LrCurve curve;
  curve.steps = range.steps;
  double mean = 0, rest = 1, best = 0;  // rest: 0.98^(k + 1)
  const double ratio = log_portable(range.end / range.start) / range.steps;
  for (std::uint32_t epoch = 1; true; ++epoch) {
    const std::vector<int> order =
        epoch_order(train.labels, static_cast<int>(train.classes.size()), balance_of(options), options.seed, epoch);
    for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(options.batch_size)) {
      const std::size_t k = curve.lr.size();
      if (k >= static_cast<std::size_t>(range.steps)) return curve;
      check_interrupt("lr-find");
      const double lr = range.start * exp_portable(ratio * static_cast<double>(k));
      const Batch batch = training_batch(train, order, first, net.semantics, options, epoch);
      const std::optional<double> loss = loss_of_step(
          net, optimizer, batch,
          {lr, -1, options.label_smoothing, {options.seed, epoch, static_cast<std::uint32_t>(first)}, scales, frozen.held});
      if (!loss) return curve;
      mean = kSmoothing * mean + (1 - kSmoothing) * *loss;
      rest *= kSmoothing;
      curve.lr.push_back(lr);
      curve.loss.push_back(*loss);
      curve.smoothed.push_back(mean / (1 - rest));
      best = k == 0 ? curve.smoothed.back() : std::min(best, curve.smoothed.back());
      progress.update(
          text("lr-find  step ", k + 1, "/", range.steps, "  lr ", shortest(lr), "  loss ", fixed(curve.smoothed.back(), 3)));
      if (curve.smoothed.back() > kDiverged * best) return curve;
    }
  }
}

LrSuggestions suggestions(const LrCurve& curve) {
  const auto [first, last] = looked_at(curve);
  if (last < first + 3) return {};
  const std::vector<double> losses(curve.smoothed.begin() + static_cast<std::ptrdiff_t>(first),
                                   curve.smoothed.begin() + static_cast<std::ptrdiff_t>(last));
  const double* const lr = curve.lr.data() + first;
  LrSuggestions s;
  s.valley = lr[valley_of(losses)];
  std::size_t steepest = 0, smallest = 0;
  double slope = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (losses[i] < losses[smallest]) smallest = i;
    if (i + 1 == losses.size()) break;
    const double here = (losses[i + 1] - losses[i]) / log_portable(lr[i + 1] / lr[i]);
    if (i > 0 && here >= slope) continue;
    slope = here;
    steepest = i;
  }
  s.steep = lr[steepest];
  s.minimum = lr[smallest] / 10;
  return s;
}

std::string lr_curve_csv(const LrCurve& curve) {
  std::string out = csv_line({"step", "lr", "loss", "smoothed"});
  for (std::size_t k = 0; k < curve.lr.size(); ++k)
    out += csv_line({std::to_string(k), shortest(curve.lr[k]), shortest(curve.loss[k]), shortest(curve.smoothed[k])});
  return out;
}

}  // namespace vitrine

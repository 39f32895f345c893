#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/number.h"
#include "nn/efficientnet/efficientnet.h"
#include "tensor/cuda/settings.h"
#include "train/option_table.h"
#include "train/schedule.h"

namespace vitrine {
namespace {

std::string rule_name(Rule rule) {
  switch (rule) {
    case Rule::adam: return "adam";
    case Rule::adamw: return "adamw";
    case Rule::sgd: return "sgd";
    case Rule::rmsprop: return "rmsprop";
  }
  return "?";
}

}  // namespace

void check(const TrainOptions& o) {
  RunOptions all;
  all.train = o;
  check_rows(all);
  if (o.ema && o.weights.empty()) throw UsageError("--ema takes the averaged weights of a checkpoint; pass --weights with it");
}

int frozen_parts(const std::string& freeze) {
  if (freeze == "none") return 0;
  const std::vector<std::string>& parts = network_parts();
  const auto found = std::find(parts.begin(), parts.end() - 1, freeze);
  if (found == parts.end() - 1)
    throw UsageError(text("--freeze is '", freeze, "'; choose none, stem, stage0 to stage6 or head: the last part to freeze"));
  return static_cast<int>(found - parts.begin()) + 1;
}

std::map<std::string, double> lr_scales(const std::string& lr_scale) {
  std::map<std::string, double> scales;
  const std::vector<std::string>& parts = network_parts();
  for (std::size_t at = 0; at < lr_scale.size();) {
    const std::size_t end = std::min(lr_scale.find(',', at), lr_scale.size());
    const std::string item = lr_scale.substr(at, end - at);
    const std::size_t equals = item.find('=');
    double scale = 0;
    const std::string part = item.substr(0, equals);
    if (equals == std::string::npos || std::find(parts.begin(), parts.end(), part) == parts.end() ||
        !parse_number(std::string_view(item).substr(equals + 1), scale) || !(scale >= 0 && scale <= 100) ||
        !scales.emplace(part, scale).second) {
      throw UsageError(
          text("--lr-scale has '", item,
               "'; expected PART=FACTOR once per part, with stem, stage0 to stage6, head or classifier and a factor from 0 "
               "to 100, joined by commas"));
    }
    at = end + 1;
  }
  return scales;
}

namespace {

// A portable run has the same bits on every device, so it does not name one.
std::string tier_of(Device device) {
  const cuda::Settings& s = cuda::settings();
  if (!device.is_cuda() || s.tier == cuda::Tier::portable)
    return "portable (float32, same bits on any thread count and vector width)";
  return text("run-to-run (", cuda::text_of(s.precision), " on ", device.is_gpu() ? "a GPU" : device.text(),
              ", bits repeat on equal hardware and libraries)");
}

std::string yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const TrainOptions& o) {
  RunOptions run;
  run.train = o;
  const auto option = [&](const char* name) -> std::pair<std::string, std::string> {
    const OptionRow& row = option_row(name);
    return {row.recorded, row.record != nullptr ? row.record(o) : value_text(row, run)};
  };
  const OneCycle schedule;
  const std::string high = shortest(schedule.high_momentum);
  std::vector<std::pair<std::string, std::string>> all{
      option("arch"),
      option("inputs"),
      option("weights"),
      option("from"),
      option("first-conv"),
      option("freeze"),
      option("lr-scale"),
      option("epochs"),
      option("batch-size"),
      {"schedule", text("one-cycle, lr / ", shortest(schedule.divide_start), " -> lr -> lr / ", shortest(schedule.divide_end),
                        ", up in ", shortest(schedule.warm_up), " of the steps")},
      option("lr"),
      {"optimizer", rule_name(Optimizer(o.optimizer).options().rule)},
      {"beta1", text(high, " -> ", shortest(schedule.low_momentum), " -> ", high, " (one-cycle)")},
      {"beta2", shortest(o.optimizer.beta2)},
      {"eps", shortest(o.optimizer.eps)},
      option("weight-decay"),
      option("mixup"),
      option("label-smoothing"),
      option("no-oversample"),
      option("dropout"),
      option("drop-connect"),
      option("bn-momentum"),
      option("no-augmentation"),
      option("rotate"),
      option("zoom"),
      {"affine_probability", shortest(o.augment.affine_probability)},
      option("lighting"),
      {"lighting_probability", shortest(o.augment.lighting_probability)},
      {"flip_horizontal", yes_no(o.augment.flip_horizontal)},
      {"flip_vertical", yes_no(o.augment.flip_vertical)},
      option("seed"),
      {"select", "best epoch by validation accuracy, the first of equals"},
      {"tier", tier_of(o.device)}};
  if (o.ema) all.push_back(option("ema"));
  if (!o.more_devices.empty()) all.emplace_back("devices", std::to_string(1 + o.more_devices.size()));
  return all;
}

}  // namespace vitrine

#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/number.h"
#include "nn/efficientnet/first_conv.h"
#include "tensor/cuda/settings.h"
#include "train/schedule.h"

namespace vitrine {
namespace {

void in_range(const char* name, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    throw UsageError(text("--", name, " is ", value, ", expected a number from ", low, " to ", high));
  }
}

std::string yes_no(bool value) { return value ? "yes" : "no"; }

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
  in_range("epochs", o.epochs, 1, 100000);
  in_range("batch-size", o.batch_size, 1, 65536);
  in_range("save-every", o.keeping.save_every, 1, 100000);
  in_range("lr", o.lr, 1e-12, 1e3);
  in_range("mixup", o.mixup, 0, 100);
  in_range("label-smoothing", o.label_smoothing, 0, 0.999);
  in_range("dropout", o.dropout, 0, 0.999);
  in_range("drop-connect", o.drop_connect, 0, 0.999);
  in_range("bn-momentum", o.bn_momentum, 0, 1);
  in_range("weight-decay", o.optimizer.weight_decay, 0, 10);
  in_range("rotate", o.augment.max_rotate_degrees, 0, 180);
  in_range("zoom", o.augment.max_zoom, 1, 10);
  in_range("lighting", o.augment.max_lighting, 0, 0.9);
  first_conv_from_name(o.first_conv);
  frozen_parts(o.freeze);
  lr_scales(o.lr_scale);
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

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const TrainOptions& o) {
  const OneCycle schedule;
  const std::string high = shortest(schedule.high_momentum);
  std::vector<std::pair<std::string, std::string>> all{
      {"arch", o.arch},
      {"inputs", o.inputs},
      {"weights", o.weights.empty() ? "none" : std::filesystem::path(o.weights).filename().string()},
      {"from", o.weights.empty() ? "none" : o.from},
      {"first_conv", o.first_conv},
      {"freeze", o.freeze},
      {"lr_scale", o.lr_scale.empty() ? "1 for every part" : o.lr_scale},
      {"epochs", std::to_string(o.epochs)},
      {"batch_size", std::to_string(o.batch_size)},
      {"schedule", text("one-cycle, lr / ", shortest(schedule.divide_start), " -> lr -> lr / ", shortest(schedule.divide_end),
                        ", up in ", shortest(schedule.warm_up), " of the steps")},
      {"lr", shortest(o.lr)},
      {"optimizer", rule_name(Optimizer(o.optimizer).options().rule)},
      {"beta1", text(high, " -> ", shortest(schedule.low_momentum), " -> ", high, " (one-cycle)")},
      {"beta2", shortest(o.optimizer.beta2)},
      {"eps", shortest(o.optimizer.eps)},
      {"weight_decay", shortest(o.optimizer.weight_decay)},
      {"mixup", shortest(o.mixup)},
      {"label_smoothing", shortest(o.label_smoothing)},
      {"balance", o.balance == Balance::oversample ? "oversample" : "none"},
      {"dropout", shortest(o.dropout)},
      {"drop_connect", shortest(o.drop_connect)},
      {"bn_momentum", o.bn_momentum > 0 ? shortest(o.bn_momentum) : "as the weights'"},
      {"augmentation", yes_no(o.augmentation)},
      {"rotate_degrees", shortest(o.augment.max_rotate_degrees)},
      {"zoom", shortest(o.augment.max_zoom)},
      {"affine_probability", shortest(o.augment.affine_probability)},
      {"lighting", shortest(o.augment.max_lighting)},
      {"lighting_probability", shortest(o.augment.lighting_probability)},
      {"flip_horizontal", yes_no(o.augment.flip_horizontal)},
      {"flip_vertical", yes_no(o.augment.flip_vertical)},
      {"seed", std::to_string(o.seed)},
      {"select", "best epoch by validation accuracy, the first of equals"},
      {"tier", tier_of(o.device)}};
  if (o.ema) all.emplace_back("ema", "yes");
  if (!o.more_devices.empty()) all.emplace_back("devices", std::to_string(1 + o.more_devices.size()));
  return all;
}

}  // namespace vitrine

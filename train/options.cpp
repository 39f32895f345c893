#include "train/options.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/nearest.h"
#include "base/number.h"
#include "nn/efficientnet/efficientnet.h"
#include "tensor/cuda/settings.h"
#include "tensor/math.h"
#include "train/choice.h"
#include "train/option_table.h"
#include "train/schedule.h"

namespace vitrine {
namespace {

// "0.01:1": the parts' factors are a geometric series from the first to the second, as fast.ai's slice(lo, hi). Empty when it is none.
std::map<std::string, double> geometric_scales(const std::string& lr_scale) {
  const std::size_t colon = lr_scale.find(':');
  if (colon == std::string::npos) return {};
  double low = 0, high = 0;
  const std::string_view all = lr_scale;
  if (!parse_number(all.substr(0, colon), low) || !parse_number(all.substr(colon + 1), high) || !(low > 0 && low <= 100) ||
      !(high > 0 && high <= 100))
    throw UsageError(text("--lr-scale is '", printable(lr_scale, 40), "'; of LOW:HIGH both are expected above 0, to 100"));
  std::map<std::string, double> scales;
  const std::vector<std::string>& parts = network_parts();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(parts.size() - 1);
    scales[parts[i]] = low * exp_portable(share * log_portable(high / low));
  }
  return scales;
}

}  // namespace

const std::vector<std::string>& rule_names() {
  static const std::vector<std::string> names{"adam", "sgd", "rmsprop"};
  return names;
}

const std::vector<std::string>& flip_names() {
  static const std::vector<std::string> names{"none", "horizontal", "vertical", "both"};
  return names;
}

void check_audit_level(const std::string& level) {
  if (level == "off" || level == "summary" || level == "full") return;
  throw UsageError(text("--audit is '", printable(level, 40), "', expected off, summary or full"));
}

void check(const TrainOptions& o) {
  RunOptions all;
  all.train = o;
  check_rows(all);
  if (o.unfreeze_at > 0 && o.freeze == "none")
    throw UsageError(text("--unfreeze-at is ", o.unfreeze_at, ", but nothing is frozen; pass --freeze with it"));
  if (o.train_frozen_norm && o.freeze == "none")
    throw UsageError("--train-frozen-norm is about frozen parts, but nothing is frozen; pass --freeze with it");
  if (o.unfreeze_at > o.epochs)
    throw UsageError(text("--unfreeze-at is ", o.unfreeze_at, ", beyond the last of ", o.epochs, " epochs"));
  if (o.keeping.audit != "off" && !o.more_devices.empty())
    throw UsageError(text("--audit ", o.keeping.audit, " and --devices: an audit sees the steps of one device; name one"));
  if (o.keeping.audit == "off" && o.keeping.audit_every > 0)
    throw UsageError("--audit-every is about an audit's states, but --audit is off; pass --audit summary or full with it");
  if (o.control == "swapped-channels" && o.inputs.find('+') == std::string::npos)
    throw UsageError(text("--control swapped-channels moves the channels on by one, and those of --inputs ", o.inputs,
                          " are all the same; pass it with --inputs t1c+flair+t2"));
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

Frozen frozen_in(const TrainOptions& o, int epoch) {
  if (o.unfreeze_at > 0 && epoch >= o.unfreeze_at) return {};
  const int parts = frozen_parts(o.freeze);
  return o.train_frozen_norm ? Frozen{0, parts} : Frozen{parts, 0};
}

std::map<std::string, double> lr_scales(const std::string& lr_scale) {
  if (lr_scale.find(':') != std::string::npos) return geometric_scales(lr_scale);
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
               "to 100, joined by commas, or LOW:HIGH"));
    }
    at = end + 1;
  }
  return scales;
}

OptimizerOptions optimizer_options(const TrainOptions& o) {
  OptimizerOptions options = o.optimizer;
  options.rule = std::vector<Rule>{Rule::adam, Rule::sgd, Rule::rmsprop}[chosen_name("--optimizer", o.rule, rule_names())];
  return options;
}

AugmentOptions augment_options(const TrainOptions& o) {
  AugmentOptions options = o.augment;
  chosen_name("--flip", o.flip, flip_names());
  options.flip_horizontal = o.flip == "horizontal" || o.flip == "both";
  options.flip_vertical = o.flip == "vertical" || o.flip == "both";
  return options;
}

Balance balance_of(const TrainOptions& o) {
  chosen_name("--oversample-by", o.oversample_by, {"repeats", "draws"});
  return o.balance == Balance::oversample && o.oversample_by == "draws" ? Balance::draw : o.balance;
}

namespace {

// A portable run has the same bits on every device, so it does not name one.
std::string tier_of(Device device) {
  const cuda::Settings& s = cuda::settings();
  if (!device.is_cuda() || s.tier == cuda::Tier::portable)
    return "portable (float32, same bits on any thread count and vector width)";
  const std::string whose = s.kernels == cuda::Kernels::fastest ? "" : text(", kernels ", cuda::text_of(s.kernels));
  return text("run-to-run (", cuda::text_of(s.precision), " on ", device.is_gpu() ? "a GPU" : device.text(), whose,
              ", bits repeat on equal hardware and libraries)");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const TrainOptions& o) {
  RunOptions run;
  run.train = o;
  const auto option = [&](const char* name) -> std::pair<std::string, std::string> {
    const OptionRow& row = option_row(name);
    return {row.recorded, row.record != nullptr ? row.record(o) : value_text(row, run)};
  };
  const ScheduleKind schedule = schedule_from_name(o.schedule);
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
      {"schedule", text(o.schedule, ", ", description(schedule))},
      option("lr"),
      option("optimizer"),
      option("beta1"),
      option("beta2"),
      option("momentum"),
      option("alpha"),
      option("eps"),
      option("eps-before-correction"),
      option("weight-decay"),
      option("decay-vectors"),
      option("mixup"),
      option("mixup-mode"),
      option("label-smoothing"),
      option("no-oversample"),
      option("head"),
      option("unfreeze-at"),
      option("train-frozen-norm"),
      option("dropout"),
      option("drop-connect"),
      option("bn-momentum"),
      option("no-augmentation"),
      option("rotate"),
      option("zoom"),
      option("warp"),
      option("affine-probability"),
      option("lighting"),
      option("lighting-probability"),
      option("flip"),
      option("seed"),
      {"select", description(select_from_name(o.select), monitor_from_name(o.monitor))},
      option("tta"),
      option("control"),
      {"tier", tier_of(o.device)}};
  if (o.ema) all.push_back(option("ema"));
  if (!o.more_devices.empty()) all.emplace_back("devices", std::to_string(1 + o.more_devices.size()));
  if (!o.more_devices.empty() && cuda::settings().reduce == cuda::Reduce::nccl) all.emplace_back("reduce", "nccl");
  return all;
}

}  // namespace vitrine

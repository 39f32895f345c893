#include "cli/device_options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"
#include "base/names.h"
#include "cli/train_options.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cli {

Device DeviceChoice::choose() const {
  const Device chosen = device_from_name(device);
  cuda::settings() = {cuda::tier_from_name(tier), cuda::precision_from_name(precision),
                      static_cast<std::size_t>(memory_mib) << 20};
  const bool is_fp32 = cuda::settings().precision == cuda::Precision::fp32;
  if (!is_fp32 && cuda::settings().tier == cuda::Tier::portable)
    throw UsageError(text("--precision ", precision, " needs --tier run-to-run: the portable tier computes in float32"));
  if (!is_fp32 && !chosen.is_gpu())
    throw UsageError(text("--precision ", precision, " needs a GPU: ", chosen.text(), " computes in float32"));
  if (device == "auto" && !chosen.is_cuda())
    std::fprintf(stderr, "vitrine: computing on the CPU: %s\n", cuda::why_no_device().c_str());
  return chosen;
}

Device DeviceChoice::choose_for_prediction() const {
  const Device chosen = choose();
  if (cuda::settings().precision != cuda::Precision::fp32)
    throw UsageError(text("--precision ", precision, " is for training: predictions are computed in float32"));
  return chosen;
}

namespace {

// Straight into `choice`.
TakeWord taken_by(DeviceChoice& choice) {
  return [&choice](const OptionRow& row, const std::string& word) {
    RunOptions all;
    all.device = choice;
    assign(row, all, word);
    static_cast<DeviceNames&>(choice) = all.device;
  };
}

}  // namespace

void add_device_options(CLI::App* app, DeviceChoice& choice) {
  add_device_rows(app->add_option_group("device"), nullptr, taken_by(choice));
}

void DeviceChoice::choose(TrainOptions& options) const {
  if (together.empty()) {
    options.device = choose();
    return;
  }
  std::vector<Device> devices;
  for (const std::string& number : split_at(together, ','))
    devices.push_back(device_from_name(device == "cuda-host" ? device : "cuda:" + number));
  DeviceChoice first = *this;
  first.device = devices.front().text();
  options.device = first.choose();
  options.more_devices.assign(devices.begin() + 1, devices.end());
}

void add_training_device_options(CLI::App* app, DeviceChoice& choice) {
  add_device_rows(app->add_option_group("device"), app, taken_by(choice));
}

std::string text_of(Device device) {
  if (!device.is_cuda()) return "cpu";
  const cuda::Settings& s = cuda::settings();
  const std::string name = device.is_gpu() ? text(" (", cuda::describe(device.index).name, ")") : "";
  return text(device.text(), name, ", ", cuda::text_of(s.tier), ", ", cuda::text_of(s.precision));
}

}  // namespace vitrine::cli

#include "cli/device_options.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/names.h"
#include "cli/command.h"
#include "cli/train_options.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cli {
namespace {

// That the device has the kernels of the settings, and the kernels the precision.
void check_kernels(Device device) {
  const cuda::Settings& s = cuda::settings();
  if (s.kernels == cuda::Kernels::fastest) return;
  const std::string option = "--kernels " + cuda::text_of(s.kernels);
  if (!device.is_cuda())
    throw UsageError(text(option, " needs a CUDA device, and ", device.text(), " was chosen; add --device cuda or cuda-host"));
  if (s.kernels == cuda::Kernels::own) {
    if (s.precision == cuda::Precision::tf32)
      throw UsageError(text("--precision tf32 needs a library's products: ", option, " computes in float32 or bf16"));
    return;
  }
  if (s.tier == cuda::Tier::portable)
    throw UsageError(text(option, " needs --tier run-to-run: the portable tier has our own kernels alone"));
  if (s.kernels == cuda::Kernels::cublaslt && !device.is_gpu())
    throw UsageError(
        text(option, " needs a GPU: ", device.text(), " has our own kernels and an interpreter of cuDNN's graphs"));
}

}  // namespace

Device DeviceChoice::choose() const {
  const Device chosen = device_from_name(device);
  cuda::settings() = {cuda::tier_from_name(tier), cuda::precision_from_name(precision), cuda::kernels_from_name(kernels),
                      static_cast<std::size_t>(memory_mib) << 20, cuda::reduce_from_name(reduce)};
  check_kernels(chosen);
  const std::vector<std::string> sharing = split_at(together, ',');
  if (cuda::settings().reduce != cuda::Reduce::gather && sharing.size() < 2)
    throw UsageError(text("--reduce ", reduce, " is for training on GPUs that share every batch; add --devices 0,1"));
  // Where plans are kept is known, and readable, before anything is begun.
  if (chosen.is_gpu() && cuda::settings().tier == cuda::Tier::run_to_run && cuda::settings().kernels != cuda::Kernels::own) {
    cuda::make_current(chosen);
    cuda::plan_store().make_folder();
  }
  const bool is_fp32 = cuda::settings().precision == cuda::Precision::fp32;
  if (!is_fp32 && cuda::settings().tier == cuda::Tier::portable)
    throw UsageError(text("--precision ", precision, " needs --tier run-to-run: the portable tier computes in float32"));
  // The interpreter of cuDNN's graphs has no bf16; our own kernels keep values in it anywhere.
  const bool keeps_bf16 = cuda::settings().precision == cuda::Precision::bf16 && chosen.is_cuda() &&
                          cuda::settings().kernels != cuda::Kernels::cudnn;
  if (!is_fp32 && !chosen.is_gpu() && !keeps_bf16)
    throw UsageError(text("--precision ", precision, " needs a GPU: ", chosen.text(), " computes in float32",
                          chosen.is_cuda() ? ", or bf16 with --kernels fastest or own" : ""));
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

void add_device_options(Command app, DeviceChoice& choice) {
  add_device_rows(app.add_option_group("device"), std::nullopt, taken_by(choice));
}

void DeviceChoice::choose(TrainOptions& options) const {
  if (together.empty()) {
    options.device = choose();
    return;
  }
  std::vector<Device> devices;
  for (const std::string& number : split_at(together, ','))
    devices.push_back(device_from_name(device == "cuda-host" ? device : "cuda:" + number));
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].is_gpu() && std::find(devices.begin(), devices.begin() + static_cast<std::ptrdiff_t>(i), devices[i]) !=
                                   devices.begin() + static_cast<std::ptrdiff_t>(i))
      throw UsageError(text("--devices is '", together, "', expected different GPUs"));
  }
  DeviceChoice first = *this;
  first.device = devices.front().text();
  options.device = first.choose();
  options.more_devices.assign(devices.begin() + 1, devices.end());
  if (cuda::settings().reduce == cuda::Reduce::nccl && cuda::settings().tier == cuda::Tier::portable)
    throw UsageError("--reduce nccl needs --tier run-to-run: the portable tier adds gradients in rank order");
  if (cuda::settings().kernels == cuda::Kernels::cudnn && !options.more_devices.empty())
    throw UsageError("--kernels cudnn is for one device: its batch norm does not see the others' images; leave out --devices");
}

void add_training_device_options(Command app, DeviceChoice& choice) {
  add_device_rows(app.add_option_group("device"), app, taken_by(choice));
}

std::string text_of(Device device) {
  if (!device.is_cuda()) return "cpu";
  const cuda::Settings& s = cuda::settings();
  const std::string name = device.is_gpu() ? text(" (", cuda::describe(device.index).name, ")") : "";
  return text(device.text(), name, ", ", cuda::text_of(s.tier), ", ", cuda::text_of(s.precision),
              s.kernels == cuda::Kernels::fastest ? "" : ", kernels " + cuda::text_of(s.kernels));
}

}  // namespace vitrine::cli

#include "cli/device_options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cli {

Device DeviceChoice::choose() const {
  const Device chosen = device_from_name(device);
  cuda::settings() = {cuda::tier_from_name(tier), cuda::precision_from_name(precision)};
  if (cuda::settings().tier == cuda::Tier::portable && cuda::settings().precision != cuda::Precision::fp32)
    throw UsageError(text("--precision ", precision, " needs --tier fast: the portable tier computes in float32"));
  if (device == "auto" && !chosen.is_cuda())
    std::fprintf(stderr, "vitrine: computing on the CPU: %s\n", cuda::why_no_device().c_str());
  return chosen;
}

void add_device_options(CLI::App* app, DeviceChoice& choice) {
  auto* group = app->add_option_group("device");
  group
      ->add_option("--device", choice.device,
                   "cpu, cuda, cuda:N, auto (a GPU if there is one), cuda-host (its kernels, run here)")
      ->capture_default_str();
  group->add_option("--tier", choice.tier, "on a CUDA device: fast, or portable (own kernels, the CPU's bits)")
      ->capture_default_str();
  group->add_option("--precision", choice.precision, "of products in the fast tier: fp32, tf32 or bf16")->capture_default_str();
}

std::string text_of(Device device) {
  if (!device.is_cuda()) return "cpu";
  const cuda::Settings& s = cuda::settings();
  const std::string name = device.is_gpu() ? text(" (", cuda::describe(device.index).name, ")") : "";
  return text(device.text(), name, ", ", cuda::text_of(s.tier), ", ", cuda::text_of(s.precision));
}

}  // namespace vitrine::cli

// --device, --tier and --precision: where a command computes.
#pragma once

#include <string>

#include "tensor/device.h"

namespace CLI {
class App;
}

namespace vitrine::cli {

struct DeviceChoice {
  std::string device = "cpu", tier = "fast", precision = "fp32";

  // The device; sets the tier and the precision of the process. Says on stderr when `auto` finds no GPU. UsageError, or Error (exit
  // code 1) when the GPU cannot be used.
  Device choose() const;
};
void add_device_options(CLI::App* app, DeviceChoice& choice);

// "cuda:0 (NVIDIA H200), fast, fp32" or "cpu".
std::string text_of(Device device);

}  // namespace vitrine::cli

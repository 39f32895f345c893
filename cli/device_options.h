// --device, --tier and --precision: where a command computes.
#pragma once

#include <string>

#include "cli/command.h"
#include "tensor/device.h"
#include "train/option_table.h"

namespace vitrine::cli {

struct DeviceChoice : DeviceNames {
  // The device; sets the tier and the precision of the process. Says on stderr when `auto` finds no GPU. UsageError, or Error (exit
  // code 1) when the GPU cannot be used.
  Device choose() const;
  void choose(TrainOptions& options) const;  // --devices as well
  Device choose_for_prediction() const;      // refuses another precision than float32: the folded network has none
};
void add_device_options(Command app, DeviceChoice& choice);
void add_training_device_options(Command app, DeviceChoice& choice);  // --devices as well

// "cuda:0 (NVIDIA H200), run-to-run, fp32" or "cpu".
std::string text_of(Device device);

}  // namespace vitrine::cli

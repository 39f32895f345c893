// The command-line options of `predict`, `weights` and `export`: the commands that read one checkpoint.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/commands.h"

namespace vitrine::cli {

// What the options fill; `add_checkpoint_commands` refers to it until the chosen command has run.
struct CheckpointCommands {
  PredictCommand predict;
  WeightsInfoCommand info;
  WeightsConvertCommand convert;
  WeightsDiffCommand diff;
  WeightsVerifyCommand verify;
  ExportCommand export_;
};

void add_checkpoint_commands(CLI::App& app, CheckpointCommands& commands, std::function<void()>& chosen);

}  // namespace vitrine::cli

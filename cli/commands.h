// The commands of the program: each has a function that puts it, with its options and its help, on the command line. Its code and its
// options stand in one file; a command throws an Error, and main turns it into an exit code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/device_options.h"
#include "nn/efficientnet/efficientnet.h"
#include "train/options.h"
#include "weights/network_choice.h"
#include "weights/tensor_file.h"

namespace vitrine::cli {

using Chosen = std::function<void()>;  // what main calls: set while the command line is read

// In the order of the help.
void add_study(Command app, Chosen& chosen);
void add_task(Command app, Chosen& chosen);
void add_controls(Command app, Chosen& chosen);
void add_demo(Command app, Chosen& chosen);
void add_report(Command app, Chosen& chosen);
void add_simulate(Command app, Chosen& chosen);
void add_mri(Command app, Chosen& chosen);
void add_data(Command app, Chosen& chosen);
void add_split(Command app, Chosen& chosen);
void add_train(Command app, Chosen& chosen);
void add_cv(Command app, Chosen& chosen);
void add_eval(Command app, Chosen& chosen);
void add_explain(Command app, Chosen& chosen);
void add_lr_find(Command app, Chosen& chosen);
void add_search(Command app, Chosen& chosen);
void add_watch(Command app, Chosen& chosen);
void add_predict(Command app, Chosen& chosen);
void add_weights(Command app, Chosen& chosen);
void add_export(Command app, Chosen& chosen);
void add_audit(Command app, Chosen& chosen);
void add_audit_run(Command audit, Chosen& chosen);       // its commands about audited runs
void add_audit_two_runs(Command audit, Chosen& chosen);  // diff, bisect
void add_audit_report(Command audit, Chosen& chosen);
void add_bench(Command app, Chosen& chosen);
void add_doctor(Command app, Chosen& chosen);

struct PredictCommand {
  std::string weights, arch, from = "auto";
  bool ema = false;  // the averaged weights of the checkpoint
  SemanticsOverrides semantics;
  std::vector<std::string> images;  // photographs
  std::string tensor;               // safetensors with `input`, [N, 3, H, W], already normalised
  std::string output;               // CSV for photographs, safetensors for a tensor
  std::string classes;              // text file, one class name a line
  bool sandbox = true;              // photographs are decoded in a process of their own
  int top = 5;
  std::string audit = "off", audit_folder;  // docs/audit-format.md
  DeviceChoice device;
};
void run_predict(const PredictCommand& command);

// A checkpoint as the command line names it.
struct CheckpointCommand {
  std::string file, arch, from = "auto";
  bool ema = false;
  SemanticsOverrides semantics;
};

inline WeightSet weight_set(bool ema) { return ema ? WeightSet::averaged : WeightSet::plain; }

// One line on stderr with what was chosen, dropped and left out when the checkpoint was read; none when nothing was.
void note_reading(const TensorFile& file, const std::string& name);
void note_starting_weights(const TrainOptions& options);  // the same of the checkpoint that training starts from

// The network. Beside note_reading, one line on stderr when weights are NaN or infinite, and one when the command line asks for other semantics
// than a file of Vitrine's own says it was trained with.
EfficientNet load_checkpoint(const CheckpointCommand& command);
// Where a folder is named: the best checkpoint of a run's first finished fold, or of that fold. DataError when it holds none. Other names as they are.
std::string checkpoint_of_run(const std::string& name);

struct WeightsInfoCommand {
  std::string file;
  bool json = false, ema = false;
};
void run_weights_info(const WeightsInfoCommand& command);

struct WeightsConvertCommand {
  CheckpointCommand checkpoint;
  std::string to = "vitrine", output, first_conv = "replicate";
  std::int64_t channels = 0;  // 0: as in the file
};
void run_weights_convert(const WeightsConvertCommand& command);

struct WeightsDiffCommand {
  std::string a, b;
  double tolerance = 0;
  bool ema = false;  // of both
};
void run_weights_diff(const WeightsDiffCommand& command);  // Error with exit code 1 when they differ

struct WeightsVerifyCommand {
  std::string file, arch, sha256;
  bool ema = false;
};
void run_weights_verify(const WeightsVerifyCommand& command);

struct ExportCommand {
  CheckpointCommand checkpoint;
  std::string format = "safetensors", output;
  bool unfolded = false, any_size = false;
};
void run_export(const ExportCommand& command);

// The report of a study's folder, or of one run's folder, as HTML (cli/report_data.cpp), and the files that it may not be written over.
std::string report_of(const std::filesystem::path& folder);
std::vector<std::string> files_of_report(const std::filesystem::path& folder);

}  // namespace vitrine::cli

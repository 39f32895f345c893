// What the subcommands do, once the command line is read (cli/main.cpp). Each throws an Error; main turns it into an exit code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/device_options.h"
#include "data/split.h"
#include "nn/efficientnet/efficientnet.h"
#include "train/options.h"
#include "weights/network_choice.h"
#include "weights/tensor_file.h"

namespace vitrine::cli {

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

struct SplitCommand {
  std::string manifest, output;
  SplitOptions options;
};
void run_split(const SplitCommand& command);

struct CvCommand {
  std::string manifest, splits, output;
  std::optional<int> fold;  // `train`: one fold
  int jobs = 1;             // folds at a time
  TrainOptions options;
  DeviceChoice device;
  bool quiet = false;
};
void run_cv(const CvCommand& command);

struct SimulateCommand {
  std::string output, anatomy;
  int patients = 12;
  std::uint64_t seed = 1;
  double signal = 1;
  bool quiet = false;
};
void run_simulate(const SimulateCommand& command);

struct PrepCommand {
  std::string cohort, output;
  int jobs = 2;
  bool quiet = false;
};
void run_prep(const PrepCommand& command);

struct StudyCommand {
  std::string cohort, output;
  int jobs = 2;
  SplitOptions split;
  TrainOptions options;
  DeviceChoice device;
  bool quiet = false;
};
void run_study(const StudyCommand& command);

struct DemoCommand {
  std::string output = "demo";
  std::string weights;  // empty: EfficientNet-Lite0's real weights when they were fetched
  bool quiet = false;
};
void run_demo(const DemoCommand& command);

struct ReportCommand {
  std::string run, output;
};
void run_report(const ReportCommand& command);

struct AuditParityCommand {
  std::string folder;
  bool json = false;
};
void run_audit_parity(const AuditParityCommand& command);  // Error with exit code 1 when parity does not hold

struct BenchCommand {
  std::string arch = "b0";
  std::int64_t batch = 16, size = 64;
  double seconds = 6;  // of measuring; training takes twice that
  bool json = false;
  DeviceChoice device;
};
void run_bench_infer(const BenchCommand& command);
void run_bench_train(const BenchCommand& command);
void run_bench_kernels(const BenchCommand& command);
// The same on a CUDA device (cli/bench_cuda.cpp).
void bench_infer_on(Device device, const BenchCommand& command);
void bench_train_on(Device device, const BenchCommand& command);
void bench_kernels_on(Device device, const BenchCommand& command);

struct BenchExperimentCommand {
  std::string arch = "b0";
  int epochs = 100;
  std::string folder = "bench-experiment";  // made, and removed at the end
  bool json = false;
  DeviceChoice device;
};
void run_bench_experiment(const BenchExperimentCommand& command);

struct DoctorCommand {
  bool self_test = false;  // seconds
};
void run_doctor(const DoctorCommand& command);

// The report of a study's folder, or of one run's folder, as HTML (cli/report_data.cpp), and the files that it may not be written over.
std::string report_of(const std::filesystem::path& folder);
std::vector<std::string> files_of_report(const std::filesystem::path& folder);

bool has_imaging();  // built with ITK

}  // namespace vitrine::cli

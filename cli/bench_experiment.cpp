// `vitrine bench experiment`: how long the paper's whole experiment takes, from crops on disk to summaries: four input configurations,
// five folds each, every epoch and every file. The crops are drawn, in the paper's number: 69 patients, 296 slices.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/sha256.h"
#include "cli/bench.h"
#include "data/dataset.h"
#include "tensor/cuda/runtime.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "train/cross_validation.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

struct BenchExperimentCommand {
  std::string arch = "b0";
  int epochs = 100;
  std::string folder = "bench-experiment";  // made, and removed at the end
  bool json = false;
  DeviceChoice device;
};

namespace fs = std::filesystem;

// Grossman et al. 2021, abstract and Results.
constexpr int kPatients = 69, kSmallCell = 25, kSlices = 296, kSide = 64;

Sample drawn_crop(const fs::path& folder, int patient, int slice) {
  Sample s;
  s.subject_id = text("p", patient + 1);
  s.sample_id = text(s.subject_id, "_s", slice + 1);
  s.lesion_id = 1;
  s.slice = slice;
  s.label = patient < kSmallCell ? "SCLC" : "NSCLC";
  s.file = s.sample_id + ".safetensors";
  s.side_mm = kSide;
  Tensor image = Tensor::uninitialized({kSide, kSide, 3});
  const Draw draw{.seed = 1, .purpose = Purpose::audit, .sample = static_cast<std::uint32_t>(patient * 16 + slice)};
  const auto values = image.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
  TensorFile file;
  file.tensors.push_back(StoredTensor::from("image", image));
  file.metadata = {{"channels", "t1c,flair,t2"}};
  const std::string bytes = safetensors_bytes(file);
  s.sha256 = sha256(bytes);
  write_file(folder / s.file, bytes);
  return s;
}

Manifest drawn_cohort(const fs::path& folder) {
  Manifest manifest;
  manifest.path = folder / "manifest.csv";
  for (int patient = 0; patient < kPatients; ++patient) {
    const int slices = kSlices / kPatients + (patient < kSlices % kPatients ? 1 : 0);
    for (int slice = 0; slice < slices; ++slice) manifest.samples.push_back(drawn_crop(folder, patient, slice));
  }
  write_manifest(manifest);
  return read_manifest(manifest.path);
}

// A folder that goes when the measurement ends, however it ends.
struct Scratch {
  fs::path path;
  explicit Scratch(const fs::path& p) : path(p) {
    if (path_exists(path)) throw UsageError(text(path, " exists already; name a folder that does not"));
    make_directory(path);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
};

void print(const BenchExperimentCommand& c, const TrainOptions& options, double seconds, std::size_t trainings) {
  if (c.json) {
    Json j = Json::object();
    j["kind"] = "experiment";
    j["arch"] = options.arch;
    j["device"] = text_of(options.device);
    j["trainings"] = trainings;
    j["epochs"] = options.epochs;
    j["patients"] = kPatients;
    j["slices"] = kSlices;
    j["seconds"] = seconds;
    std::printf("%s\n", j.dump().c_str());
    return;
  }
  std::printf("the paper's experiment in its size: %d patients, %d slices of %d x %d, %zu trainings of %d epochs, %s\n",
              kPatients, kSlices, kSide, kSide, trainings, options.epochs, text_of(options.device).c_str());
  std::printf("  %s s, %s s a training\n", fixed(seconds, 1).c_str(),
              fixed(seconds / static_cast<double>(trainings), 2).c_str());
}

void run_bench_experiment(const BenchExperimentCommand& c) {
  TrainOptions options;
  options.arch = c.arch;
  options.epochs = c.epochs;
  c.device.choose(options);
  check(options);
  const Scratch scratch(c.folder);
  const Manifest manifest = drawn_cohort(scratch.path);
  const Splits splits = make_splits(manifest, {});
  Progress progress(c.json);
  std::size_t trainings = 0;
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& inputs : input_configuration_names()) {
    options.inputs = inputs;
    trainings += cross_validate(manifest, splits, options, scratch.path / inputs, std::nullopt, progress).folds.size();
  }
  print(c, options, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), trainings);
}

}  // namespace

void add_bench_experiment(CLI::App* bench, Chosen& chosen) {
  const auto experiment = std::make_shared<BenchExperimentCommand>();
  auto* e = bench->add_subcommand("experiment", "the paper's whole experiment in its size, on drawn crops")->fallthrough();
  e->add_option("--arch", experiment->arch, "b0 to b7, lite0 to lite4")->capture_default_str();
  e->add_option("--epochs", experiment->epochs, "of each of the 20 trainings")->capture_default_str();
  e->add_option("--folder", experiment->folder, "for crops and runs: made, and removed at the end")->capture_default_str();
  e->add_flag("--json", experiment->json, "as one line of JSON");
  add_training_device_options(e, experiment->device);
  e->footer("Example: vitrine bench experiment --device cuda");
  e->callback([=, &chosen] { chosen = [=] { run_bench_experiment(*experiment); }; });
}

}  // namespace vitrine::cli

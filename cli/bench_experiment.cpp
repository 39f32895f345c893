// `vitrine bench experiment`: how long the paper's whole experiment takes, from crops on disk to summaries: four input configurations,
// five folds each, every epoch and every file. The crops are drawn, in the paper's number: 69 patients, 296 slices. Between the
// configurations it measures steps as `bench train` does, so that the steps of the trainings have something to be compared with.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/sha256.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "data/dataset.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "train/cross_validation.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

struct BenchExperimentCommand {
  std::string arch = "b0";
  int epochs = 100;
  int patients = 69;
  std::string folder = "bench-experiment";  // made, and removed at the end
  bool json = false;
  DeviceChoice device;
};

namespace fs = std::filesystem;

// Grossman et al. 2021, abstract and Results.
constexpr int kPatients = 69, kSmallCell = 25, kSlices = 296, kSide = 64;
constexpr int kRoundSteps = 12;  // of `bench train` in a round between two configurations, after two to warm up

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// The shares of the paper's classes and slices, for other numbers of patients.
int share_of(int paper, int patients) { return (paper * patients + kPatients / 2) / kPatients; }

Sample drawn_crop(const fs::path& folder, int patient, int slice, bool is_small_cell) {
  Sample s;
  s.subject_id = text("p", patient + 1);
  s.sample_id = text(s.subject_id, "_s", slice + 1);
  s.lesion_id = 1;
  s.slice = slice;
  s.label = is_small_cell ? "SCLC" : "NSCLC";
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

Manifest drawn_cohort(const fs::path& folder, int patients) {
  const int all = share_of(kSlices, patients), small_cell = share_of(kSmallCell, patients);
  Manifest manifest;
  manifest.path = folder / "manifest.csv";
  for (int patient = 0; patient < patients; ++patient) {
    const int slices = all / patients + (patient < all % patients ? 1 : 0);
    for (int slice = 0; slice < slices; ++slice)
      manifest.samples.push_back(drawn_crop(folder, patient, slice, patient < small_cell));
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

struct Measured {
  double seconds = 0;  // of all trainings
  std::size_t trainings = 0, slices = 0;
  std::vector<EpochTime> epochs;
  std::vector<double> bench_steps;  // seconds of each; none on a CUDA device

  double steps() const { return sum(&EpochTime::steps); }
  double evaluation() const { return sum(&EpochTime::evaluation); }
  double keeping() const { return sum(&EpochTime::keeping); }
  double step_rate() const {  // images a second in the steps of an epoch
    std::vector<double> rates;
    for (const EpochTime& e : epochs) rates.push_back(static_cast<double>(e.images) / e.steps);
    return median(rates);
  }
  double bench_rate(int batch) const { return bench_steps.empty() ? 0 : batch / median(bench_steps); }

 private:
  double sum(double EpochTime::*part) const {
    double all = 0;
    for (const EpochTime& e : epochs) all += e.*part;
    return all;
  }
};

// Steps on a fixed batch of the trainings' size.
void measure_bench_steps(const TrainOptions& options, Measured& m) {
  if (options.device.is_cuda()) return;
  BenchCommand command;
  command.arch = options.arch;
  command.batch = options.batch_size;
  command.size = kSide;
  BenchTraining training(command);
  for (int i = -2; i < kRoundSteps; ++i) {
    check_interrupt("the measurement");
    const Clock::time_point start = Clock::now();
    training.step();
    if (i >= 0) m.bench_steps.push_back(seconds_since(start));
  }
}

void print_json(const BenchExperimentCommand& c, const TrainOptions& options, const Measured& m) {
  Json j = Json::object();
  j["kind"] = "experiment";
  j["arch"] = options.arch;
  j["device"] = text_of(options.device);
  j["devices"] = 1 + options.more_devices.size();
  j["reduce"] = cuda::text_of(cuda::settings().reduce);
  j["trainings"] = m.trainings;
  j["epochs"] = options.epochs;
  j["patients"] = c.patients;
  j["slices"] = m.slices;
  j["seconds"] = m.seconds;
  j["steps_seconds"] = m.steps();
  j["evaluation_seconds"] = m.evaluation();
  j["keeping_seconds"] = m.keeping();
  j["steps_images_per_s"] = m.step_rate();
  if (!m.bench_steps.empty()) {
    j["bench_train_images_per_s"] = m.bench_rate(options.batch_size);
    j["share_of_bench_train"] = m.step_rate() / m.bench_rate(options.batch_size);
  }
  std::printf("%s\n", j.dump().c_str());
}

void print(const BenchExperimentCommand& c, const TrainOptions& options, const Measured& m) {
  if (c.json) return print_json(c, options, m);
  const auto percent = [&](double seconds) { return fixed(100 * seconds / m.seconds, 1); };
  std::printf("the paper's experiment%s: %d patients, %zu slices of %d x %d, %zu trainings of %d epochs, %s\n",
              c.patients == kPatients ? " in its size" : "", c.patients, m.slices, kSide, kSide, m.trainings, options.epochs,
              text_of(options.device).c_str());
  std::printf("  %s s, %s s a training\n", fixed(m.seconds, 1).c_str(),
              fixed(m.seconds / static_cast<double>(m.trainings), 2).c_str());
  std::printf("  steps   %s images a second (median of the epochs), their batches made", fixed(m.step_rate(), 1).c_str());
  if (!m.bench_steps.empty())
    std::printf("; bench train %s: %s %%", fixed(m.bench_rate(options.batch_size), 1).c_str(),
                fixed(100 * m.step_rate() / m.bench_rate(options.batch_size), 1).c_str());
  std::printf("\n  time    %s %% steps, %s %% evaluation, %s %% copies of what is kept, %s %% everything else\n",
              percent(m.steps()).c_str(), percent(m.evaluation()).c_str(), percent(m.keeping()).c_str(),
              percent(m.seconds - m.steps() - m.evaluation() - m.keeping()).c_str());
}

void run_bench_experiment(const BenchExperimentCommand& c) {
  TrainOptions options;
  options.arch = c.arch;
  options.epochs = c.epochs;
  c.device.choose(options);
  check(options);
  const Scratch scratch(c.folder);
  const Manifest manifest = drawn_cohort(scratch.path, c.patients);
  const Splits splits = make_splits(manifest, {});
  Progress progress(c.json);
  Measured m;
  m.slices = manifest.samples.size();
  measure_bench_steps(options, m);
  for (const std::string& inputs : input_configuration_names()) {
    options.inputs = inputs;
    const Clock::time_point start = Clock::now();
    const RunResult run = cross_validate(manifest, splits, options, scratch.path / inputs, std::nullopt, progress);
    m.seconds += seconds_since(start);
    m.trainings += run.folds.size();
    for (const FoldFiles& fold : run.folds) m.epochs.insert(m.epochs.end(), fold.times.begin(), fold.times.end());
    measure_bench_steps(options, m);
  }
  print(c, options, m);
}

}  // namespace

void add_bench_experiment(Command bench, Chosen& chosen) {
  const auto experiment = std::make_shared<BenchExperimentCommand>();
  const auto e = bench.add_subcommand("experiment", "the paper's whole experiment in its size, on drawn crops").fallthrough();
  e.add_option("--arch", experiment->arch, "b0 to b7, lite0 to lite4").capture_default_str();
  e.add_option("--epochs", experiment->epochs, "of each of the 20 trainings").capture_default_str();
  e.add_option("--patients", experiment->patients, "with the paper's shares of classes and slices")
      .range(17, 10000)  // fewer than six of the smaller class do not go into a test part and five folds
      .capture_default_str();
  e.add_option("--folder", experiment->folder, "for crops and runs: made, and removed at the end").capture_default_str();
  e.add_flag("--json", experiment->json, "as one line of JSON");
  add_training_device_options(e, experiment->device);
  e.footer("Example: vitrine bench experiment --device cuda");
  e.callback([=, &chosen] { chosen = [=] { run_bench_experiment(*experiment); }; });
}

}  // namespace vitrine::cli

// `vitrine bench infer` and `train` on a CUDA device.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "cli/bench.h"
#include "cli/bench_cuda.h"
#include "layers/cudnn/run.h"
#include "nn/efficientnet/inference.h"
#include "tensor/cuda/blas.h"
#include "tensor/cuda/candidates.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/philox.h"
#include "tensor/storage.h"
#include "train/device/device_training.h"

namespace vitrine::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostRounds = 200;

// Sorted milliseconds of rounds, after three to warm up and to record: up to 200, or as many as fit into `seconds`, at least five.
std::vector<double> measure(double seconds, const std::function<void()>& round) {
  for (int i = 0; i < 3; ++i) round();
  std::vector<double> ms;
  const auto start = Clock::now();
  while (ms.size() < 5 || (ms.size() < kMostRounds && std::chrono::duration<double>(Clock::now() - start).count() < seconds)) {
    check_interrupt("the measurement");
    const auto begin = Clock::now();
    round();
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::ranges::sort(ms);
  return ms;
}

// On cuda-host, what one round enqueues before it is recorded, by op.
std::vector<cuda::Launches> launches_of(const std::function<void()>& round) {
  cuda::reset_launches();
  round();
  return cuda::launches();
}

void print(const std::vector<cuda::Launches>& launches) {
  if (launches.empty()) return;
  std::printf("  kernels");
  for (const cuda::Launches& l : launches) std::printf(" %s %llu", l.op.c_str(), static_cast<unsigned long long>(l.count));
  std::printf("\n");
}

void print(Device device, const BenchCommand& c, const std::string& kind, const std::vector<double>& ms, double steps,
           std::size_t nodes) {
  const double median = ms[ms.size() / 2] / steps, low = ms[ms.size() / 20] / steps,
               high = ms[ms.size() - 1 - ms.size() / 20] / steps;
  const double memory = static_cast<double>(storage_statistics(device).peak_bytes) / (1 << 20);
  const double rate = static_cast<double>(c.batch) / median * 1e3;
  if (c.json) {
    Json j = described(device, c, kind);
    j["median_ms"] = median;
    j["p5_ms"] = low;
    j["p95_ms"] = high;
    j["repetitions"] = ms.size();
    j["images_per_s"] = rate;
    j["graph_nodes"] = nodes;
    j["peak_device_mib"] = memory;
    std::printf("%s\n", j.dump().c_str());
    return;
  }
  std::printf("%s %s, batch %lld, %lld x %lld, %s\n", kind.c_str(), c.arch.c_str(), static_cast<long long>(c.batch),
              static_cast<long long>(c.size), static_cast<long long>(c.size), text_of(device).c_str());
  std::printf("  median  %s ms   5 to 95 %%: %s to %s ms   of %zu\n", fixed(median, 3).c_str(), fixed(low, 3).c_str(),
              fixed(high, 3).c_str(), ms.size());
  std::printf("  images  %s a second\n", fixed(rate, 1).c_str());
  if (nodes > 0) std::printf("  graph   %zu nodes\n", nodes);
  if (device.is_gpu()) std::printf("  memory  %s MiB of the device besides recorded graphs\n", fixed(memory, 0).c_str());
}

EfficientNet network(const BenchCommand& c, std::int64_t classes, Device device) {
  EfficientNet net(architecture(c.arch), published_semantics(Family::timm, architecture(c.arch)), classes);
  net.initialize(1);
  net.to(device);
  return net;
}

// Epochs of a fixed batch of drawn pixels: 50 steps on a GPU, one on cuda-host.
class StepsToMeasure {
 public:
  StepsToMeasure(Device device, const BenchCommand& c)
      : count_(device.is_gpu() ? 50 : 1), net_(network(c, 2, device)), options_(options_of(c)), optimizer_(options_.optimizer) {
    net_.set_drop_rates(0.2, 0.2);
    data_.classes = {"a", "b"};
    const Tensor image = drawn({c.size, c.size, 3}, 7);
    for (std::int64_t i = 0; i < c.batch; ++i) {
      data_.images.push_back(image);
      data_.labels.push_back(static_cast<int>(i % 2));
    }
    for (std::size_t i = 0; i < count_ * static_cast<std::size_t>(c.batch); ++i)
      order_.push_back(static_cast<int>(i % static_cast<std::size_t>(c.batch)));
    training_.emplace(net_, optimizer_, data_, options_);
  }
  // With everything that belongs to an epoch: draws, upload, augmentation, mixup, steps, losses.
  void run_epoch() { training_->run_epoch(order_, ++epoch_, std::vector<StepRates>(count_, StepRates{1e-4, 0.9})); }
  std::size_t count() const { return count_; }
  std::size_t nodes() const { return training_->nodes(); }

 private:
  static TrainOptions options_of(const BenchCommand& c) {
    TrainOptions options;
    options.batch_size = static_cast<int>(c.batch);
    return options;
  }

  std::size_t count_;
  EfficientNet net_;
  TrainOptions options_;
  Optimizer optimizer_;
  Dataset data_;
  std::vector<int> order_;
  std::optional<DeviceTraining> training_;
  std::uint32_t epoch_ = 0;
};

}  // namespace

Tensor drawn(const Shape& shape, std::uint32_t op) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = op};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
  return t;
}

Json described(Device device, const BenchCommand& c, const std::string& kind) {
  Json j = Json::object();
  j["kind"] = kind;
  j["arch"] = c.arch;
  j["batch"] = c.batch;
  j["size"] = c.size;
  j["device"] = device.is_gpu() ? cuda::describe(device.index).name : device.text();
  j["tier"] = cuda::text_of(cuda::settings().tier);
  j["kernels"] = cuda::text_of(cuda::settings().kernels);
  j["precision"] = cuda::text_of(cuda::settings().precision);
  return j;
}

void print_plans() {
  for (const std::string& line : cuda::candidate_plans()) std::printf("plan  %s\n", line.c_str());
  for (const std::string& line : cuda::cudnn::plans()) std::printf("plan  %s\n", line.c_str());
  for (const std::string& line : cuda::product_plans()) std::printf("plan  %s\n", line.c_str());
}

void bench_infer_on(Device device, const BenchCommand& c) {
  Inference inference(network(c, 1000, device));
  const Tensor images = drawn({c.batch, c.size, c.size, 3}, 7).to(device);
  std::vector<float> logits(static_cast<std::size_t>(c.batch * 1000));
  const auto round = [&] { inference.run(images, logits); };
  const std::vector<cuda::Launches> launches = device.is_gpu() ? std::vector<cuda::Launches>{} : launches_of(round);
  const std::vector<double> ms = measure(c.seconds, round);
  print(device, c, "infer", ms, 1, inference.nodes());
  if (!c.json) print(launches);
}

void bench_train_on(Device device, const BenchCommand& c) {
  StepsToMeasure steps(device, c);
  const auto round = [&] { steps.run_epoch(); };
  std::vector<cuda::Launches> launches;
  if (!device.is_gpu()) {
    round();  // makes the moments
    launches = launches_of(round);
  }
  const std::vector<double> ms = measure(2 * c.seconds, round);
  print(device, c, "train", ms, static_cast<double>(steps.count()), steps.nodes());
  if (c.json) return;
  print(launches);
  print_plans();
}

void run_once_for_choices(Device device, const BenchCommand& c) {
  Inference inference(network(c, 1000, device));
  std::vector<float> logits(static_cast<std::size_t>(c.batch * 1000));
  inference.run(drawn({c.batch, c.size, c.size, 3}, 7).to(device), logits);
  StepsToMeasure steps(device, c);
  steps.run_epoch();
}

}  // namespace vitrine::cli

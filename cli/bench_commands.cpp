// `vitrine bench`: how fast this build is on this machine.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "bench/peak.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "train/step.h"

namespace vitrine::cli {
namespace {

using Clock = std::chrono::steady_clock;

Tensor drawn_images(const BenchCommand& c) {
  Tensor t = Tensor::uninitialized({c.batch, c.size, c.size, 3});
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = 7};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

double peak_rss_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void print(const BenchCommand& c, const std::string& kind, const Times& t, double operations) {
  const double memory = peak_rss_mib(), peak = measured_peak_flops();
  const double rate = static_cast<double>(c.batch) / t.median_ms * 1e3, share = operations / (t.median_ms * 1e-3) / peak;
  if (c.json) {
    Json j = Json::object();
    j["kind"] = kind;
    j["arch"] = c.arch;
    j["batch"] = c.batch;
    j["size"] = c.size;
    j["threads"] = thread_count();
    j["simd"] = std::string(isa_name(active_isa()));
    j["median_ms"] = t.median_ms;
    j["min_ms"] = t.min_ms;
    j["repetitions"] = t.repetitions;
    j["images_per_s"] = rate;
    j["share_of_peak"] = share;
    j["peak_gflops"] = peak / 1e9;
    j["peak_rss_mib"] = memory;
    std::printf("%s\n", j.dump().c_str());
    return;
  }
  std::printf("%s %s, batch %lld, %lld x %lld, %d threads, %s\n", kind.c_str(), c.arch.c_str(), static_cast<long long>(c.batch),
              static_cast<long long>(c.size), static_cast<long long>(c.size), thread_count(),
              std::string(isa_name(active_isa())).c_str());
  std::printf("  median  %s ms   least %s ms   of %d\n", fixed(t.median_ms, 3).c_str(), fixed(t.min_ms, 3).c_str(),
              t.repetitions);
  std::printf("  images  %s a second\n", fixed(rate, 1).c_str());
  std::printf("  peak    %s %% of %s GFLOP/s, measured here with multiply-adds in registers\n", fixed(100 * share, 1).c_str(),
              fixed(peak / 1e9, 0).c_str());
  std::printf("  memory  %s MiB at most\n", fixed(memory, 0).c_str());
}

void run_bench_infer(const BenchCommand& c) {
  check(c);
  if (const Device device = c.device.choose_for_prediction(); device.is_cuda()) return bench_infer_on(device, c);
  print(c, "infer", time_inference(c, c.seconds), 2 * multiply_adds(layers_of(architecture(c.arch), c.batch, c.size, 3, 1000)));
}

void run_bench_train(const BenchCommand& c) {
  check(c);
  if (const Device device = c.device.choose(); device.is_cuda()) return bench_train_on(device, c);
  // Three products a layer: forward, gradient by the input, gradient by the weights.
  print(c, "train", time_training(c, 2 * c.seconds), 6 * multiply_adds(layers_of(architecture(c.arch), c.batch, c.size, 3, 2)));
}

}  // namespace

void check(const BenchCommand& c) {
  if (c.batch < 1 || c.batch > 4096) throw UsageError(text("--batch is ", c.batch, ", expected 1 to 4096"));
  if (c.size < 32 || c.size > 2048) throw UsageError(text("--size is ", c.size, ", expected 32 to 2048"));
}

Times time_rounds(double seconds, const std::function<void()>& round) {
  for (int i = 0; i < 3; ++i) round();
  std::vector<double> ms;
  const auto start = Clock::now();
  while (ms.size() < 5 || (ms.size() < 60 && std::chrono::duration<double>(Clock::now() - start).count() < seconds)) {
    check_interrupt("the measurement");
    const auto begin = Clock::now();
    round();
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(ms.begin(), ms.end());
  return {ms[ms.size() / 2], ms.front(), static_cast<int>(ms.size())};
}

Times time_inference(const BenchCommand& c, double seconds) {
  EfficientNet net(architecture(c.arch), published_semantics(Family::timm, architecture(c.arch)), 1000);
  net.initialize(1);
  const Tensor images = drawn_images(c);
  Inference inference(net);
  std::vector<float> logits(static_cast<std::size_t>(c.batch * net.classes));
  return time_rounds(seconds, [&] { inference.run(images, logits); });
}

Times time_training(const BenchCommand& c, double seconds) {
  BenchTraining training(c);
  return time_rounds(seconds, [&] { training.step(); });
}

BenchTraining::BenchTraining(const BenchCommand& c)
    : net_(architecture(c.arch), published_semantics(Family::timm, architecture(c.arch)), 2),
      batch_{drawn_images(c), Tensor::full({c.batch, 2}, 0.5f)},
      optimizer_(OptimizerOptions{}) {
  net_.initialize(1);
  net_.set_drop_rates(0.2, 0.2);
}

void BenchTraining::step() { train_step(net_, optimizer_, batch_, {.lr = 1e-4, .key = {1, steps_++, 0}}); }

double BenchTraining::multiply_adds() const {
  const Shape& images = batch_.images.shape();
  return vitrine::multiply_adds(layers_of(net_.arch, images[0], images[1], 3, net_.classes));
}

void add_bench(Command app, Chosen& chosen) {
  const auto bench = std::make_shared<BenchCommand>();
  const auto b = app.add_subcommand("bench", "how fast this build is on this machine");
  b.require_subcommand();
  b.fallthrough();
  const auto add = [&](const char* name, const char* about, void (*run)(const BenchCommand&)) {
    const auto sub = b.add_subcommand(name, about).fallthrough();  // so that --threads may stand last
    sub.add_option("--arch", bench->arch, "b0 to b7, lite0 to lite4").capture_default_str();
    sub.add_option("--batch", bench->batch, "images at a time").capture_default_str();
    sub.add_option("--size", bench->size, "rows and columns of an image").capture_default_str();
    sub.add_option("--seconds", bench->seconds, "how long to measure").range(0.0, 3600.0).capture_default_str();
    sub.add_flag("--json", bench->json, "as JSON, a line for each result");
    add_device_options(sub, bench->device);
    sub.footer(std::string("Example: vitrine --threads 2 bench ") + name + " --arch b0 --batch 16 --size 64");
    sub.callback([bench, &chosen, run] { chosen = [bench, run] { run(*bench); }; });
    return sub;
  };
  add("infer", "images through the network", run_bench_infer);
  add("train", "training steps: forward, loss, backward, Adam", run_bench_train);
  const auto kernels = add("kernels", "every kernel that inference and training run, beside its bound", run_bench_kernels);
  kernels.add_flag("--micro", bench->micro, "plain forms and the inner loop of the depthwise filter instead");
  kernels.add_flag("--by-loss", bench->by_loss, "sorted by (measured - predicted) x times: where to work next");
  kernels.add_option("--only", bench->only, "the rows with this in part, kernel or shape, e.g. 'depthwise gradient'; no sums");
  add_bench_experiment(b, chosen);
  add_bench_imaging(b, chosen);
}

}  // namespace vitrine::cli

// `vitrine bench`: how fast this build is on this machine.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
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
#include "bench/kernels.h"
#include "bench/peak.h"
#include "cli/bench.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "train/step.h"

namespace vitrine::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Times {
  double median_ms = 0, min_ms = 0;
  int repetitions = 0;
};

// Three rounds to warm up, then 60 repetitions or as many as fit into `seconds`, at least five.
Times measure(double seconds, const std::function<void()>& round) {
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

Tensor drawn_images(const BenchCommand& c) {
  Tensor t = Tensor::uninitialized({c.batch, c.size, c.size, 3});
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = 7};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

void check(const BenchCommand& c) {
  if (c.batch < 1 || c.batch > 4096) throw UsageError(text("--batch is ", c.batch, ", expected 1 to 4096"));
  if (c.size < 32 || c.size > 2048) throw UsageError(text("--size is ", c.size, ", expected 32 to 2048"));
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
  EfficientNet net(architecture(c.arch), published_semantics(Family::timm, architecture(c.arch)), 1000);
  net.initialize(1);
  const Tensor images = drawn_images(c);
  Inference inference(net);
  std::vector<float> logits(static_cast<std::size_t>(c.batch * net.classes));
  const Times t = measure(c.seconds, [&] { inference.run(images, logits); });
  print(c, "infer", t, 2 * multiply_adds(layers_of(net.arch, c.batch, c.size, 3, net.classes)));
}

void run_bench_train(const BenchCommand& c) {
  check(c);
  if (const Device device = c.device.choose(); device.is_cuda()) return bench_train_on(device, c);
  BenchTraining training(c);
  const Times t = measure(2 * c.seconds, [&] { training.step(); });
  print(c, "train", t,
        6 * training.multiply_adds());  // three products a layer: forward, gradient by the input, gradient by the weights
}

void run_bench_kernels(const BenchCommand& c) {
  check(c);
  if (const Device device = c.device.choose(); device.is_cuda()) return bench_kernels_on(device, c);
  const double peak = measured_peak_flops();
  if (!c.json) {
    std::printf("%d threads, %s, %s GFLOP/s in registers\n", thread_count(), std::string(isa_name(active_isa())).c_str(),
                fixed(peak / 1e9, 0).c_str());
    std::printf("%-20s  %-34s  %6s  %9s  %8s  %6s\n", "kernel", "shape", "layers", "least us", "GFLOP/s", "peak");
  }
  const std::vector<KernelCase> cases = kernel_cases(architecture(c.arch), c.batch, c.size);
  for (const KernelCase& k : cases) {
    const Times t = measure(c.seconds / static_cast<double>(cases.size()), k.run);
    const double rate = 2 * k.multiply_adds / (t.min_ms * 1e-3);
    if (c.json) {
      Json j = Json::object();
      j["kernel"] = k.name;
      j["shape"] = k.shape;
      j["layers"] = k.layers;
      j["threads"] = thread_count();
      j["simd"] = std::string(isa_name(active_isa()));
      j["median_ms"] = t.median_ms;
      j["min_ms"] = t.min_ms;
      j["gflops"] = rate / 1e9;
      j["share_of_peak"] = rate / peak;
      std::printf("%s\n", j.dump().c_str());
    } else {
      std::printf("%-20s  %-34s  %6d  %9s  %8s  %5s%%\n", k.name.c_str(), k.shape.c_str(), k.layers,
                  fixed(1e3 * t.min_ms, 1).c_str(), fixed(rate / 1e9, 1).c_str(), fixed(100 * rate / peak, 1).c_str());
    }
  }
}

}  // namespace

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

void add_bench(CLI::App& app, Chosen& chosen) {
  const auto bench = std::make_shared<BenchCommand>();
  auto* b = app.add_subcommand("bench", "how fast this build is on this machine");
  b->require_subcommand(1);
  b->fallthrough();
  const auto add = [&](const char* name, const char* about, void (*run)(const BenchCommand&)) {
    auto* sub = b->add_subcommand(name, about)->fallthrough();  // so that --threads may stand last
    sub->add_option("--arch", bench->arch, "b0 to b7, lite0 to lite4")->capture_default_str();
    sub->add_option("--batch", bench->batch, "images at a time")->capture_default_str();
    sub->add_option("--size", bench->size, "rows and columns of an image")->capture_default_str();
    sub->add_option("--seconds", bench->seconds, "how long to measure")->check(CLI::Range(0.0, 3600.0))->capture_default_str();
    sub->add_flag("--json", bench->json, "as one line of JSON");
    add_device_options(sub, bench->device);
    sub->footer(std::string("Example: vitrine --threads 2 bench ") + name + " --arch b0 --batch 16 --size 64");
    sub->callback([bench, &chosen, run] { chosen = [bench, run] { run(*bench); }; });
  };
  add("infer", "images through the network", run_bench_infer);
  add("train", "training steps: forward, loss, backward, Adam", run_bench_train);
  add("kernels", "every kernel on every layer shape of the network", run_bench_kernels);
  add_bench_experiment(b, chosen);
}

}  // namespace vitrine::cli

// `vitrine bench --device cuda`: the same measurements on a CUDA device, our depthwise kernels against cuDNN's, and the other convolutions three ways.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "cli/bench.h"
#include "layers/conv2d.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/run.h"
#include "layers/depthwise_conv2d.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/cuda/blas.h"
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

Tensor drawn(const Shape& shape, std::uint32_t op) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = 1, .purpose = Purpose::init, .op = op};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
  return t;
}

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

// What the libraries were measured to do best for each shape.
void print_plans() {
  for (const std::string& line : cuda::cudnn::plans()) std::printf("plan  %s\n", line.c_str());
  for (const std::string& line : cuda::product_plans()) std::printf("plan  %s\n", line.c_str());
}

EfficientNet network(const BenchCommand& c, std::int64_t classes, Device device) {
  EfficientNet net(architecture(c.arch), published_semantics(Family::timm, architecture(c.arch)), classes);
  net.initialize(1);
  net.to(device);
  return net;
}

// Microseconds of one call, by the device's own clock.
double microseconds(Device device, const std::function<void()>& call) {
  for (int i = 0; i < 3; ++i) call();
  const int calls = device.is_gpu() ? 20 : 1;
  double least = HUGE_VAL;
  for (int round = 0; round < 5; ++round) {
    const double ms = cuda::milliseconds(device, [&] {
      for (int i = 0; i < calls; ++i) call();
    });
    least = std::min(least, ms * 1000 / calls);
  }
  return least;
}

// The same of a library's call; 0 where it has nothing for the shape.
double library_microseconds(Device device, const std::function<bool()>& call) {
  return call() ? microseconds(device, [&] { call(); }) : 0.0;
}

struct Compared {
  std::string part;
  double own = 0, library = 0;  // microseconds; library 0: none
};

std::vector<Compared> depthwise_times(Device device, const ConvShape& s) {
  const Tensor x = drawn({s.N, s.H, s.W, s.C}, 1).to(device), w = drawn({s.R, s.S, s.C}, 2).to(device);
  const Tensor dy = drawn({s.N, s.P, s.Q, s.C}, 3).to(device);
  Tensor y = Tensor::uninitialized(dy.shape(), device), dx = Tensor::uninitialized(x.shape(), device);
  Tensor dw = Tensor::uninitialized(w.shape(), device);
  const kernels::DepthwiseConv2dKernels& own = kernels::depthwise_conv2d_kernels(device);
  return {{"forward", microseconds(device, [&] { own.forward(s, x.data(), w.data(), y.mutable_data()); }),
           library_microseconds(device, [&] { return cuda::library_depthwise(s, x.data(), w.data(), y.mutable_data()); })},
          {"data gradient", microseconds(device, [&] { own.backward_data(s, dy.data(), w.data(), dx.mutable_data()); }),
           library_microseconds(
               device, [&] { return cuda::library_depthwise_data_gradient(s, dy.data(), w.data(), dx.mutable_data()); })},
          {"weight gradient", microseconds(device, [&] { own.backward_weights(s, x.data(), dy.data(), dw.mutable_data()); }),
           library_microseconds(
               device, [&] { return cuda::library_depthwise_weight_gradient(s, x.data(), dy.data(), dw.mutable_data()); })}};
}

// The ways to compute one part of a dense convolution, in microseconds; 0: cannot be had.
struct Ways {
  std::string part;
  double own = 0, cublaslt = 0, cudnn = 0;
};

// Our own kernels, those of the portable tier.
double own_microseconds(Device device, const std::function<void()>& call) {
  const cuda::Tier before = cuda::settings().tier;
  cuda::settings().tier = cuda::Tier::portable;
  const double us = microseconds(device, call);
  cuda::settings().tier = before;
  return us;
}

std::vector<Ways> convolution_times(Device device, const ConvShape& s) {
  const Tensor x = drawn({s.N, s.H, s.W, s.C}, 1).to(device), w = drawn({s.R, s.S, s.C, s.K}, 2).to(device);
  const Tensor dy = drawn({s.N, s.P, s.Q, s.K}, 3).to(device);
  Tensor y = Tensor::uninitialized(dy.shape(), device), dx = Tensor::uninitialized(x.shape(), device);
  Tensor dw = Tensor::uninitialized(w.shape(), device);
  float *const to_y = y.mutable_data(), *const to_dx = dx.mutable_data(), *const to_dw = dw.mutable_data();
  const kernels::Conv2dKernels& own = kernels::conv2d_kernels(device);
  const std::int64_t rows = s.N * s.H * s.W;
  const bool is_product = s.R == 1 && s.S == 1 && s.stride == 1;
  const auto product = [&](const cuda::ProductShape& p, const Tensor& a, const Tensor& b, float* to) {
    return is_product ? library_microseconds(device, [&] { return cuda::library_product(p, a.data(), b.data(), nullptr, to); })
                      : 0.0;
  };
  return {
      {"forward", own_microseconds(device, [&] { own.forward(s, x.data(), w.data(), nullptr, to_y); }),
       product({"forward", rows, s.K, s.C, false, false}, x, w, to_y),
       library_microseconds(device, [&] { return cuda::library_convolution(s, x.data(), w.data(), nullptr, to_y); })},
      {"data gradient", own_microseconds(device, [&] { own.backward_data(s, dy.data(), w.data(), nullptr, to_dx); }),
       product({"data gradient", rows, s.C, s.K, false, true}, dy, w, to_dx),
       library_microseconds(device, [&] { return cuda::library_convolution_data_gradient(s, dy.data(), w.data(), to_dx); })},
      {"weight gradient", own_microseconds(device, [&] { own.backward_weights(s, x.data(), dy.data(), nullptr, to_dw); }),
       product({"weight gradient", s.C, s.K, rows, true, false}, x, dy, to_dw),
       library_microseconds(device, [&] { return cuda::library_convolution_weight_gradient(s, x.data(), dy.data(), to_dw); })}};
}

std::string text_or_none(double us) { return us > 0 ? fixed(us, 1) : "-"; }

// Stem, expansions, projections and head: every shape once.
void bench_convolutions(Device device, const BenchCommand& c) {
  if (!c.json) std::printf("\n%-34s  %-16s  %10s  %10s  %10s\n", "convolution", "part", "own us", "cuBLASLt", "cuDNN");
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>> seen;
  for (const LayerWork& layer : layers_of(architecture(c.arch), c.batch, c.size, 3, 1000)) {
    const ConvShape& s = layer.shape;
    if (layer.depthwise || s.H * s.W <= 1 || !seen.insert({s.H, s.C, s.K, s.R}).second) continue;
    const std::string shape = text(s.N, "x", s.H, "x", s.W, "x", s.C, " to ", s.K, "  ", s.R, "x", s.S, " stride ", s.stride);
    for (const Ways& ways : convolution_times(device, s)) {
      if (c.json) {
        Json j = described(device, c, "convolution");
        j["part"] = ways.part;
        j["shape"] = shape;
        j["own_us"] = ways.own;
        j["cublaslt_us"] = ways.cublaslt > 0 ? Json(ways.cublaslt) : Json();
        j["cudnn_us"] = ways.cudnn > 0 ? Json(ways.cudnn) : Json();
        std::printf("%s\n", j.dump().c_str());
      } else {
        std::printf("%-34s  %-16s  %10s  %10s  %10s\n", shape.c_str(), ways.part.c_str(), fixed(ways.own, 1).c_str(),
                    text_or_none(ways.cublaslt).c_str(), text_or_none(ways.cudnn).c_str());
      }
    }
  }
}

}  // namespace

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
  EfficientNet net = network(c, 2, device);
  net.set_drop_rates(0.2, 0.2);
  TrainOptions options;
  options.batch_size = static_cast<int>(c.batch);
  Dataset data;
  data.classes = {"a", "b"};
  const Tensor image = drawn({c.size, c.size, 3}, 7);
  for (std::int64_t i = 0; i < c.batch; ++i) {
    data.images.push_back(image);
    data.labels.push_back(static_cast<int>(i % 2));
  }
  Optimizer optimizer(options.optimizer);
  DeviceTraining training(net, optimizer, data, options);
  const std::size_t steps = device.is_gpu() ? 50 : 1;
  std::vector<int> order;
  for (std::size_t i = 0; i < steps * static_cast<std::size_t>(c.batch); ++i)
    order.push_back(static_cast<int>(i % static_cast<std::size_t>(c.batch)));
  std::uint32_t epoch = 0;
  // An epoch of 50 steps with everything that belongs to it: draws, upload, augmentation, mixup, step, losses.
  const auto round = [&] { training.run_epoch(order, ++epoch, std::vector<StepRates>(steps, StepRates{1e-4, 0.9})); };
  std::vector<cuda::Launches> launches;
  if (!device.is_gpu()) {
    round();  // makes the moments
    launches = launches_of(round);
  }
  const std::vector<double> ms = measure(2 * c.seconds, round);
  print(device, c, "train", ms, static_cast<double>(steps), training.nodes());
  if (c.json) return;
  print(launches);
  print_plans();
}

void bench_kernels_on(Device device, const BenchCommand& c) {
  double logarithms = 0;
  int compared = 0;
  if (!c.json) std::printf("%-34s  %-16s  %10s  %10s  %6s\n", "depthwise convolution", "part", "own us", "cuDNN us", "ratio");
  for (const LayerWork& layer : layers_of(architecture(c.arch), c.batch, c.size, 3, 1000)) {
    if (!layer.depthwise) continue;
    const ConvShape& s = layer.shape;
    const std::string shape = text(s.N, "x", s.H, "x", s.W, "x", s.C, "  ", s.R, "x", s.S, " stride ", s.stride);
    for (const Compared& t : depthwise_times(device, s)) {
      if (t.library > 0) {
        logarithms += std::log(t.library / t.own);
        ++compared;
      }
      if (c.json) {
        Json j = described(device, c, "depthwise");
        j["part"] = t.part;
        j["shape"] = shape;
        j["own_us"] = t.own;
        j["cudnn_us"] = t.library > 0 ? Json(t.library) : Json();
        std::printf("%s\n", j.dump().c_str());
      } else {
        std::printf("%-34s  %-16s  %10s  %10s  %6s\n", shape.c_str(), t.part.c_str(), fixed(t.own, 1).c_str(),
                    t.library > 0 ? fixed(t.library, 1).c_str() : "-",
                    t.library > 0 ? fixed(t.library / t.own, 2).c_str() : "-");
      }
    }
  }
  if (!c.json && compared > 0)
    std::printf("geometric mean over %d: cuDNN takes %s of our time\n", compared,
                fixed(std::exp(logarithms / compared), 2).c_str());
  bench_convolutions(device, c);
  if (!c.json) print_plans();
}

}  // namespace vitrine::cli

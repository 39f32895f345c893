// `vitrine bench kernels`: every kernel that inference and training run, beside the least time that this processor allows it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "bench/kernels.h"
#include "cli/bench.h"
#include "tensor/cuda/settings.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::cli {
namespace {

constexpr double kShareOfWhole = 0.1;  // of the time to measure that a whole pass and a whole step take each

struct Measured {
  KernelCase kernel;
  Bound bound;
  Times times;
  double peak = 0;  // multiply-adds a second in registers, of the threads that the case uses

  double predicted_ms() const { return 1e3 * bound.seconds; }
  double ratio() const { return times.min_ms / predicted_ms(); }
  double loss_ms() const { return (times.min_ms - predicted_ms()) * kernel.times; }  // in a pass or step
  double rate() const { return kernel.work.multiply_adds / (times.min_ms * 1e-3); }
};

// Of one part: what its kernels take together, and the whole that they are parts of.
struct Total {
  std::string part;
  double predicted_ms = 0, kernels_ms = 0, whole_ms = 0;
};

void print_rates(const MachineRates& rates, bool lite) {
  std::printf("%d thread%s, %s: %s GFLOP/s in registers, %s G %s a second", rates.threads, rates.threads > 1 ? "s" : "",
              std::string(isa_name(active_isa())).c_str(), fixed(2e-9 * rates.multiply_adds, 0).c_str(),
              fixed(1e-9 * rates.activations, 2).c_str(), lite ? "relu6" : "swish");
  for (const MemoryLevel& level : rates.levels) {
    const std::string size = std::isinf(level.bytes) ? "" : " of " + fixed(level.bytes / 1024, 0) + " KiB";
    std::printf(", %s%s %s GB/s", level.name.c_str(), size.c_str(), fixed(1e-9 * level.bytes_per_second, 0).c_str());
  }
  if (rates.threads > 1) std::printf(", an empty loop %s us", fixed(1e6 * rates.loop_seconds, 2).c_str());
  std::printf("\n");
}

std::string microseconds(double ms) { return fixed(1e3 * ms, std::abs(ms) < 0.01 ? 2 : 1); }

void print_heading() {
  std::printf("%-9s  %-23s  %-40s  %7s  %-10s  %12s  %10s  %6s  %8s  %6s\n", "part", "kernel", "shape", "times", "bound",
              "predicted us", "least us", "ratio", "loss us", "peak");
}

void print_row(const Measured& m) {
  const KernelCase& k = m.kernel;
  const std::string share = k.work.multiply_adds > 0 ? fixed(100 * m.rate() / m.peak, 1) + "%" : "";
  std::printf("%-9s  %-23s  %-40s  %7s  %-10s  %12s  %10s  %6s  %8s  %6s\n", k.part.c_str(), k.kernel.c_str(), k.shape.c_str(),
              shortest(static_cast<float>(k.times)).c_str(), m.bound.name.c_str(), microseconds(m.predicted_ms()).c_str(),
              microseconds(m.times.min_ms).c_str(), fixed(m.ratio(), 2).c_str(), microseconds(m.loss_ms()).c_str(),
              share.c_str());
}

void print_json(const Measured& m, int threads) {
  const KernelCase& k = m.kernel;
  Json j = Json::object();
  j["part"] = k.part;
  j["kernel"] = k.kernel;
  j["shape"] = k.shape;
  j["times"] = k.times;
  j["threads"] = threads;
  j["simd"] = std::string(isa_name(active_isa()));
  j["multiply_adds"] = k.work.multiply_adds;
  j["activations"] = k.work.activations;
  j["moved_bytes"] = k.work.moved;
  j["footprint_bytes"] = k.work.footprint;
  j["bound"] = m.bound.name;
  j["predicted_ms"] = m.predicted_ms();
  j["min_ms"] = m.times.min_ms;
  j["median_ms"] = m.times.median_ms;
  j["ratio"] = m.ratio();
  j["loss_ms"] = m.loss_ms();
  if (k.work.multiply_adds > 0) {
    j["gflops"] = 2e-9 * m.rate();
    j["share_of_peak"] = m.rate() / m.peak;
  }
  std::printf("%s\n", j.dump().c_str());
}

void print_total(const BenchCommand& c, const Total& total) {
  const bool inference = total.part == "inference";
  if (c.json) {
    Json j = Json::object();
    j["part"] = total.part;
    j["kernel"] = "all";
    j["shape"] = std::to_string(c.batch) + "x" + std::to_string(c.size) + "x" + std::to_string(c.size);
    j["predicted_ms"] = total.predicted_ms;
    j["min_ms"] = total.kernels_ms;
    j["ratio"] = total.kernels_ms / total.predicted_ms;
    j["whole_ms"] = total.whole_ms;
    std::printf("%s\n", j.dump().c_str());
    return;
  }
  std::printf("%s: predicted %s ms, kernels %s ms, `bench %s` %s ms: the kernels are %s %% of it\n",
              inference ? "a pass" : "a training step", fixed(total.predicted_ms, 3).c_str(),
              fixed(total.kernels_ms, 3).c_str(), inference ? "infer" : "train", fixed(total.whole_ms, 3).c_str(),
              fixed(100 * total.kernels_ms / total.whole_ms, 0).c_str());
}

// What the numbers of a run are taken against.
struct Machine {
  MachineRates one, all;

  static Machine measured(Activation activation) {
    Machine m{measured_rates(1, activation), {}};
    m.all = thread_count() > 1 ? measured_rates(thread_count(), activation) : m.one;
    return m;
  }
  const MachineRates& of(const KernelCase& k) const { return k.threads == 1 ? one : all; }
};

std::vector<KernelCase> with_text(const std::string& part, std::vector<KernelCase> cases) {
  std::erase_if(cases,
                [&](const KernelCase& k) { return text(k.part, " ", k.kernel, " ", k.shape).find(part) == std::string::npos; });
  if (cases.empty()) throw UsageError(text("--only '", part, "': no row of bench kernels has it; see them all without --only"));
  return cases;
}

std::vector<KernelCase> cases_of(const BenchCommand& c) {
  const Architecture arch = architecture(c.arch);
  if (c.micro) return with_text(c.only, micro_cases(arch, c.batch, c.size));
  std::vector<KernelCase> cases = inference_cases(arch, c.batch, c.size), training = training_cases(arch, c.batch, c.size);
  if (training.empty())
    std::fprintf(stderr,
                 "vitrine: no training step: its last map leaves a channel one value; use a larger --batch or --size\n");
  cases.insert(cases.end(), std::make_move_iterator(training.begin()), std::make_move_iterator(training.end()));
  return with_text(c.only, std::move(cases));
}

std::vector<Total> totals(const BenchCommand& c, const std::vector<Measured>& rows) {
  std::vector<Total> all;
  if (c.micro || !c.only.empty()) return all;
  for (const Measured& m : rows) {
    if (all.empty() || all.back().part != m.kernel.part) all.push_back({m.kernel.part});
    all.back().predicted_ms += m.kernel.times * m.predicted_ms();
    all.back().kernels_ms += m.kernel.times * m.times.min_ms;
  }
  for (Total& total : all) {
    const double seconds = kShareOfWhole * c.seconds;
    total.whole_ms = (total.part == "inference" ? time_inference(c, seconds) : time_training(c, seconds)).min_ms;
  }
  return all;
}

}  // namespace

void run_bench_kernels(const BenchCommand& c) {
  check(c);
  if (const Device device = c.device.choose(); device.is_cuda()) {
    if (cuda::settings().kernels != cuda::Kernels::fastest)
      throw UsageError(
          text("bench kernels measures our own kernels, cuBLASLt's and cuDNN's beside each other; leave out --kernels ",
               cuda::text_of(cuda::settings().kernels)));
    if (c.micro || c.by_loss || !c.only.empty())
      throw UsageError(text("--",
                            c.micro     ? "micro"
                            : c.by_loss ? "by-loss"
                                        : "only",
                            " is for the CPU's kernels, --device is ", device.text(), "; leave one of the two out"));
    return bench_kernels_on(device, c);
  }
  const bool lite = architecture(c.arch).lite;
  const Activation activation = lite ? Activation::relu6 : Activation::swish;
  const std::vector<KernelCase> cases = cases_of(c);
  // The rates are measured before and after the kernels: what disturbs one of the two does not pass for the machine's limit.
  Machine machine = Machine::measured(activation);
  const double seconds = (1 - 2 * kShareOfWhole) * c.seconds / static_cast<double>(cases.size());
  std::vector<Measured> rows;
  for (const KernelCase& k : cases) rows.push_back({k, {}, time_rounds(seconds, k.prepare())});
  const Machine again = Machine::measured(activation);
  machine = {larger_rates(machine.one, again.one), larger_rates(machine.all, again.all)};
  for (Measured& m : rows) {
    m.bound = bound_of(m.kernel.work, machine.of(m.kernel));
    m.peak = machine.of(m.kernel).multiply_adds;
  }
  const std::vector<Total> sums = totals(c, rows);
  if (c.by_loss) {
    // "inference" comes before "training": a pass and a step are not compared with each other.
    std::ranges::stable_sort(rows, [](const Measured& a, const Measured& b) {
      return a.kernel.part != b.kernel.part ? a.kernel.part < b.kernel.part : a.loss_ms() > b.loss_ms();
    });
  }
  if (!c.json) {
    if (machine.all.threads > 1) print_rates(machine.one, lite);
    print_rates(machine.all, lite);
    print_heading();
  }
  for (const Measured& m : rows) c.json ? print_json(m, machine.of(m.kernel).threads) : print_row(m);
  for (const Total& total : sums) print_total(c, total);
}

}  // namespace vitrine::cli

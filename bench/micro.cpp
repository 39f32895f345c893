// The kernels under Google Benchmark, for its filters, repetitions and output formats:
//   build/bench_kernels --benchmark_filter=depthwise --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <string>

#include "bench/kernels.h"
#include "bench/peak.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const double peak = vitrine::measured_peak_flops();
  const vitrine::Architecture b0 = vitrine::architecture("b0");
  for (const std::int64_t size : {64, 224}) {
    for (const auto& cases : {vitrine::inference_cases, vitrine::training_cases, vitrine::micro_cases}) {
      for (const vitrine::KernelCase& k : cases(b0, 16, size)) {
        const std::string name = k.part + "/" + k.kernel + "/" + k.shape;
        benchmark::RegisterBenchmark(name.c_str(), [k, peak](benchmark::State& state) {
          const std::function<void()> run = k.prepare();
          for ([[maybe_unused]] auto _ : state) run();
          const double operations = 2 * k.work.multiply_adds * static_cast<double>(state.iterations());
          state.counters["flops"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
          state.counters["share_of_peak"] = benchmark::Counter(operations / peak, benchmark::Counter::kIsRate);
        })->UseRealTime();
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

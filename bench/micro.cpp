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
  for (const std::int64_t size : {64, 224}) {
    for (const vitrine::KernelCase& k : vitrine::kernel_cases(vitrine::architecture("b0"), 16, size)) {
      benchmark::RegisterBenchmark((k.name + "/" + k.shape).c_str(), [k, peak](benchmark::State& state) {
        for ([[maybe_unused]] auto _ : state) k.run();
        const double operations = 2 * k.multiply_adds * static_cast<double>(state.iterations());
        state.counters["flops"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
        state.counters["share_of_peak"] = benchmark::Counter(operations / peak, benchmark::Counter::kIsRate);
      })->UseRealTime();
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

// The kernels under Google Benchmark, for its filters, repetitions and output formats:
//   build/bench_kernels --benchmark_filter=depthwise --benchmark_repetitions=5
//   build/bench_kernels --benchmark_filter=memory        an audit's hash of a tensor beside a copy of it, bytes read each second
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "bench/kernels.h"
#include "bench/peak.h"
#include "tensor/parallel.h"
#include "tensor/tensor_hash.h"

namespace vitrine {
namespace {

void register_kernel(const KernelCase& k, double peak) {
  const std::string name = k.part + "/" + k.kernel + "/" + k.shape;
  benchmark::RegisterBenchmark(name.c_str(), [k, peak](benchmark::State& state) {
    const std::function<void()> run = k.prepare();
    for ([[maybe_unused]] auto _ : state) run();
    const double operations = 2 * k.work.multiply_adds * static_cast<double>(state.iterations());
    state.counters["flops"] = benchmark::Counter(operations, benchmark::Counter::kIsRate);
    state.counters["share_of_peak"] = benchmark::Counter(operations / peak, benchmark::Counter::kIsRate);
  })->UseRealTime();
}

// Bytes read each second of one pass over `bytes` float32 values, on the threads of the pool.
void register_memory(const char* kernel, std::int64_t bytes, void (*pass)(const Tensor& from, Tensor& to)) {
  const std::string name = std::string("memory/") + kernel + "/" + std::to_string(bytes >> 20) + "MiB";
  benchmark::RegisterBenchmark(name.c_str(), [bytes, pass](benchmark::State& state) {
    const Tensor from = Tensor::full({bytes / 4}, 0.5f);
    Tensor to = Tensor::full({bytes / 4}, 0.0f);
    for ([[maybe_unused]] auto _ : state) pass(from, to);
    state.SetBytesProcessed(bytes * static_cast<std::int64_t>(state.iterations()));
  })->UseRealTime();
}

void hash_pass(const Tensor& from, Tensor&) {
  Hash128 hash = hash_of(from);
  benchmark::DoNotOptimize(hash);
}
void facts_pass(const Tensor& from, Tensor&) {
  TensorFacts facts = facts_of(from);
  benchmark::DoNotOptimize(facts);
}
void copy_pass(const Tensor& from, Tensor& to) {
  const float* source = from.data<float>();
  float* target = to.mutable_data<float>();
  parallel_for(from.size(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(target + begin, source + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
  });
  benchmark::ClobberMemory();
}

}  // namespace
}  // namespace vitrine

int main(int argc, char** argv) {
  using namespace vitrine;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const double peak = measured_peak_flops();
  const Architecture b0 = architecture("b0");
  for (const std::int64_t size : {64, 224}) {
    for (const auto& cases : {inference_cases, training_cases, micro_cases}) {
      for (const KernelCase& k : cases(b0, 16, size)) register_kernel(k, peak);
    }
  }
  for (const std::int64_t mebibytes : {1, 64}) {
    register_memory("copy", mebibytes << 20, copy_pass);
    register_memory("hash", mebibytes << 20, hash_pass);
    register_memory("facts", mebibytes << 20, facts_pass);
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

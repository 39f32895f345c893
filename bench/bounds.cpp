#include "bench/bounds.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "base/error.h"
#include "base/number.h"
#include "bench/peak.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

namespace vitrine {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kLeastStream = 64 * kMiB, kMostStream = 256 * kMiB;  // of memory, all threads together

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "48K", "2M", "16777216"; 0 for anything else.
std::int64_t bytes_in(std::string size) {
  std::int64_t unit = 1, value = 0;
  if (size.ends_with('K')) unit = 1 << 10;
  if (size.ends_with('M')) unit = kMiB;
  if (unit > 1) size.pop_back();
  return parse_number(size, value) && value > 0 && value < (std::int64_t{1} << 40) / unit ? value * unit : 0;
}

// How many processors "0-3,8-11" names; at least 1.
int processors_in(const std::string& list) {
  std::int64_t count = 0;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size()), dash = list.find('-', at);
    std::int64_t first = 0, last = 0;
    const bool range = dash < end;
    const bool read = parse_number(std::string_view(list).substr(at, (range ? dash : end) - at), first) &&
                      (!range || parse_number(std::string_view(list).substr(dash + 1, end - dash - 1), last));
    if (read) count += range ? std::clamp<std::int64_t>(last - first + 1, 1, 65536) : 1;
    at = end + 1;
  }
  return static_cast<int>(std::clamp<std::int64_t>(count, 1, 65536));
}

std::vector<Cache> caches_of_sysconf() {
  std::vector<Cache> caches;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  const int all = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const long sizes[] = {::sysconf(_SC_LEVEL1_DCACHE_SIZE), ::sysconf(_SC_LEVEL2_CACHE_SIZE), ::sysconf(_SC_LEVEL3_CACHE_SIZE)};
  for (int i = 0; i < 3; ++i) {
    if (sizes[i] > 0) caches.push_back({i + 1, sizes[i], i == 2 ? all : 1});
  }
#endif
  if (caches.empty()) caches = {{1, 32 << 10, 1}, {2, kMiB, 1}};
  return caches;
}

using Clock = std::chrono::steady_clock;

// Least seconds of three rounds of work(thread), one call on each of `threads` threads.
double least_seconds(int threads, const std::function<void(std::int64_t)>& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 3; ++round) {
    const auto start = Clock::now();
    parallel_for(threads, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t t = first; t < last; ++t) work(t);
    });
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

// Bytes a second of streams over `bytes` a thread, half of them read and half written; each round moves at least `least` bytes.
double stream_rate(int threads, std::int64_t bytes, std::int64_t least) {
  const std::int64_t n = std::max<std::int64_t>(bytes / 8 / 64 * 64, 64), rounds = std::max<std::int64_t>(1, least / (8 * n));
  std::vector<Tensor> from, to;
  for (int t = 0; t < threads; ++t) {
    from.push_back(Tensor::full({n}, 1.0f));
    to.push_back(Tensor::full({n}, 1.0f));
  }
  const double seconds = least_seconds(threads, [&](std::int64_t t) {
    const auto i = static_cast<std::size_t>(t);
    kernels::peak_kernels().stream(from[i].data(), n, rounds, to[i].mutable_data());
  });
  return 8.0 * static_cast<double>(n * rounds * threads) / seconds;
}

double activation_rate(int threads, Activation activation) {
  constexpr std::int64_t kValues = 2048;  // 16 KiB with their results
  const std::int64_t rounds = active_isa() == Isa::scalar ? 100 : 4000;
  Tensor values = Tensor::uninitialized({kValues});
  for (std::int64_t i = 0; i < kValues; ++i)
    values.mutable_host()[static_cast<std::size_t>(i)] = static_cast<float>(i % 101 - 50) * 0.1f;
  std::vector<Tensor> results;
  for (int t = 0; t < threads; ++t) results.push_back(Tensor::full({kValues}, 0.0f));
  const double seconds = least_seconds(threads, [&](std::int64_t t) {
    float* const to = results[static_cast<std::size_t>(t)].mutable_data();
    for (std::int64_t r = 0; r < rounds; ++r) kernels::unary_kernels().forward(activation, values.data(), kValues, to);
  });
  return static_cast<double>(kValues * rounds * threads) / seconds;
}

// Of a loop in as many parts as there are threads, least of ten rows of loops.
double empty_loop_seconds(int threads) {
  constexpr int kLoops = 200;
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 10; ++round) {
    const auto start = Clock::now();
    for (int i = 0; i < kLoops; ++i) parallel_for(threads, 1, [](std::int64_t, std::int64_t) {});
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / kLoops);
  }
  return best;
}

}  // namespace

void KernelWork::reads(std::int64_t floats) {
  moved += 4.0 * static_cast<double>(floats);
  footprint += 4.0 * static_cast<double>(floats);
}

void KernelWork::changes(std::int64_t floats) {
  reads(floats);
  moved += 4.0 * static_cast<double>(floats);
}

KernelWork KernelWork::times(std::int64_t copies) const {
  const auto n = static_cast<double>(copies);
  return {multiply_adds * n, activations * n, moved * n, footprint * n};
}

std::vector<Cache> data_caches(const std::filesystem::path& folder) {
  std::vector<Cache> caches;
  for (int i = 0; i < 16; ++i) {
    const std::filesystem::path at = folder / text("index", i);
    const std::string type = first_line(at / "type");
    std::int64_t level = 0;
    const std::int64_t bytes = bytes_in(first_line(at / "size"));
    if ((type != "Data" && type != "Unified") || bytes == 0 || !parse_number(first_line(at / "level"), level)) continue;
    caches.push_back(
        {static_cast<int>(std::clamp<std::int64_t>(level, 1, 9)), bytes, processors_in(first_line(at / "shared_cpu_list"))});
  }
  if (caches.empty()) caches = caches_of_sysconf();
  std::ranges::sort(caches, {}, &Cache::level);
  return caches;
}

MachineRates larger_rates(const MachineRates& a, const MachineRates& b) {
  MachineRates rates = a;
  rates.multiply_adds = std::max(a.multiply_adds, b.multiply_adds);
  rates.activations = std::max(a.activations, b.activations);
  rates.loop_seconds = std::min(a.loop_seconds, b.loop_seconds);
  for (std::size_t i = 0; i < std::min(a.levels.size(), b.levels.size()); ++i)
    rates.levels[i].bytes_per_second = std::max(a.levels[i].bytes_per_second, b.levels[i].bytes_per_second);
  return rates;
}

MachineRates measured_rates(int threads, Activation activation) {
  MachineRates rates;
  rates.threads = threads;
  rates.multiply_adds = measured_peak_flops(threads) / 2;
  rates.activations = activation_rate(threads, activation);
  rates.loop_seconds = empty_loop_seconds(threads);
  const int processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::int64_t largest = 0;
  for (const Cache& cache : data_caches()) {
    const std::int64_t copies = std::clamp(processors / cache.processors, 1, threads), bytes = cache.bytes * copies;
    // Half of the cache, so that the stream has room beside what else lies there; some milliseconds of it.
    const std::int64_t least = cache.level == 1 ? 1024 * kMiB : cache.level == 2 ? 512 * kMiB : 256 * kMiB;
    rates.levels.push_back({text("L", cache.level), static_cast<double>(bytes),
                            stream_rate(threads, bytes / 2 / threads, active_isa() == Isa::scalar ? least / 8 : least)});
    largest = std::max(largest, bytes);
  }
  const std::int64_t far = std::clamp(2 * largest, kLeastStream, kMostStream);
  rates.levels.push_back({"memory", std::numeric_limits<double>::infinity(), stream_rate(threads, far / threads, 0)});
  return rates;
}

Bound bound_of(const KernelWork& work, const MachineRates& rates) {
  const double arithmetic = work.multiply_adds / rates.multiply_adds + work.activations / rates.activations;
  const auto level = std::ranges::find_if(rates.levels, [&](const MemoryLevel& l) { return work.footprint <= l.bytes; });
  if (level == rates.levels.end()) throw InternalError("bound_of: the last level is memory, which holds everything");
  const double moving = work.moved / level->bytes_per_second;
  return arithmetic >= moving ? Bound{"arithmetic", arithmetic} : Bound{level->name, moving};
}

}  // namespace vitrine

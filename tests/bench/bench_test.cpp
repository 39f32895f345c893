// The cases of `vitrine bench kernels`: they are the network's work, each of them runs, and their bounds are what the rates say.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

#include "base/error.h"
#include "bench/kernels.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/parallel.h"
#include "tests/everywhere.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;

struct Setting {
  const char* arch;
  std::int64_t batch, size;
  int threads;
};
constexpr Setting kSettings[] = {{"b0", 16, 64, 2}, {"b0", 1, 224, 1},    {"b0", 1, 64, 2},
                                 {"b4", 3, 96, 2},  {"lite0", 20, 48, 1}, {"lite4", 7, 64, 3}};

class ThreadCount {
 public:
  explicit ThreadCount(int n) : before_(thread_count()) { set_thread_count(n); }
  ~ThreadCount() { set_thread_count(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

double multiply_adds_of(const std::vector<KernelCase>& cases) {
  double total = 0;
  for (const KernelCase& k : cases) total += k.times * k.work.multiply_adds;
  return total;
}

InferenceGroups groups_of(const Architecture& arch, const Setting& s) {
  return inference_groups(s.batch, block_sizes(layers_of(arch, 1, s.size, 3, 1000)), s.threads);
}

std::map<std::string, double> runs_of(const std::vector<KernelCase>& cases) {
  std::map<std::string, double> runs;
  for (const KernelCase& k : cases) runs[k.kernel] += k.times;
  return runs;
}

template <class Holds>
double blocks_that(const Architecture& arch, Holds holds) {
  return static_cast<double>(std::ranges::count_if(arch.blocks, holds));
}

TEST(BenchKernels, InferenceCasesAddUpToTheWorkOfTheNetwork) {
  for (const Setting& s : kSettings) {
    SCOPED_TRACE(text(s.arch, " ", s.batch, " of ", s.size, ", threads ", s.threads));
    const ThreadCount threads(s.threads);
    const Architecture arch = architecture(s.arch);
    const std::vector<KernelCase> cases = inference_cases(arch, s.batch, s.size);
    const double whole = multiply_adds(layers_of(arch, s.batch, s.size, 3, 1000));
    EXPECT_NEAR(multiply_adds_of(cases), whole, 1e-12 * whole);  // times may be a fraction: batch / images of a run
    std::map<std::string, double> runs = runs_of(cases);
    const InferenceGroups groups = groups_of(arch, s);
    const auto passes = [&](std::int64_t images) {
      return static_cast<double>(s.batch) / static_cast<double>(images * groups.concurrent);
    };
    double blocks = 0, gates = 0;
    for (std::size_t i = 0; i < arch.blocks.size(); ++i) {
      blocks += passes(groups.images[i]);
      if (arch.blocks[i].squeeze > 0) gates += passes(groups.images[i]);
    }
    EXPECT_NEAR(runs["folded expand depthwise"], blocks, 1e-9);
    EXPECT_NEAR(runs["folded project"], blocks, 1e-9);
    EXPECT_NEAR(runs["folded gate"], gates, 1e-9);
    EXPECT_NEAR(runs["folded stem"], passes(groups.images.front()), 1e-9);
    for (const char* once : {"folded head", "folded linear"})
      EXPECT_NEAR(runs[once], passes(groups.images.back()), 1e-9) << once;
  }
}

TEST(BenchKernels, TrainingCasesAddUpToThreeProductsALayer) {
  for (const Setting& s : kSettings) {
    SCOPED_TRACE(text(s.arch, " ", s.batch, " of ", s.size));
    const Architecture arch = architecture(s.arch);
    const std::vector<KernelCase> cases = training_cases(arch, s.batch, s.size);
    const std::vector<LayerWork> layers = layers_of(arch, s.batch, s.size, 3, 2);
    // Nobody asks for the gradient by the images.
    const double whole = 3 * multiply_adds(layers) - layers.front().multiply_adds();
    EXPECT_NEAR(multiply_adds_of(cases), whole, 1e-12 * whole);
    std::map<std::string, double> runs = runs_of(cases);
    const auto blocks = static_cast<double>(arch.blocks.size());
    const double expanded = blocks_that(arch, [](const BlockSpec& b) { return b.expands(); });
    const double gated = blocks_that(arch, [](const BlockSpec& b) { return b.squeeze > 0; });
    for (const char* kernel : {"depthwise forward", "project", "project gradient", "activation gradient", "depthwise gradient"})
      EXPECT_EQ(runs[kernel], blocks) << kernel;
    for (const char* kernel : {"expand", "expand gradient"}) EXPECT_EQ(runs[kernel], expanded) << kernel;
    for (const char* kernel : {"pool", "gate", "gate gradient"}) EXPECT_EQ(runs[kernel], gated) << kernel;
    for (const char* kernel : {"norm sums", "norm", "norm gradient sums", "norm gradient"})
      EXPECT_EQ(runs[kernel], blocks + 2) << kernel;
    for (const char* kernel : {"stem", "stem weight gradient", "head", "head input gradient", "head weight gradient",
                               "classifier", "classifier gradients", "Adam"})
      EXPECT_EQ(runs[kernel], 1) << kernel;
  }
}

TEST(BenchKernels, NoTrainingCasesWhereAChannelHasOneValue) {
  EXPECT_TRUE(training_cases(architecture("lite0"), 1, 32).empty());
  EXPECT_FALSE(training_cases(architecture("lite0"), 2, 32).empty());
}

TEST(BenchKernels, GroupsAreThoseOfInference) {
  EfficientNet net(architecture("lite0"), published_semantics(Family::timm, architecture("lite0")), 2);
  net.initialize(1);
  const auto workspace = [&](std::int64_t N, std::int64_t size, int n) {
    const ThreadCount threads(n);
    Inference inference(net);
    inference.run(Tensor::full({N, size, size, 3}, 0.5f));
    return inference.workspace_bytes();
  };
  for (const Setting& s : {Setting{"", 1, 64, 2}, {"", 5, 64, 2}, {"", 18, 64, 2}, {"", 16, 48, 1}, {"", 3, 224, 2}}) {
    SCOPED_TRACE(text(s.batch, " of ", s.size, ", threads ", s.threads));
    const InferenceGroups groups = groups_of(net.arch, s);
    // A workspace is laid out for the largest group, once for each that is under way. Nine images may take less than eight: they part evenly.
    const std::int64_t images = groups.images.back(), of_group = workspace(images, s.size, 1);
    EXPECT_EQ(workspace(s.batch, s.size, s.threads), groups.concurrent * of_group);
    if (images > 1) {
      EXPECT_LT(workspace(1, s.size, 1), of_group);
    }
  }
}

// Small and odd maps, in every set of instructions and with more threads than images of a group.
TEST(BenchKernels, EveryCaseRunsAndHasAPositiveBound) {
  const MachineRates rates = measured_rates(thread_count(), Activation::swish);
  EXPECT_GT(rates.loop_seconds, 0);
  everywhere({1, 3}, [&](const std::string& where) {
    SCOPED_TRACE(where);
    for (const char* name : {"b0", "lite0"}) {
      const Architecture arch = architecture(name);
      for (const auto& cases : {inference_cases(arch, 3, 33), training_cases(arch, 3, 33), micro_cases(arch, 3, 33)}) {
        ASSERT_FALSE(cases.empty());
        for (const KernelCase& k : cases) {
          SCOPED_TRACE(text(name, " ", k.part, " ", k.kernel, " ", k.shape));
          k.prepare()();
          EXPECT_GT(k.times, 0);
          EXPECT_GT(k.work.footprint, 0);
          EXPECT_GE(k.work.moved, k.work.footprint);
          const Bound bound = bound_of(k.work, rates);
          EXPECT_GT(bound.seconds, 0);
          EXPECT_TRUE(std::isfinite(bound.seconds));
        }
      }
    }
  });
}

TEST(Bounds, TheLargerOfArithmeticAndMovingNamesTheBound) {
  MachineRates rates;
  rates.multiply_adds = 100;
  rates.activations = 10;
  rates.levels = {{"L1", 64, 1000}, {"L2", 1024, 100}, {"memory", std::numeric_limits<double>::infinity(), 10}};
  const auto expect = [&](const KernelWork& work, const std::string& name, double seconds) {
    const Bound bound = bound_of(work, rates);
    EXPECT_EQ(bound.name, name);
    EXPECT_DOUBLE_EQ(bound.seconds, seconds);
  };
  expect({.multiply_adds = 200, .activations = 10, .moved = 2000, .footprint = 64}, "arithmetic", 3);
  expect({.multiply_adds = 200, .activations = 10, .moved = 4000, .footprint = 64}, "L1", 4);
  expect({.multiply_adds = 200, .activations = 10, .moved = 400, .footprint = 65}, "L2", 4);
  expect({.multiply_adds = 200, .activations = 10, .moved = 40, .footprint = 1025}, "memory", 4);
  rates.levels.pop_back();
  EXPECT_THROW(bound_of({.footprint = 1025}, rates), InternalError);
}

TEST(Bounds, WorkCountsFloatsInBytes) {
  KernelWork work;
  work.reads(10);
  work.changes(5);
  EXPECT_EQ(work.moved, 80);
  EXPECT_EQ(work.footprint, 60);
  EXPECT_EQ(work.times(3).moved, 240);
}

TEST(Bounds, RatesArePositiveAndTheLargerOfTwoIsKept) {
  const MachineRates rates = measured_rates(2, Activation::swish);
  EXPECT_EQ(rates.threads, 2);
  EXPECT_GT(rates.multiply_adds, 0);
  EXPECT_GT(rates.activations, 0);
  ASSERT_GE(rates.levels.size(), 2u);
  EXPECT_EQ(rates.levels.front().name, "L1");
  EXPECT_EQ(rates.levels.back().name, "memory");
  for (const MemoryLevel& level : rates.levels) EXPECT_GT(level.bytes_per_second, 0) << level.name;
  MachineRates other = rates;
  other.activations *= 2;
  other.levels[0].bytes_per_second /= 2;
  const MachineRates larger = larger_rates(rates, other);
  EXPECT_EQ(larger.activations, other.activations);
  EXPECT_EQ(larger.levels[0].bytes_per_second, rates.levels[0].bytes_per_second);
}

TEST(Bounds, CachesAreReadAsLinuxDescribesThem) {
  const fs::path folder = fs::temp_directory_path() / text("vitrine-caches-", ::getpid());
  const auto describe = [&](const char* index, const char* level, const char* type, const char* size, const char* shared) {
    fs::create_directories(folder / index);
    std::ofstream(folder / index / "level") << level << '\n';
    std::ofstream(folder / index / "type") << type << '\n';
    std::ofstream(folder / index / "size") << size << '\n';
    std::ofstream(folder / index / "shared_cpu_list") << shared << '\n';
  };
  describe("index0", "1", "Data", "48K", "0,8");
  describe("index1", "1", "Instruction", "32K", "0,8");
  describe("index2", "2", "Unified", "2M", "0");
  describe("index3", "3", "Unified", "36864K", "0-5,8-13");
  describe("index4", "4", "Unified", "none", "0");
  const std::vector<Cache> caches = data_caches(folder);
  fs::remove_all(folder);
  ASSERT_EQ(caches.size(), 3u);
  EXPECT_EQ(caches[0].bytes, 48 << 10);
  EXPECT_EQ(caches[0].processors, 2);
  EXPECT_EQ(caches[1].bytes, 2 << 20);
  EXPECT_EQ(caches[1].processors, 1);
  EXPECT_EQ(caches[2].level, 3);
  EXPECT_EQ(caches[2].processors, 12);
  // Without such a folder something sensible is known all the same.
  const std::vector<Cache> others = data_caches(folder / "missing");
  ASSERT_FALSE(others.empty());
  EXPECT_EQ(others[0].level, 1);
  EXPECT_GE(others[0].bytes, 8 << 10);
}

}  // namespace
}  // namespace vitrine::testing

// Tensors on devices: values move only by `to`, host code is refused, names are read.
#include "tensor/device.h"
#include "tensor/cuda/runtime.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tensor/cuda/communicator.h"
#include "tensor/cuda/elementwise.h"
#include "tensor/cuda/graph.h"
#include "tensor/cuda/launch.h"
#include "tensor/cuda/launches.h"
#include "tensor/cuda/one_float.h"
#include "tensor/cuda/settings.h"
#include "tensor/storage.h"
#include "tensor/tensor.h"
#include "tests/cuda_devices.h"
#include "tests/tensor/sum_groups.h"

namespace vitrine::testing {
namespace {

TEST(Device, NamesAreReadAndOthersRefused) {
  EXPECT_EQ(device_from_name("cpu"), Device::cpu());
  EXPECT_EQ(device_from_name("cuda-host"), Device::cuda_host());
  EXPECT_EQ(device_from_name("auto"), cuda::device_count() > 0 ? Device::cuda(0) : Device::cpu());
  for (const char* name : {"", "gpu", "cuda:", "cuda:-1", "cuda:1x", "cuda:99999999999", "CPU"})
    EXPECT_THROW(device_from_name(name), UsageError) << name;
  EXPECT_EQ(Device::cuda(2).text(), "cuda:2");
}

TEST(Device, AGpuThatDoesNotExistIsRefusedInOneSentence) {
  try {
    device_from_name("cuda:4096");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::runtime);
    EXPECT_NE(std::string(error.what()).find("cuda:4096"), std::string::npos) << error.what();
  }
}

TEST(Device, OptionsOfTheBackEndAreReadAndOthersRefused) {
  EXPECT_EQ(cuda::tier_from_name("portable"), cuda::Tier::portable);
  EXPECT_EQ(cuda::precision_from_name("bf16"), cuda::Precision::bf16);
  EXPECT_THROW(cuda::tier_from_name("quick"), UsageError);
  EXPECT_THROW(cuda::precision_from_name("fp64"), UsageError);
}

TEST(Device, ValuesMoveThereAndBack) {
  const std::vector<float> values{1, -2.5f, 3e-40f, INFINITY, 7};
  const Tensor here = Tensor::from({5}, values);
  for (const Device device : cuda_devices()) {
    const Tensor there = here.to(device);
    EXPECT_EQ(there.device(), device);
    const Tensor clone = there.clone();
    const Tensor back = clone.to(Device::cpu());
    EXPECT_EQ(std::vector<float>(back.host().begin(), back.host().end()), values) << device.text();
    EXPECT_EQ(Tensor::full({3}, 2.5f, device).to(Device::cpu()).host()[2], 2.5f);
    EXPECT_EQ(there.to(device).data(), there.data()) << "a tensor that is there already is shared";
  }
}

TEST(Device, HostCodeCannotTouchATensorThatLiesElsewhere) {
  Tensor there = Tensor::zeros({2}, Device::cuda_host());
  EXPECT_THROW(there.host(), InternalError);
  EXPECT_THROW(there.mutable_host(), InternalError);
  float out[3] = {};
  EXPECT_THROW(there.read_bytes(out, sizeof out), InternalError);
  EXPECT_THROW(there.write_bytes(out, sizeof out), InternalError);
  const Tensor shared = there;
  EXPECT_THROW(there.mutable_data(), InternalError);
}

// A kernel of two phases: a sum of neighbours through shared memory, and values kept in registers from phase to phase.
struct NeighbourSums {
  const float* x;
  float* y;
  std::int64_t n;
  VITRINE_HD void operator()(const cuda::Block& block) const {
    cuda::Registers<float, 2> kept(block);
    const std::int64_t first = block.index * block.threads;
    block.each([&](int t) {
      if (first + t < n) block.shared[t] = kept.of(t)[0] = x[first + t];
    });
    block.each([&](int t) {
      if (first + t < n) y[first + t] = kept.of(t)[0] + (t > 0 ? block.shared[t - 1] : 0.0f) + kept.of(t)[1];
    });
  }
};

TEST(Block, PhasesSeeWhatTheOnesBeforeLeft) {
  std::vector<float> x(1000), y(x.size(), -1);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  cuda::make_current(Device::cuda_host());
  cuda::for_blocks("test", 8, 128, 128, NeighbourSums{x.data(), y.data(), 1000});
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], i % 128 == 0 ? x[i] : x[i] + x[i - 1]) << i;
}

TEST(Block, TheLastOfAGroupSeesWhatAllOfItLeft) {
  constexpr std::int64_t kGroups = 37, kMembers = 64;
  std::vector<float> x, want(kGroups);
  for (std::int64_t i = 0; i < kGroups * kMembers; ++i) {
    x.push_back(static_cast<float>(i % 101) / 3);
    want[static_cast<std::size_t>(i % kGroups)] += x.back();
  }
  const Tensor here = Tensor::from({kGroups * kMembers}, x);
  for (const Device device : cuda_devices()) {
    const Tensor there = here.to(device);
    Tensor partial = Tensor::zeros(here.shape(), device), y = Tensor::zeros({kGroups}, device);
    cuda::make_current(device);
    for (int round = 0; round < 3; ++round) {  // counters are left as they were found
      sum_groups(there.data(), kGroups, kMembers, partial.mutable_data(), y.mutable_data());
      const Tensor got = y.to(Device::cpu());
      for (std::size_t g = 0; g < want.size(); ++g) ASSERT_EQ(got.host()[g], want[g]) << g << " " << device.text();
    }
  }
}

TEST(Launches, AreCountedByOp) {
  cuda::make_current(Device::cuda_host());
  cuda::reset_launches();
  for (int i = 0; i < 3; ++i) cuda::for_each("a", 1, [](std::int64_t) {});
  cuda::for_rows("b", 1, 1, [](std::int64_t, std::int64_t) {});
  cuda::for_each("nothing", 0, [](std::int64_t) {});
  ASSERT_EQ(cuda::launches().size(), 2u);
  EXPECT_EQ(cuda::launches()[0].op, "a");
  EXPECT_EQ(cuda::launches()[0].count, 3u);
  EXPECT_EQ(cuda::launch_count(), 4u);
}

TEST(CudaLibraries, HaveEveryFunctionThatIsCalled) {
  if (!cuda::is_built()) GTEST_SKIP() << cuda::why_no_device();
  const auto versions = cuda::versions();  // loads all of them
  ASSERT_EQ(versions.size(), 5u);
  for (const auto& [name, version] : versions) EXPECT_FALSE(version.empty()) << name;
}

TEST(Communicator, GathersInRankOrder) {
  const auto all = cuda::communicators({Device::cuda_host(), Device::cuda_host(), Device::cuda_host()});
  std::vector<std::vector<int>> gathered(3, std::vector<int>(6));
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    threads.emplace_back([&, rank] {
      for (int round = 0; round < 100; ++round) {
        const int mine[2] = {static_cast<int>(rank) * 10 + round, -round};
        all[rank]->all_gather(mine, gathered[rank].data(), sizeof mine);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const auto& g : gathered) EXPECT_EQ(g, (std::vector<int>{99, -99, 109, -99, 119, -99}));
}

TEST(Communicator, AFailureEndsTheWaitingOfTheOthers) {
  const auto all = cuda::communicators({Device::cuda_host(), Device::cuda_host()});
  std::thread other([&] {
    int mine = 0, both[2];
    EXPECT_THROW(all[1]->all_gather(&mine, both, sizeof mine), Error);
  });
  all[0]->abort();
  other.join();
}

TEST(Communicator, RefusesDevicesThatCannotMeet) {
  EXPECT_THROW(cuda::communicators({}), UsageError);
  EXPECT_THROW(cuda::communicators({Device::cpu()}), UsageError);
  EXPECT_THROW(cuda::communicators({Device::cuda(0), Device::cuda(0)}), UsageError);
  EXPECT_THROW(cuda::communicators({Device::cuda(0), Device::cuda_host()}), UsageError);
}

TEST(Communicator, OfOneGpuGivesBackWhatItGot) {
  if (cuda::device_count() == 0) GTEST_SKIP() << cuda::why_no_device();
  const Device device = Device::cuda(0);
  cuda::make_current(device);
  const auto all = cuda::communicators({device});  // NCCL
  const Tensor x = Tensor::full({1000}, 2.5f, device);
  Tensor y = Tensor::zeros({1000}, device);
  all[0]->all_gather(x.data(), y.mutable_data(), 4000);
  EXPECT_EQ(y.to(Device::cpu()).host()[999], 2.5f);
}

TEST(Communicator, OfOneGpuIsRecordedAndReplayed) {
  if (cuda::device_count() == 0) GTEST_SKIP() << cuda::why_no_device();
  const Device device = Device::cuda(0);
  cuda::make_current(device);
  const auto all = cuda::communicators({device});
  Tensor x = Tensor::full({1000}, 2.5f, device), y = Tensor::zeros({1000}, device);
  const float* const from = x.data();
  float* const to = y.mutable_data();
  all[0]->all_gather(from, to, 4000);  // the first exchange sets up what a recording may not
  cuda::Graph graph(device, [&] { all[0]->all_gather(from, to, 4000); });
  EXPECT_GT(graph.nodes(), 0u);
  const std::vector<float> other(1000, -7.0f);
  x.write_bytes(other.data(), 4000);
  graph.launch();
  EXPECT_EQ(y.to(Device::cpu()).host()[999], -7.0f);
}

TEST(MemoryPool, KeepsItsBlocksApart) {
  for (const Device device : cuda_devices()) {
    MemoryPool pool;
    const float* inside = nullptr;
    {
      const MemoryPool::Scope scope(pool);
      inside = Tensor::zeros({1000}, device).data();
    }
    EXPECT_NE(Tensor::zeros({1000}, device).data(), inside);
    const MemoryPool::Scope scope(pool);
    EXPECT_EQ(Tensor::zeros({1000}, device).data(), inside);
  }
}

TEST(DeviceGraph, DoesAtEveryReplayWhatRunningTheWorkWould) {
  for (const Device device : cuda_devices()) {
    Tensor x = Tensor::full({1000}, 1.0f, device), y = Tensor::zeros({1000}, device);
    const float* const from = x.data();
    float* const to = y.mutable_data();
    cuda::Graph graph(device, [&] {
      Tensor twice = Tensor::uninitialized({1000}, device);  // its memory is the graph's
      cuda::sum(from, from, 1000, twice.mutable_data());
      cuda::sum(to, twice.data(), 1000, to);
    });
    EXPECT_EQ(graph.nodes(), 2u);
    EXPECT_EQ(y.to(Device::cpu()).host()[999], 0.0f) << "recording must not run";
    graph.launch();
    x.write_bytes(std::vector<float>(1000, 10.0f).data(), 4000);
    graph.launch();
    EXPECT_EQ(y.to(Device::cpu()).host()[999], 22.0f);
  }
}

TEST(DeviceGraph, RefusesThatTheHostReadsOrWritesWhileItIsRecorded) {
  for (const Device device : cuda_devices()) {
    Tensor x = Tensor::zeros({10}, device);
    float values[10] = {};
    EXPECT_THROW(cuda::Graph(device, [&] { x.read_bytes(values, 40); }), InternalError);
    EXPECT_THROW(cuda::Graph(device, [&] { x.write_bytes(values, 40); }), InternalError);
    EXPECT_FALSE(cuda::is_capturing());
  }
}

}  // namespace
}  // namespace vitrine::testing

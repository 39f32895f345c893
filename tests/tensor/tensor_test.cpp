#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tensor/parallel.h"
#include "tensor/scratch.h"
#include "tensor/storage.h"

namespace vitrine::testing {
namespace {

TEST(ShapeSmoke, CountsAndRefuses) {
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{2, 0}).elements(), 0);
  EXPECT_EQ((Shape{16, 3}).text(), "[16, 3]");
  EXPECT_FALSE((Shape{2, 3}) == (Shape{3, 2}));
  EXPECT_THROW((Shape{2, -1}), ShapeError);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_THROW((Shape{large, large}).elements(), ShapeError);
}

TEST(Tensor, ASharedStorageCannotBeWritten) {
  Tensor a = Tensor::full({3}, 2.0f);
  {
    const Tensor b = a;
    EXPECT_THROW(a.mutable_host(), InternalError);
    Tensor c = a.clone();
    c.mutable_host()[0] = 5;
    EXPECT_EQ(b.host()[0], 2.0f);
  }
  a.mutable_host()[0] = 7;  // sole owner again
  EXPECT_EQ(a.host()[0], 7.0f);
  EXPECT_EQ(a.reshaped({3, 1}).host()[0], 7.0f);
  EXPECT_THROW(a.reshaped({4}), ShapeError);
  EXPECT_THROW(Tensor::from({2}, std::vector<float>{1, 2, 3}), ShapeError);
  EXPECT_THROW(Tensor().host(), InternalError);
}

TEST(TensorTypes, HoldFloat64AndBytesThroughEveryWay) {
  const std::vector<double> values{1.0 / 3, -2, 1e300, 5e-324, 0.1, -0.0};
  Tensor t = Tensor::from<double>({2, 3}, values);
  EXPECT_EQ(t.dtype(), DType::f64);
  const auto same = [&](const Tensor& other) {
    EXPECT_EQ(other.dtype(), DType::f64);
    ASSERT_EQ(other.host<double>().size(), values.size());
    EXPECT_EQ(std::memcmp(other.host<double>().data(), values.data(), values.size() * sizeof(double)), 0);
  };
  same(t);
  same(t.clone());
  same(t.reshaped({6}));
  same(t.to(Device::cuda_host()).to(Device::cpu()));
  same(t.to(Device::cuda_host()).clone().to(Device::cpu()));
  std::vector<double> read(6);
  t.read_bytes(read.data(), 6 * sizeof(double));
  EXPECT_EQ(std::memcmp(read.data(), values.data(), 6 * sizeof(double)), 0);
  EXPECT_THROW(t.read_bytes(read.data(), 6 * sizeof(double) + 1), InternalError);
  t.mutable_host<double>()[1] = 7;
  EXPECT_EQ(t.data<double>()[1], 7);
  t.mutable_data<double>()[2] = 8;
  EXPECT_EQ(t.host<double>()[2], 8);
  const Tensor shared = t;
  EXPECT_THROW(t.mutable_host<double>(), InternalError);

  Tensor bytes = Tensor::uninitialized<std::uint8_t>({3});
  bytes.write_bytes("abc", 3);
  EXPECT_EQ(bytes.dtype(), DType::u8);
  EXPECT_EQ(bytes.host<std::uint8_t>()[2], 'c');
  EXPECT_THROW(bytes.write_bytes("abcd", 4), InternalError);
  EXPECT_EQ(Tensor().dtype(), DType::f32);
  EXPECT_EQ(Tensor::zeros({1}).dtype(), DType::f32);
  EXPECT_THROW(Tensor::from<double>({2}, std::vector<double>{1}), ShapeError);
  const std::int64_t large = std::int64_t{1} << 61;
  EXPECT_THROW(Tensor::uninitialized<double>({large}), ShapeError);
}

TEST(TensorTypes, AnotherTypeThanTheTensorHoldsIsRefused) {
  Tensor f32 = Tensor::zeros({2, 2}), f64 = Tensor::from<double>({1}, std::vector<double>{1});
  EXPECT_THROW(f32.host<double>(), DTypeError);
  EXPECT_THROW(f32.mutable_host<double>(), DTypeError);
  EXPECT_THROW(f32.data<std::uint8_t>(), DTypeError);
  EXPECT_THROW(f64.host(), DTypeError);
  EXPECT_THROW(f64.mutable_host(), DTypeError);
  EXPECT_THROW(f64.data(), DTypeError);
  try {
    f64.mutable_data();
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_STREQ(error.what(), "a tensor of shape [1] holds F64 and was written as F32; nothing is converted by itself");
  }
}

TEST(TensorTypes, BlocksHaveTheSizeOfTheirBytes) {
  const std::uint64_t before = storage_statistics().live_bytes;
  const Tensor singles = Tensor::uninitialized({2048});
  const std::uint64_t between = storage_statistics().live_bytes;
  const Tensor doubles = Tensor::uninitialized<double>({1024});
  EXPECT_EQ(between - before, 8192u);
  EXPECT_EQ(storage_statistics().live_bytes - between, 8192u);
}

TEST(Storage, FreedBlocksAreUsedAgain) {
  for (int round = 0; round < 2; ++round) {
    const std::uint64_t before = storage_statistics().system_allocations;
    for (int i = 0; i < 50; ++i) Tensor::full({1000}, 1.0f);
    EXPECT_LE(storage_statistics().system_allocations - before, round == 0 ? 1u : 0u);
  }
  const Tensor t = Tensor::zeros({5});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.host().data()) % 64, 0u);
}

TEST(Parallel, CoversTheRangeOnceForAnyThreadCount) {
  const int before = thread_count();
  for (const int threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    for (const std::int64_t count : {0, 1, 2, 5, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      for (const auto& n : seen) EXPECT_EQ(n, 1);
    }
  }
  set_thread_count(before);
}

// Also as the first thing that a thread asks for.
TEST(Scratch, OfNothingIsThere) {
  std::thread([] {
    EXPECT_NE(thread_scratch(0), nullptr);
    thread_scratch(1000)[999] = 1;
  }).join();
}

TEST(Parallel, NoRangeIsSmallerThanTheGrain) {
  const int before = thread_count();
  for (const int threads : {2, 3, 5}) {
    set_thread_count(threads);
    for (const std::int64_t count : {1, 7, 64, 1000}) {
      for (const std::int64_t grain : {1, 3, 40, 2000}) {
        std::atomic<std::int64_t> covered{0}, small{0};
        parallel_for(count, grain, [&](std::int64_t first, std::int64_t last) {
          covered += last - first;
          if (last - first < std::min(grain, count)) ++small;
        });
        EXPECT_EQ(covered, count);
        EXPECT_EQ(small, 0) << threads << " threads, " << count << " by " << grain;
      }
    }
  }
  set_thread_count(before);
}

TEST(Parallel, NestsAndPassesOnTheFirstException) {
  const int before = thread_count();
  set_thread_count(3);
  std::atomic<int> inner{0};
  parallel_for(6, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      parallel_for(10, 1, [&](std::int64_t a, std::int64_t b) { inner += static_cast<int>(b - a); });
  });
  EXPECT_EQ(inner, 60);
  try {
    parallel_for(3, 1, [](std::int64_t first, std::int64_t) { throw std::runtime_error(std::to_string(first)); });
    FAIL() << "the exception was lost";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "0");
  }
  set_thread_count(before);
  EXPECT_THROW(set_thread_count(0), UsageError);
  EXPECT_THROW(set_thread_count(2000), UsageError);
}

// A child has no threads of its parent's: it computes alone, and ends in the ordinary way.
TEST(ParallelFor, AForkedChildComputesAlone) {
  set_thread_count(3);
  const auto sum = [] {
    std::atomic<std::int64_t> total{0};
    parallel_for(100, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) total += i;
    });
    return total.load();
  };
  ASSERT_EQ(sum(), 4950);
  EXPECT_EXIT(
      {
        set_thread_count(2);
        std::exit(sum() == 4950 && thread_count() == 1 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
  EXPECT_EQ(sum(), 4950);
}

}  // namespace
}  // namespace vitrine::testing

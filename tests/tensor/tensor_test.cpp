#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <vector>

#include "base/error.h"
#include "tensor/parallel.h"
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

}  // namespace
}  // namespace vitrine::testing

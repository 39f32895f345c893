// One arithmetic: the weights after training are these bits, whatever the threads, the instruction set, the compiler and its options.
//
// A change of the arithmetic (an order of sums, a polynomial) changes the expected hashes below, and says so in its commit.
// scripts/check-arithmetic runs this file with gcc and clang, -O1 and -O3.
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "base/sha256.h"
#include "data/mixup.h"
#include "tensor/philox.h"
#include "tensor/storage.h"
#include "tests/everywhere.h"
#include "train/step.h"

namespace vitrine::testing {
namespace {

Batch drawn_batch(std::int64_t N, std::int64_t size, std::uint32_t step) {
  Batch batch{Tensor::uninitialized({N, size, size, 3}), Tensor::zeros({N, 2})};
  const Draw draw{.seed = 8, .purpose = Purpose::init, .op = step};
  const auto pixels = batch.images.mutable_host();
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<float>(draw.uniform(static_cast<std::uint32_t>(i), -2, 2));
  const auto targets = batch.targets.mutable_host();
  for (std::int64_t n = 0; n < N; ++n) targets[static_cast<std::size_t>(2 * n + (n + step) % 2)] = 1;
  return batch;
}

EfficientNet network(const std::string& arch) {
  const Architecture a = architecture(arch);
  EfficientNet net(a, published_semantics(Family::timm, a), 2);
  net.initialize(2);
  net.set_drop_rates(0.2, 0.2);
  return net;
}

// SHA-256 over all weights and running statistics after `steps` updates with mixup, dropout and drop connect.
std::string trained(const std::string& arch, int steps, std::int64_t N, std::int64_t size) {
  EfficientNet net = network(arch);
  Optimizer optimizer{OptimizerOptions{}};
  for (int step = 0; step < steps; ++step) {
    const auto s = static_cast<std::uint32_t>(step);
    const Batch batch = mixup(drawn_batch(N, size, s), 0.4, 1, 0, s * static_cast<std::uint32_t>(N));
    train_step(net, optimizer, batch, {.lr = 1e-3, .key = {1, 0, s * static_cast<std::uint32_t>(N)}});
  }
  std::string bytes;
  net.visit([&](const NamedTensor& t) {
    const auto values = std::as_bytes(t.value->host());
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size());
  });
  return sha256(bytes);
}

template <class Run>
void expect_everywhere(const std::string& expected, Run run) {
  everywhere({1, 2, 3, 4, 7}, [&](const std::string& where) { EXPECT_EQ(run(), expected) << where; });
}

TEST(Arithmetic, OfThreeStepsIsTheSameEverywhere) {
  expect_everywhere("4831c58433b4dba0fecefe8bc71d6d9ea3d850bdcc5efeac7e5dbf551a51ccc8", [] { return trained("b0", 3, 6, 33); });
}

TEST(Arithmetic, OfLiteIsTheSameEverywhere) {
  expect_everywhere("cf29a8f533ca0e470429cff666493349404e15086e66e4cc2b8acb2dcd568048",
                    [] { return trained("lite0", 2, 5, 40); });
}

TEST(ArithmeticLong, OfFiftyStepsIsTheSameEverywhere) {
  expect_everywhere("0e689827430ddd9eb263a46be4718326c73f80478c7fc3f3a00adc78c2ff4cbb",
                    [] { return trained("b0", 50, 16, 64); });
}

TEST(Training, AsksTheSystemForNoMemoryFromTheThirdStepOn) {
  EfficientNet net = network("b0");
  Optimizer optimizer{OptimizerOptions{}};
  const Batch batch = drawn_batch(4, 48, 0);
  const auto step = [&] { train_step(net, optimizer, batch, {.lr = 1e-3, .key = {1, 0, 0}}); };
  step();
  step();
  const std::uint64_t blocks = storage_statistics().system_allocations;
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(storage_statistics().system_allocations, blocks);
}

}  // namespace
}  // namespace vitrine::testing

// The folded network against the one it was made of; the same bits alone, in any batch, on any machine; no allocation.
#include "nn/efficientnet/inference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tensor/storage.h"
#include "tests/count_allocations.h"
#include "tests/cuda_devices.h"
#include "tests/everywhere.h"
#include "tests/layers/twins.h"
#include "weights/key_tables.h"

namespace vitrine::testing {
namespace {

// A network whose norms are not trivial.
EfficientNet network(const std::string& arch, Family family, std::int64_t classes = 7) {
  EfficientNet net(architecture(arch), published_semantics(family, architecture(arch)), classes);
  net.initialize(3);
  std::uint32_t op = 500;
  net.visit([&](const NamedTensor& t) {
    const Draw draw{.seed = 9, .purpose = Purpose::init, .op = ++op};
    const bool variance = t.name.ends_with("running_var"),
               scale = t.layout == TensorLayout::vector && t.name.ends_with("weight");
    if (t.layout != TensorLayout::vector) return;
    const auto values = t.value->mutable_host();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double z = draw.normal(static_cast<std::uint32_t>(i));
      values[i] = static_cast<float>(variance ? 0.5 + std::abs(z) : scale ? 1 + 0.2 * z : 0.2 * z);
    }
  });
  return net;
}

std::vector<Device> cuda_devices_and_cpu() {
  std::vector<Device> devices = cuda_devices();
  devices.push_back(Device::cpu());
  return devices;
}

Tensor images(std::int64_t N, std::int64_t H, std::int64_t W) {
  Tensor t = Tensor::uninitialized({N, H, W, 3});
  const Draw draw{.seed = 4, .purpose = Purpose::init, .op = 1};
  const auto values = t.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(draw.normal(static_cast<std::uint32_t>(i)));
  return t;
}

void expect_close(const Tensor& got, const Tensor& want, const std::string& what) {
  float largest = 0, worst = 0;
  for (const float v : want.host()) largest = std::max(largest, std::abs(v));
  // Folding rounds every weight once more: 2^-24 each, some 80 layers deep.
  for (std::size_t i = 0; i < got.host().size(); ++i) {
    ASSERT_NEAR(got.host()[i], want.host()[i], 3e-6f * largest) << what << " " << i;
    worst = std::max(worst, std::abs(got.host()[i] - want.host()[i]));
  }
  std::printf("%s: largest difference %.1e of the largest logit\n", what.c_str(), static_cast<double>(worst / largest));
}

void expect_same(const Tensor& got, const Tensor& want, const std::string& what) {
  for (std::size_t i = 0; i < want.host().size(); ++i) ASSERT_EQ(got.host()[i], want.host()[i]) << what << " " << i;
}

struct Case {
  const char* arch;
  Family family;
  std::int64_t N, H, W;
};

class InferenceOf : public ::testing::TestWithParam<Case> {};

TEST_P(InferenceOf, AgreesWithTheNetworkItWasMadeOf) {
  const Case& c = GetParam();
  EfficientNet net = network(c.arch, c.family);
  Inference inference(net);
  const Tensor x = images(c.N, c.H, c.W);
  expect_close(inference.run(x), net.forward(x, Pass{}).tensor(), c.arch);
}

INSTANTIATE_TEST_SUITE_P(Networks, InferenceOf,
                         ::testing::Values(Case{"b0", Family::timm, 3, 64, 64}, Case{"b0", Family::timm, 1, 97, 75},
                                           Case{"b0", Family::timm_tf, 2, 80, 33}, Case{"lite0", Family::timm, 2, 64, 64},
                                           Case{"b1", Family::efficientnet_pytorch, 2, 64, 50},
                                           Case{"b3", Family::timm, 1, 65, 64}, Case{"b0", Family::timm, 1, 224, 224}));

// Against each image alone, which goes through all blocks by itself.
void expect_bits_of_each_image(Inference& inference, std::int64_t N, std::int64_t H, std::int64_t W) {
  const std::int64_t size = H * W * 3;
  const Tensor all = images(N, H, W);
  const Tensor together = inference.run(all);
  for (std::int64_t n = 0; n < N; ++n) {
    const Tensor one =
        Tensor::from({1, H, W, 3}, all.host().subspan(static_cast<std::size_t>(n * size), static_cast<std::size_t>(size)));
    const Tensor alone = inference.run(one);
    for (std::int64_t k = 0; k < 7; ++k)
      ASSERT_EQ(alone.host()[static_cast<std::size_t>(k)], together.host()[static_cast<std::size_t>(n * 7 + k)])
          << n << " " << k;
  }
}

TEST(Inference, OfAnImageHasTheSameBitsAloneAndInAnyBatch) {
  EfficientNet net = network("b0", Family::timm);
  Inference inference(net);
  expect_bits_of_each_image(inference, 11, 64, 60);
}

std::vector<std::int64_t> groups_at(const EfficientNet& net, std::int64_t batch, std::int64_t size, int threads) {
  return inference_groups(batch, block_sizes(layers_of(net.arch, 1, size, 3, 7)), threads).images;
}

TEST(Inference, GroupsGrowAsMapsShrink) {
  const EfficientNet net = network("b0", Family::timm);
  for (const std::int64_t batch : {1, 2, 3, 7, 16, 33}) {
    for (const std::int64_t size : {32, 64, 224, 600}) {
      for (const int threads : {1, 2, 5}) {
        SCOPED_TRACE(text(batch, " of ", size, ", threads ", threads));
        const std::vector<std::int64_t> groups = groups_at(net, batch, size, threads);
        ASSERT_EQ(groups.size(), net.blocks.size());
        EXPECT_TRUE(std::ranges::is_sorted(groups));
        EXPECT_GE(groups.front(), 1);
        EXPECT_LE(groups.back(), batch >= threads ? (batch + threads - 1) / threads : batch);
      }
    }
  }
  const std::vector<std::int64_t> large = groups_at(net, 16, 224, 2);
  EXPECT_EQ(large.front(), 1);
  EXPECT_EQ(large.back(), 8);  // weights of the last blocks are read once for all images of a thread
}

// Ten images: groups of one, of some and of all, and parts that are smaller than the others.
TEST(Inference, OfAnImageHasTheSameBitsWhereGroupsAreJoined) {
  EfficientNet net = network("b0", Family::timm);
  std::vector<std::int64_t> groups = groups_at(net, 10, 160, 1);
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  ASSERT_GE(groups.size(), 3u);
  Inference inference(net);
  const int before = thread_count();
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    expect_bits_of_each_image(inference, 10, 160, 160);
  }
  set_thread_count(before);
}

TEST(Inference, HasTheSameBitsForAnyThreadsAndInstructionSet) {
  EfficientNet net = network("b0", Family::timm);
  const Tensor x = images(5, 64, 64), one = images(1, 64, 64);
  const Tensor expected = Inference(net).run(x), expected_one = Inference(net).run(one);
  Inference inference(net);
  everywhere({1, 2, 3, 4, 7}, [&](const std::string& where) {
    expect_same(inference.run(x), expected, where);
    expect_same(inference.run(one), expected_one, where + ", one image");
  });
}

TEST(Inference, AllocatesNothingFromTheSecondCallOn) {
  EfficientNet net = network("b0", Family::timm);
  Inference inference(net);
  const Tensor x = images(4, 64, 64);
  std::vector<float> logits(4 * 7);
  inference.run(x, logits);
  inference.run(x, logits);
  const std::uint64_t before = allocations(), blocks = storage_statistics().system_allocations;
  inference.run(x, logits);
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(storage_statistics().system_allocations, blocks);
}

TEST(Inference, TakesNewWeightsWithoutNewPlans) {
  for (const Device device : cuda_devices_and_cpu()) {
    EfficientNet first = network("b0", Family::timm), second = network("b0", Family::timm);
    second.initialize(8);
    const Tensor x = images(2, 40, 36), other = images(3, 40, 36);
    first.to(device);
    second.to(device);
    Inference inference(first);
    for (int run = 0; run < 3; ++run) expect_same(inference.run(x), Inference(first).run(x), device.text());
    inference.run(other);
    inference.refold(second);
    for (int run = 0; run < 3; ++run) {
      expect_same(inference.run(x), Inference(second).run(x), device.text());
      expect_same(inference.run(other), Inference(second).run(other), device.text());
    }
  }
}

TEST(Inference, RefusesTheWeightsOfAnotherNetwork) {
  for (const Device device : cuda_devices_and_cpu()) {
    EfficientNet net = network("b0", Family::timm), larger = network("b2", Family::timm);
    net.to(device);
    larger.to(device);
    Inference inference(net);
    EXPECT_THROW(inference.refold(larger), ShapeError) << device.text();
  }
}

// By our own kernels, in both tiers: a library's may depend on the batch.
TEST(Inference, OfAnImageHasTheSameBitsInAnyBatchOnACudaDevice) {
  const KernelsScope kernels(cuda::Kernels::own);
  for (const cuda::Tier tier : {cuda::Tier::portable, cuda::Tier::run_to_run}) {
    const TierScope scope(tier);
    for (const Device device : cuda_devices()) {
      EfficientNet net = network("b0", Family::timm);
      const Tensor four = images(4, 70, 64);
      net.to(device);
      Inference inference(net);
      const Tensor together = inference.run(four);
      const std::int64_t size = four.size() / 4;
      for (std::int64_t n = 0; n < 4; ++n) {
        const Tensor one = Tensor::from(
            {1, 70, 64, 3}, four.host().subspan(static_cast<std::size_t>(n * size), static_cast<std::size_t>(size)));
        const Tensor alone = inference.run(one);
        for (std::size_t k = 0; k < 7; ++k)
          ASSERT_EQ(alone.host()[k], together.host()[static_cast<std::size_t>(n) * 7 + k])
              << device.text() << " " << cuda::text_of(tier);
      }
    }
  }
}

// Swish and squeeze-excitation in b0, ReLU6 in lite0; the third run is a replay.
TEST(Inference, ByCudnnsGraphsAgreesWithOurKernels) {
  const TierScope tier(cuda::Tier::run_to_run);
  for (const char* arch : {"b0", "lite0"}) {
    for (const Device device : cuda_devices()) {
      EfficientNet net = network(arch, Family::timm);
      const Tensor x = images(3, 70, 64);
      const Tensor want = Inference(net).run(x);
      net.to(device);
      const KernelsScope kernels(cuda::Kernels::cudnn);
      Inference inference(net);
      const Tensor first = inference.run(x);
      expect_near({{arch, first}}, {{arch, want}}, device.is_gpu() ? 1e-4f : 1e-5f);
      for (int run = 0; run < 2; ++run) expect_same(inference.run(x), first, device.text());
    }
  }
}

TEST(Inference, RefusesImagesThatDoNotFit) {
  EfficientNet net = network("b0", Family::timm);
  Inference inference(net);
  EXPECT_THROW(inference.run(images(1, 31, 64)), ShapeError);
  EXPECT_THROW(inference.run(Tensor::zeros({0, 64, 64, 3})), ShapeError);
  EXPECT_THROW(inference.run(Tensor::zeros({1, 64, 64, 4})), ShapeError);
  EXPECT_THROW(inference.run(Tensor::zeros({64, 64, 3})), ShapeError);
  std::vector<float> small(3);
  EXPECT_THROW(inference.run(images(1, 64, 64), small), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing

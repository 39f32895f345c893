// fast.ai's head: its sizes, its values against PyTorch's, its way into files and out of them.
#include "nn/efficientnet/concat_head.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/onnx.h"
#include "tensor/philox.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

EfficientNet network() {
  const Architecture arch = architecture("b0");
  EfficientNet net(arch, published_semantics(Family::torchvision, arch), 2);
  net.set_head(true);
  net.initialize(3);
  return net;
}

Tensor images(std::int64_t N) {
  Tensor x = Tensor::uninitialized({N, 32, 32, 3});
  const auto values = x.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(Draw{.seed = 1}.uniform(static_cast<std::uint32_t>(i), -1, 1));
  return x;
}

// fast.ai 1 counts 1,318,402 parameters in the head of a b0 with two classes.
TEST(ConcatHead, HasFastaisNumberOfParameters) {
  EfficientNet net = network();
  std::int64_t count = 0;
  net.visit([&](const NamedTensor& t) {
    if (t.parameter != nullptr && part_of_tensor(t.name) == "classifier") count += t.value->size();
  });
  EXPECT_EQ(count, 1318402);
}

// Plain loops in float64 over the definition: concatenation, norm, linear, ReLU, norm. In evaluation and, with the batch's statistics, in
// training.
TEST(ConcatHead, IsTheConcatenationsDefinition) {
  constexpr std::size_t N = 3, P = 4, C = 5, H = ConcatHead::kHidden;
  ConcatHead head(static_cast<std::int64_t>(C));
  head.initialize(9);
  const Draw draw{.seed = 4};
  std::uint32_t at = 0;
  for (BatchNorm* norm : {&head.norm_max, &head.norm_mean, &head.norm_hidden}) {
    for (Tensor* t : {&norm->gamma.value, &norm->beta.value, &norm->running_mean, &norm->running_var}) {
      for (float& v : t->mutable_host()) v = static_cast<float>(draw.uniform(at++, 0.5, 1.5));
    }
  }
  for (float& v : head.bias.value.mutable_host()) v = static_cast<float>(draw.uniform(at++, -1, 1));
  Tensor x = Tensor::uninitialized({N, 2, 2, C});
  for (float& v : x.mutable_host()) v = static_cast<float>(draw.uniform(at++, -2, 2));
  const auto value = [](const Tensor& t, std::size_t i) { return static_cast<double>(t.host()[i]); };
  for (const bool trains : {false, true}) {
    // u[n][c] for c below C the largest values, then the means.
    std::vector<std::vector<double>> u(N, std::vector<double>(2 * C)), hidden(N, std::vector<double>(H));
    const auto normalise = [&](std::vector<std::vector<double>>& v, std::size_t column, const BatchNorm& norm, std::size_t c) {
      double mean = 0, variance = 0;
      for (std::size_t n = 0; n < N; ++n) mean += v[n][column] / N;
      for (std::size_t n = 0; n < N; ++n) variance += (v[n][column] - mean) * (v[n][column] - mean) / N;
      if (!trains) mean = value(norm.running_mean, c), variance = value(norm.running_var, c);
      for (std::size_t n = 0; n < N; ++n)
        v[n][column] =
            (v[n][column] - mean) / std::sqrt(variance + 1e-5) * value(norm.gamma.value, c) + value(norm.beta.value, c);
    };
    for (std::size_t n = 0; n < N; ++n) {
      for (std::size_t c = 0; c < C; ++c) {
        u[n][c] = -1e9;
        for (std::size_t p = 0; p < P; ++p) {
          const double v = value(x, (n * P + p) * C + c);
          u[n][c] = std::max(u[n][c], v);
          u[n][C + c] += v / P;
        }
      }
    }
    for (std::size_t c = 0; c < C; ++c) normalise(u, c, head.norm_max, c), normalise(u, C + c, head.norm_mean, c);
    for (std::size_t n = 0; n < N; ++n) {
      for (std::size_t h = 0; h < H; ++h) {
        double sum = value(head.bias.value, h);
        for (std::size_t c = 0; c < C; ++c)
          sum += u[n][c] * value(head.weight_max.value, c * H + h) + u[n][C + c] * value(head.weight_mean.value, c * H + h);
        hidden[n][h] = std::max(sum, 0.0);
      }
    }
    for (std::size_t h = 0; h < H; ++h) normalise(hidden, h, head.norm_hidden, h);
    ConcatHead copy = head;
    Tape tape;
    const Variable y = copy.forward(x, 0.0, trains ? Pass::train(tape) : Pass{});
    ASSERT_EQ(y.shape(), (Shape{N, static_cast<std::int64_t>(H)}));
    for (std::size_t n = 0; n < N; ++n) {
      for (std::size_t h = 0; h < H; ++h) EXPECT_NEAR(y.tensor().host()[n * H + h], hidden[n][h], 2e-4) << trains << " " << h;
    }
  }
}

TEST(ConcatHead, GoesThroughAFileAndIntoAPrediction) {
  EfficientNet net = network();
  const TensorFile file = to_tensor_file(net, {});
  const CheckpointFacts facts = checkpoint_facts(file, {}, "a file");
  EXPECT_TRUE(facts.architecture.concat_pool);
  EfficientNet back = load_efficientnet(file, facts, "a file");
  const Tensor x = images(3);
  const Tensor want = net.forward(x, {}).tensor();
  EXPECT_TRUE(std::ranges::equal(back.forward(x, {}).tensor().host(), want.host()));
  Inference inference(net);
  const Tensor got = inference.run(x);
  EXPECT_TRUE(std::ranges::equal(got.host(), want.host()));
  Inference second = inference.sharing_weights();
  EXPECT_TRUE(std::ranges::equal(second.run(x).host(), want.host()));
  EXPECT_EQ(inference.classes(), 2);
  // Another head on the same network, as transfer learning takes it: the file's head is left out.
  EfficientNet plain(facts.architecture, facts.semantics, 7);
  load_tensors(plain, file, Family::timm, Head::keep_mine, "a file");
  plain.set_head(false);
  plain.initialize_classifier(1);
  EXPECT_EQ(plain.forward(x, {}).shape(), (Shape{3, 7}));
}

TEST(ConcatHead, AFileWithAHeadOfTheFutureIsRefused) {
  EfficientNet net = network();
  TensorFile file = to_tensor_file(net, {});
  file.metadata["vitrine.head"] = "transformer";
  EXPECT_THROW(checkpoint_facts(file, {}, "a file"), WeightsError);
  file.metadata.erase("vitrine.head");
  EXPECT_THROW(checkpoint_facts(file, {}, "a file"), WeightsError);
}

}  // namespace
}  // namespace vitrine::testing

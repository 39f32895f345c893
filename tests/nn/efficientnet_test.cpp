#include "nn/efficientnet/efficientnet.h"

#include <gtest/gtest.h>

#include <cmath>

#include <map>
#include <set>

#include "base/error.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/first_conv.h"
#include "tensor/parallel.h"

namespace vitrine::testing {
namespace {

// Published parameter counts with 1000 classes (docs/checkpoints.md).
const std::map<std::string, std::int64_t> kParameters = {{"b0", 5288548},  {"b1", 7794184},  {"b2", 9109994},
                                                         {"b3", 12233232}, {"b4", 19341616}, {"b5", 30389784},
                                                         {"b6", 43040704}, {"b7", 66347960}};

TEST(EfficientNetSmoke, ParameterCountsMatchThePublishedOnes) {
  for (const auto& [arch, count] : kParameters)
    EXPECT_EQ(EfficientNet(architecture(arch), Semantics{}, 1000).parameter_count(), count) << arch;
}

TEST(EfficientNetSmoke, LiteHasNoSqueezeExcitation) {
  EfficientNet net(architecture("lite0"), Semantics{}, 1000);
  EXPECT_EQ(net.parameter_count(), 4652008);  // the count of TensorFlow's EfficientNet-Lite0
  for (const MBConv& block : net.blocks) EXPECT_FALSE(block.se.has_value());
}

TEST(EfficientNetSmoke, NamesAreUniqueAndTimms) {
  EfficientNet net(architecture("b0"), Semantics{}, 1000);
  std::set<std::string> names;
  net.visit([&](const NamedTensor& t) { EXPECT_TRUE(names.insert(t.name).second) << t.name; });
  EXPECT_EQ(names.size(), 360u - 49u);                        // num_batches_tracked is not kept
  EXPECT_TRUE(names.contains("blocks.0.0.conv_pw.weight"));   // the projection of a block without expansion
  EXPECT_TRUE(names.contains("blocks.1.0.conv_pwl.weight"));  // the projection of one with
}

TEST(EfficientNetSmoke, RefusesUnknownArchitecturesAndSmallImages) {
  EXPECT_THROW(architecture("b8"), UsageError);
  EfficientNet net(architecture("b0"), Semantics{}, 2);
  EXPECT_THROW(net.forward(Tensor::zeros({1, 16, 16, 3}), Pass{}), ShapeError);
  EXPECT_THROW(net.forward(Tensor::zeros({0, 64, 64, 3}), Pass{}), ShapeError);
}

TEST(EfficientNet, FilesRoundTripAndTellTheirArchitecture) {
  Semantics semantics;
  semantics.padding = PaddingRule::same;
  semantics.bn_eps = 1e-3;
  EfficientNet net(architecture("b0"), semantics, 2);
  net.initialize(3);
  const TensorFile file = to_tensor_file(net, {{"vitrine.inputs", "t1c"}});
  EfficientNet back = load_efficientnet(file, "", "auto", {}, "memory");
  EXPECT_EQ(back.semantics.padding, PaddingRule::same);
  EXPECT_EQ(back.semantics.bn_eps, 1e-3);
  std::map<std::string, std::vector<float>> values;
  net.visit([&](const NamedTensor& t) { values[t.name].assign(t.value->host().begin(), t.value->host().end()); });
  back.visit([&](const NamedTensor& t) {
    EXPECT_EQ(values.at(t.name), std::vector<float>(t.value->host().begin(), t.value->host().end())) << t.name;
  });
  EfficientNet other(architecture("b1"), semantics, 2);
  try {
    load_tensors(other, file, Family::timm, Head::as_in_file, "memory");
    FAIL() << "b0's tensors were loaded into b1";
  } catch (const WeightsError& error) {
    EXPECT_NE(std::string(error.what()).find("fits b0 best"), std::string::npos) << error.what();
  }
}

TEST(EfficientNet, InferenceOfAnImageIsTheSameAloneAndInABatch) {
  EfficientNet net(architecture("b0"), Semantics{}, 5);
  net.initialize(1);
  Tensor batch = Tensor::zeros({3, 33, 47, 3});
  const auto values = batch.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 2654435761u) % 1000) / 500.0f - 1.0f;
  const Tensor together = net.forward(batch, Pass{}).tensor();
  for (std::int64_t n = 0; n < 3; ++n) {
    const auto one = std::span<const float>(batch.host()).subspan(static_cast<std::size_t>(n * 33 * 47 * 3), 33 * 47 * 3);
    const Tensor alone = net.forward(Tensor::from({1, 33, 47, 3}, one), Pass{}).tensor();
    for (std::size_t c = 0; c < 5; ++c) EXPECT_EQ(alone.host()[c], together.host()[static_cast<std::size_t>(n) * 5 + c]);
  }
}

// What a grey image gives replicated, it gives through the adapted first convolution as well.
TEST(FirstConv, SumKeepsTheResponseToReplicatedPlanes) {
  Semantics semantics;
  semantics.mean.fill(0.5f);
  semantics.std.fill(0.25f);
  for (const std::int64_t channels : {1, 2, 5}) {
    EfficientNet rgb(architecture("b0"), semantics, 4), adapted(architecture("b0"), semantics, 4);
    rgb.initialize(7);
    adapted.initialize(7);
    adapt_channels(adapted, channels, FirstConv::sum);
    EXPECT_EQ(adapted.semantics.channels, channels);
    const auto image = [](std::int64_t channels) {
      Tensor x = Tensor::uninitialized({1, 40, 40, channels});
      for (std::int64_t i = 0; i < x.size(); ++i)
        x.mutable_host()[static_cast<std::size_t>(i)] = std::sin(static_cast<float>(i / channels));
      return x;
    };
    const Tensor a = rgb.forward(image(3), Pass{}).tensor(), b = adapted.forward(image(channels), Pass{}).tensor();
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(a.host()[i], b.host()[i], 1e-5) << channels;
  }
}

TEST(FirstConv, ExtendRepeatsColoursAndKeepsTheSum) {
  const Tensor w = Tensor::from({1, 1, 3, 1}, std::vector<float>{1, 2, 3});
  const auto values = [](const Tensor& t) { return std::vector<float>(t.host().begin(), t.host().end()); };
  EXPECT_EQ(values(adapted_first_conv(w, 3, FirstConv::extend)), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(values(adapted_first_conv(w, 6, FirstConv::extend)), (std::vector<float>{0.5f, 1, 1.5f, 0.5f, 1, 1.5f}));
  EXPECT_EQ(values(adapted_first_conv(w, 2, FirstConv::sum)), (std::vector<float>{3, 3}));
  EXPECT_THROW(adapted_first_conv(w, 0, FirstConv::sum), ShapeError);
  EXPECT_THROW(first_conv_from_name("repeat"), UsageError);
}

TEST(FirstConv, TheNumberOfChannelsTravelsWithTheFile) {
  EfficientNet net(architecture("b0"), Semantics{}, 4);
  net.initialize(7);
  adapt_channels(net, 2, FirstConv::extend);
  EfficientNet back = load_efficientnet(to_tensor_file(net, {}), "", "auto", {}, "memory");
  EXPECT_EQ(back.semantics.channels, 2);
  EXPECT_EQ(back.stem.weight.value.shape(), (Shape{3, 3, 2, 32}));
  EXPECT_FLOAT_EQ(back.semantics.mean[0], (0.485f + 0.456f + 0.406f) / 3);
  EXPECT_THROW(back.forward(Tensor::zeros({1, 40, 40, 3}), Pass{}), ShapeError);
  TensorFile timm = to_tensor_file(net, {});
  timm.metadata.clear();
  EXPECT_EQ(load_efficientnet(timm, "", "timm", {}, "memory").semantics.channels, 2);
}

// The list of names and shapes is written down apart from the network; both must say the same.
TEST(TensorList, IsWhatTheNetworkHas) {
  for (const char* name : {"b0", "b1", "b2", "lite0", "lite3"}) {
    Semantics semantics;
    semantics.channels = 5;
    EfficientNet net(architecture(name), semantics, 7);
    const std::vector<ListedTensor> list = tensor_list(Family::timm, net.arch, 7, 5);
    std::size_t i = 0;
    net.visit([&](const NamedTensor& t) {
      ASSERT_LT(i, list.size());
      EXPECT_EQ(t.name, list[i].name);
      EXPECT_EQ(to_torch_layout(*t.value, t.layout).shape(), list[i].shape) << t.name;
      EXPECT_EQ(t.name.starts_with("classifier."), list[i].classifier) << t.name;
      ++i;
    });
    EXPECT_EQ(i, list.size());
  }
}

}  // namespace
}  // namespace vitrine::testing

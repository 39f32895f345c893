#include "nn/efficientnet/efficientnet.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "nn/efficientnet/checkpoint.h"
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
  EfficientNet back = from_vitrine_file(file, "memory");
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

}  // namespace
}  // namespace vitrine::testing

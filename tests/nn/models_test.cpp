// Logits of whole networks against torchvision, timm, timm tf_ and efficientnet-pytorch, evaluated in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "audit/formula.h"
#include "tests/reference_files.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

struct ModelCase {
  const char* file;
  Family family;
  const char* arch;
};

class ModelGoldenTest : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ModelGoldenTest, LogitsAreAsCloseAsTheLibraryItself) {
  const ModelCase& c = GetParam();
  VITRINE_REFERENCE_FILE(path, std::string("models/") + c.file + ".safetensors");
  const TensorFile file = read_safetensors(path);
  const auto number = [&](const char* key) { return std::stod(file.metadata.at(key)); };
  EfficientNet net = formula_network(c.family, c.arch, 1000, static_cast<std::uint64_t>(number("seed")), number("gain"),
                                     static_cast<std::int64_t>(number("size")));
  const Tensor images = formula_images(static_cast<std::int64_t>(number("batch")), static_cast<std::int64_t>(number("size")),
                                       static_cast<std::uint64_t>(number("seed")));
  const Tensor logits = net.forward(images, Pass{}).tensor();
  const std::vector<double> expected = file.at("logits").to_double();
  ASSERT_EQ(static_cast<std::size_t>(logits.size()), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(logits.host()[i]) - expected[i]));
  RecordProperty("max_error", std::to_string(worst));
  EXPECT_LE(worst, 2 * number("float32_error")) << "ratio " << worst / number("float32_error");
  std::printf("%-32s error %.2e, the library's own in float32 %.2e\n", c.file, worst, number("float32_error"));
}

INSTANTIATE_TEST_SUITE_P(
    Models, ModelGoldenTest,
    ::testing::Values(ModelCase{"torchvision-b0-64", Family::torchvision, "b0"},
                      ModelCase{"torchvision-b0-224", Family::torchvision, "b0"},
                      ModelCase{"torchvision-b1-64", Family::torchvision, "b1"}, ModelCase{"timm-b0-64", Family::timm, "b0"},
                      ModelCase{"timm-b0-224", Family::timm, "b0"}, ModelCase{"timm-b2-96", Family::timm, "b2"},
                      ModelCase{"timm_tf-b0-64", Family::timm_tf, "b0"}, ModelCase{"timm_tf-b0-224", Family::timm_tf, "b0"},
                      ModelCase{"timm_tf-b3-65", Family::timm_tf, "b3"},
                      ModelCase{"timm_tf-lite0-224", Family::timm_tf, "lite0"},
                      ModelCase{"efficientnet_pytorch-b0-64", Family::efficientnet_pytorch, "b0"},
                      ModelCase{"efficientnet_pytorch-b0-224", Family::efficientnet_pytorch, "b0"},
                      ModelCase{"efficientnet_pytorch-b4-64", Family::efficientnet_pytorch, "b4"}),
    [](const auto& info) {
      std::string name = info.param.file;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace vitrine::testing

// Logits of whole networks against torchvision, timm, timm tf_ and efficientnet-pytorch, evaluated in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "audit/parity.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

struct ModelCase {
  const char* file;
};

class ModelGoldenTest : public ::testing::TestWithParam<ModelCase> {};

TEST_P(ModelGoldenTest, LogitsAreAsCloseAsTheLibraryItself) {
  const ModelCase& c = GetParam();
  VITRINE_REFERENCE_FILE(path, std::string("models/") + c.file + ".safetensors");
  for (const bool folded : {false, true}) {
    const ParityRow row = model_parity(path, folded);
    std::printf("%-32s %-7s error %.2e, the library's own in float32 %.2e\n", c.file, folded ? "folded" : "op by op", row.error,
                *row.peer);
    EXPECT_TRUE(row.within()) << "folded " << folded << ", ratio " << row.ratio();
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ModelGoldenTest,
                         ::testing::Values(ModelCase{"torchvision-b0-64"}, ModelCase{"torchvision-b0-224"},
                                           ModelCase{"torchvision-b1-64"}, ModelCase{"timm-b0-64"}, ModelCase{"timm-b0-224"},
                                           ModelCase{"timm-b2-96"}, ModelCase{"timm_tf-b0-64"}, ModelCase{"timm_tf-b0-224"},
                                           ModelCase{"timm_tf-b3-65"}, ModelCase{"timm_tf-lite0-224"},
                                           ModelCase{"efficientnet_pytorch-b0-64"}, ModelCase{"efficientnet_pytorch-b0-224"},
                                           ModelCase{"efficientnet_pytorch-b4-64"}),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace vitrine::testing

// `vitrine weights` and `vitrine export` as a user meets them.
#include <gtest/gtest.h>

#include <limits>

#include "base/file.h"
#include "nn/efficientnet/checkpoint.h"
#include "tests/cli/program.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

class WeightsProgram : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    Semantics semantics;
    semantics.padding = PaddingRule::same_static;
    semantics.static_size = 240;
    semantics.interpolation = Interpolation::bilinear;
    net.set_semantics(semantics);
    net.initialize(3);
    write_safetensors(folder / "own.safetensors", to_tensor_file(net, {}));
  }
  std::string ok(const std::string& arguments) {
    const Outcome outcome = vitrine_program(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments << "\n" << outcome.output;
    return outcome.output;
  }
  static bool has(const std::string& s, const std::string& part) { return s.find(part) != std::string::npos; }
  EfficientNet net{architecture("lite0"), Semantics{}, 3};
};

TEST_F(WeightsProgram, SemanticsTravelWithTheFile) {
  const EfficientNet back = from_vitrine_file(read_safetensors(folder / "own.safetensors"), "own");
  EXPECT_EQ(padding_text(back.semantics), "same-static:240");
  EXPECT_EQ(back.semantics.interpolation, Interpolation::bilinear);
  EXPECT_EQ(back.blocks[0].depthwise.static_size, 120);
  EXPECT_EQ(back.blocks[1].depthwise.static_size, 120);
  EXPECT_EQ(back.blocks.back().depthwise.static_size, 8);  // 240 / 2, 60, 30, 15, 8
  EXPECT_EQ(back.head.static_size, 8);
}

TEST_F(WeightsProgram, InfoNamesWhatTheFileIs) {
  const std::string info = ok("weights info " + path("own.safetensors"));
  for (const char* part :
       {"container  safetensors", "fits       lite0, 3 classes", "vitrine.padding = same-static:240", "conv_stem.weight"})
    EXPECT_TRUE(has(info, part)) << part << "\n" << info;
  EXPECT_TRUE(has(ok("weights info --json " + path("own.safetensors")), "\"arch\": \"lite0\""));
}

TEST_F(WeightsProgram, ConversionThereAndBackKeepsEveryBit) {
  for (const char* family : {"torchvision", "timm", "timm-tf", "efficientnet-pytorch"}) {
    ok("weights convert " + path("own.safetensors") + " --to " + family + " -o " + path("there.safetensors"));
    EXPECT_TRUE(has(ok("weights diff " + path("own.safetensors") + " " + path("there.safetensors")), "no difference"))
        << family;
    ok("weights convert " + path("there.safetensors") + " --from " + family +
       " --padding same-static:240 --interpolation bilinear -o " + path("back.safetensors"));
    const TensorFile a = read_safetensors(folder / "own.safetensors"), b = read_safetensors(folder / "back.safetensors");
    ASSERT_EQ(a.tensors.size(), b.tensors.size());
    EXPECT_EQ(b.metadata.at("vitrine.padding"), "same-static:240");
    for (std::size_t i = 0; i < a.tensors.size(); ++i) EXPECT_EQ(a.tensors[i].bytes(), b.tensors[i].bytes());
  }
  expect_refusal("weights convert " + path("own.safetensors") + " --to keras -o " + path("x.safetensors"), 2,
                 {"keras", "timm-tf"});
  expect_refusal("weights convert " + path("own.safetensors") + " --padding valid -o " + path("x.safetensors"), 2,
                 {"valid", "same-static"});
}

TEST_F(WeightsProgram, DifferencesAreListedAndEndWithExitCodeOne) {
  EfficientNet other = from_vitrine_file(read_safetensors(folder / "own.safetensors"), "own");
  Tensor changed = other.classifier_bias.value.clone();
  changed.mutable_host()[1] += 0.25f;
  other.classifier_bias.value = changed;
  write_safetensors(folder / "other.safetensors", to_tensor_file(other, {}));
  const Outcome outcome = vitrine_program("weights diff " + path("own.safetensors") + " " + path("other.safetensors"));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_TRUE(has(outcome.output, "classifier.bias")) << outcome.output;
  EXPECT_TRUE(has(outcome.output, "largest difference 0.25")) << outcome.output;
  ok("weights diff --tolerance 0.5 " + path("own.safetensors") + " " + path("other.safetensors"));
}

TEST_F(WeightsProgram, VerifyChecksDigestArchitectureAndValues) {
  EXPECT_TRUE(has(ok("weights verify " + path("own.safetensors")), "values        ok"));
  EXPECT_EQ(vitrine_program("weights verify --sha256 00000000 " + path("own.safetensors")).code, 4);
  EXPECT_EQ(vitrine_program("weights verify --arch b0 " + path("own.safetensors")).code, 4);
  EXPECT_EQ(vitrine_program("weights verify --sha256 xyz " + path("own.safetensors")).code, 2);
  std::filesystem::copy_file(folder / "own.safetensors", folder / "own-0123abcd.safetensors");
  EXPECT_EQ(vitrine_program("weights verify " + path("own-0123abcd.safetensors")).code, 4);
  net.classifier_bias.value = Tensor::full({3}, std::numeric_limits<float>::quiet_NaN());
  write_safetensors(folder / "nan.safetensors", to_tensor_file(net, {}));
  const Outcome outcome = vitrine_program("weights verify " + path("nan.safetensors"));
  EXPECT_EQ(outcome.code, 4);
  EXPECT_TRUE(has(outcome.output, "'classifier.bias' holds 3 NaN or infinite values of 3")) << outcome.output;
  EXPECT_TRUE(has(ok("export --weights " + path("nan.safetensors") + " -o " + path("copy.safetensors")),
                  "holds 3 NaN or infinite values, the first in 'classifier.bias'"));
}

TEST_F(WeightsProgram, TenDifferencesAndTheBestArchitectureAreNamed) {
  TensorFile file = to_tensor_file(net, {});
  file.metadata.clear();
  file.tensors.erase(file.tensors.begin() + 2);
  write_safetensors(folder / "hole.safetensors", file);
  expect_refusal("predict --from timm --weights " + path("hole.safetensors") + " --images x.png", 4,
                 {"1 tensor does not fit lite0", "'bn1.bias' [32] is missing"});
  expect_refusal("predict --from timm --arch b4 --weights " + path("hole.safetensors") + " --images x.png", 4,
                 {"tensors do not fit b4", "more; the file fits lite0 best, pass --arch lite0"});
  EfficientNet b1(architecture("b1"), Semantics{}, 2);
  TensorFile deeper = to_tensor_file(b1, {});
  deeper.metadata.clear();
  write_safetensors(folder / "b1.safetensors", deeper);
  expect_refusal("predict --from timm --arch b0 --weights " + path("b1.safetensors") + " --images x.png", 4,
                 {"is not expected", "fits b1 best"});
}

TEST_F(WeightsProgram, OnnxHoldsTheWholeGraph) {
  ok("export --weights " + path("own.safetensors") + " --format onnx -o " + path("net.onnx"));
  const std::string folded = read_file(folder / "net.onnx", 1u << 30);
  EXPECT_FALSE(has(folded, "BatchNormalization"));
  for (const char* part : {"images", "logits", "Conv", "Clip", "Gemm", "blocks.6.0.conv_pwl.bias", "same-static:240"})
    EXPECT_TRUE(has(folded, part)) << part;
  ok("export --unfolded --weights " + path("own.safetensors") + " --format onnx -o " + path("net.onnx"));
  EXPECT_TRUE(has(read_file(folder / "net.onnx", 1u << 30), "BatchNormalization"));
  expect_refusal("export --weights " + path("own.safetensors") + " --format tflite -o " + path("x"), 2, {"tflite", "onnx"});
  expect_refusal("export --weights " + path("own.safetensors") + " --format onnx -o " + path("none/x.onnx"), 1,
                 {"none/x.onnx"});
}

}  // namespace
}  // namespace vitrine::testing

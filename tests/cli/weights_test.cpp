// `vitrine weights` and `vitrine export` as a user meets them.
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
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
  const EfficientNet back = load_efficientnet(read_safetensors(folder / "own.safetensors"), "", "auto", {}, "own");
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

// The network as a training script wraps it: `value` is added to the classifier's bias, which tells one set of weights from another.
std::vector<StoredTensor> wrapped(EfficientNet net, const std::string& prefix, float value = 0) {
  net.classifier_bias.value = Tensor::full({3}, value);
  std::vector<StoredTensor> out = to_tensor_file(net, {}).tensors;
  for (StoredTensor& t : out) t.name = prefix + t.name;
  return out;
}
TensorFile joined(const std::vector<std::vector<StoredTensor>>& parts) {
  TensorFile file;
  for (const auto& part : parts) file.tensors.insert(file.tensors.end(), part.begin(), part.end());
  return file;
}

class WrappedProgram : public WeightsProgram {
 protected:
  void SetUp() override {
    WeightsProgram::SetUp();
    write_safetensors(folder / "plain.safetensors", joined({wrapped(net, "")}));
    write_safetensors(folder / "wrapped.safetensors", joined({wrapped(net, "module._orig_mod.model."),
                                                              {StoredTensor::from("criterion.weight", Tensor::full({3}, 1.0f)),
                                                               StoredTensor::from("epoch", Tensor::full({1}, 1.0f))}}));
    write_safetensors(folder / "pair.safetensors", joined({wrapped(net, "model."), wrapped(net, "model_ema.module.", 1)}));
    write_safetensors(folder / "two.safetensors", joined({wrapped(net, "first."), wrapped(net, "second.", 1)}));
    write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({1, 3, 64, 64}, 0.5f))}, {}});
  }
  // Logits, and in `notes` what was said.
  std::vector<double> logits(const std::string& arguments, std::string& notes) {
    notes = ok("predict --from timm --weights " + arguments + " --tensor " + path("in.safetensors") + " -o " +
               path("out.safetensors"));
    return read_safetensors(folder / "out.safetensors").at("logits").to_double();
  }
};

TEST_F(WrappedProgram, PrefixesAreDroppedAndSaid) {
  std::string notes;
  const std::vector<double> plain = logits(path("plain.safetensors"), notes);
  EXPECT_FALSE(has(notes, "note"));
  EXPECT_EQ(logits(path("wrapped.safetensors"), notes), plain);
  EXPECT_TRUE(has(notes,
                  "wrapped.safetensors: the prefix 'module._orig_mod.model.' was dropped; 2 tensors were left out: "
                  "criterion.weight, epoch\n"))
      << notes;
  EXPECT_TRUE(has(ok("weights info " + path("wrapped.safetensors")), "stripped = module._orig_mod.model."));
  EXPECT_TRUE(has(ok("weights diff " + path("plain.safetensors") + " " + path("wrapped.safetensors")), "no difference"));
  EXPECT_TRUE(has(ok("weights verify " + path("wrapped.safetensors")), "architecture  ok: lite0"));
}

TEST_F(WrappedProgram, OfTwoSetsOneIsReadAndSaid) {
  std::string notes;
  const std::vector<double> plain = logits(path("plain.safetensors"), notes);
  EXPECT_EQ(logits(path("pair.safetensors"), notes), plain);
  EXPECT_TRUE(has(notes, "'model.' was read, not the averaged weights 'model_ema.module.', which --ema takes")) << notes;
  const std::vector<double> average = logits(path("pair.safetensors") + " --ema", notes);
  EXPECT_NE(average, plain);
  EXPECT_TRUE(has(notes, "the averaged weights 'model_ema.module.' were read, not 'model.'")) << notes;
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(average[c], plain[c] + 1, 1e-5);
  expect_refusal("predict --from timm --weights " + path("two.safetensors") + " --images x.png", 4,
                 {"two networks, 'first.' and 'second.'", "save the one you want alone"});
}

TEST_F(WrappedProgram, EveryCommandTakesTheAverageOrRefuses) {
  const std::string pair = path("pair.safetensors"), out = " --from timm -o " + path("one.safetensors");
  for (const std::string& command : {"weights convert " + pair + out, "export --weights " + pair + out}) {
    ok(command + " --ema");
    EXPECT_EQ(read_safetensors(folder / "one.safetensors").at("classifier.bias").to_double(), (std::vector<double>{1, 1, 1}));
    ok(command);
    EXPECT_EQ(read_safetensors(folder / "one.safetensors").at("classifier.bias").to_double(), (std::vector<double>{0, 0, 0}));
  }
  EXPECT_TRUE(has(ok("weights info --ema " + pair), "stripped = model_ema.module."));
  EXPECT_TRUE(has(ok("weights verify --ema " + pair), "were read"));
  EXPECT_TRUE(has(ok("weights diff --ema " + pair + " " + pair), "no difference"));
  for (const char* name : {"plain.safetensors", "wrapped.safetensors", "own.safetensors"}) {
    for (const std::string& command :
         {"predict --from timm --images x.png --weights " + path(name), "export -o " + path("x") + " --weights " + path(name),
          "weights convert -o " + path("x") + " " + path(name), "weights info " + path(name), "weights verify " + path(name),
          "weights diff " + path(name) + " " + path(name)})
      expect_refusal(command + " --ema", 4, {path(name), "--ema asks for averaged weights"});
  }
}

TEST_F(WrappedProgram, TrainingStartsFromTheAverageAndKeepsIt) {
  std::string manifest = "sample_id,subject_id,lesion_id,slice,label,file,preview,side_mm,sha256\n";
  for (int i = 0; i < 12; ++i) {
    const std::string id = "S" + std::to_string(i), file = id + ".safetensors";
    TensorFile crop{{StoredTensor::from("image", Tensor::full({32, 32, 3}, 0.01f * static_cast<float>(i)))}, {}};
    crop.metadata = {{"channels", "t1c,flair,t2"}, {"subject_id", id}};
    write_safetensors(folder / file, crop);
    manifest +=
        text(id, ',', id, ",1,0,", i % 2 == 0 ? "A" : "B", ',', file, ",,20,", sha256_of_file(folder / file, 1u << 20), '\n');
  }
  write_file(folder / "manifest.csv", manifest);
  ok("split " + path("manifest.csv") + " -o " + path("splits.json") + " --folds 2");
  const auto train = [&](const std::string& more) {
    return "train " + path("manifest.csv") + " --splits " + path("splits.json") + " --arch lite0 --from timm --epochs 1 -q " +
           more;
  };
  const std::string said = ok(train("--weights " + path("pair.safetensors") + " --ema -o " + path("averaged")));
  EXPECT_TRUE(has(said, "the averaged weights 'model_ema.module.' were read")) << said;
  EXPECT_TRUE(has(read_file(folder / "averaged/config.json", 1u << 20), "\"ema\": \"yes\""));
  ok(train("--weights " + path("pair.safetensors") + " -o " + path("plain")));
  EXPECT_FALSE(has(read_file(folder / "plain/config.json", 1u << 20), "\"ema\""));
  // Another run: a folder of the one is not that of the other.
  EXPECT_EQ(vitrine_program(train("--weights " + path("pair.safetensors") + " --ema -o " + path("plain"))).code, 2);
  expect_refusal(train("--weights " + path("plain.safetensors") + " --ema -o " + path("none")), 4,
                 {"--ema asks for averaged weights"});
  expect_refusal(train("--ema -o " + path("none")), 2, {"--ema", "--weights"});
  // Of a file of Vitrine's own that was damaged, the classifier too, which training replaces.
  write_sealed_safetensors(folder / "sealed.safetensors", to_tensor_file(net, {}));
  const std::string whole = read_file(folder / "sealed.safetensors", 1u << 30);
  for (const auto& [back, name] : std::vector<std::pair<std::size_t, std::string>>{{1, "classifier.bias"}, {20'000, "bn2"}}) {
    std::string damaged = whole;
    damaged[damaged.size() - back] = static_cast<char>(damaged[damaged.size() - back] ^ 1);
    write_file(folder / "damaged.safetensors", damaged);
    expect_refusal(train("--weights " + path("damaged.safetensors") + " -o " + path("none")), 4,
                   {"the tensor '" + name, "was changed or damaged"});
  }
}

// A file of Vitrine's own is as it was written, or every command says which part is not.
TEST_F(WeightsProgram, DamageToAFileOfItsOwnIsNamed) {
  write_sealed_safetensors(folder / "sealed.safetensors", to_tensor_file(net, {}));
  write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({1, 3, 64, 64}, 0.5f))}, {}});
  EXPECT_TRUE(has(ok("weights verify " + path("sealed.safetensors")), "checksums     ok: header and 247 tensors"));
  EXPECT_TRUE(has(ok("weights verify " + path("own.safetensors")), "checksums     none: an older version wrote it"));
  const std::string whole = read_file(folder / "sealed.safetensors", 1u << 30);
  const auto flipped = [&](std::size_t at, int bit) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
    write_file(folder / "damaged.safetensors", damaged);
    const std::string file = path("damaged.safetensors");
    return std::vector<std::string>{
        "weights verify " + file,
        "weights info " + file,
        "export --weights " + file + " -o " + path("x.safetensors"),
        "weights convert " + file + " -o " + path("x.safetensors"),
        "weights diff " + file + " " + path("sealed.safetensors"),
        "predict --weights " + file + " --tensor " + path("in.safetensors") + " -o " + path("out.safetensors")};
  };
  const auto expect_named = [&](const std::vector<std::string>& commands, const std::string& what) {
    for (const std::string& command : commands) {
      const Outcome outcome = vitrine_program(command);
      EXPECT_EQ(outcome.code, 4) << command << "\n" << outcome.output;
      EXPECT_TRUE(has(outcome.output, what)) << outcome.output;
    }
  };
  expect_named(flipped(whole.size() - 1, 6), "the tensor 'classifier.bias' was changed or damaged");
  expect_named(flipped(whole.size() - 12 - 3 * 1280 * 4 / 2, 0), "the tensor 'classifier.weight' was changed or damaged");
  expect_named(flipped(whole.find("blocks.3.1.bn2.weight") + 3, 0), "its header was changed or damaged");
  expect_named(flipped(whole.find("same-static:240") + 12, 0), "its header was changed or damaged");
  expect_named(flipped(whole.find("vitrine.checksums") + 9, 2), "its header was changed or damaged");
  EXPECT_FALSE(fs::exists(folder / "x.safetensors"));
}

TEST_F(WeightsProgram, VerifyFindsNegativeVariancesOfEveryFamily) {
  for (const char* family : {"timm", "torchvision", "efficientnet-pytorch"}) {
    ok("weights convert " + path("own.safetensors") + " --to " + family + " -o " + path("there.safetensors"));
    TensorFile file = read_safetensors(folder / "there.safetensors");
    for (StoredTensor& t : file.tensors) {
      if (t.name.ends_with("running_var")) {
        t = StoredTensor::from(t.name, Tensor::full(t.shape, -0.5f));
        break;
      }
    }
    write_safetensors(folder / "negative.safetensors", file);
    const Outcome outcome = vitrine_program("weights verify " + path("negative.safetensors"));
    EXPECT_EQ(outcome.code, 4);
    EXPECT_TRUE(has(outcome.output, "holds the variance -0.5")) << outcome.output;
  }
}

TEST_F(WeightsProgram, LongListsOfDifferencesLeaveRoomForTheAdvice) {
  TensorFile file = to_tensor_file(net, {});
  file.metadata.clear();
  for (int i = 0; i < 300; ++i)
    file.tensors.push_back(
        StoredTensor::from(std::string(500, 'n') + std::to_string(i), Tensor::full({1, 1, 1, 1, 1, 1, 1, 1}, 0.0f)));
  write_safetensors(folder / "long.safetensors", file);
  for (const char* arch : {"b0", "b7", "lite4"}) {
    const Outcome outcome = vitrine_program("predict --from timm --arch " + std::string(arch) + " --weights " +
                                            path("long.safetensors") + " --images x.png");
    EXPECT_EQ(outcome.code, 4);
    EXPECT_LE(outcome.output.size(), 300u);
    EXPECT_TRUE(outcome.output.ends_with("more; the file fits lite0 best, pass --arch lite0\n")) << outcome.output;
    EXPECT_FALSE(has(outcome.output, " ... ")) << outcome.output;
  }
}

TEST_F(WeightsProgram, DifferencesAreListedAndEndWithExitCodeOne) {
  EfficientNet other = load_efficientnet(read_safetensors(folder / "own.safetensors"), "", "auto", {}, "own");
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

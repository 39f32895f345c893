// The program as a user meets it: exit codes, one sentence per refusal, nothing half-written.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/inference.h"
#include "tests/cli/program.h"
#include "tests/reference_files.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

using ProgramSmoke = Program;

TEST_F(ProgramSmoke, EveryHelpHasAnExample) {
  for (const char* command :
       {"",         "predict",       "simulate", "mri info", "mri convert", "mri prep",   "mri coregister", "mri brain",
        "mri bias", "mri normalise", "mri crop", "mri qc",   "data scan",   "data check", "split",          "train",
        "cv",       "study",         "demo",     "report",   "doctor"}) {
    const Outcome outcome = vitrine_program(std::string(command) + " --help");
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_NE(outcome.output.find("Example: vitrine"), std::string::npos) << command << "\n" << outcome.output;
  }
}

TEST_F(ProgramSmoke, UsageErrorsExitWithTwo) {
  expect_refusal("", 2, {"subcommand"});
  expect_refusal("frobnicate", 2, {});
  expect_refusal("split", 2, {"manifest"});
  expect_refusal("predict --weights x.pth --tops 3", 2, {"--tops"});
  expect_refusal("--threads 0 doctor", 2, {"--threads"});
  expect_refusal("predict --weights x.pth", 2, {"--images or --tensor"});
}

TEST_F(ProgramSmoke, NumbersAreDecimal) {
  for (const char* number : {"010", "08", "0x2", "00", "-010"})
    expect_refusal(std::string("simulate -o none --patients ") + number, 2, {"begins with a zero"});
  expect_refusal("simulate -o none --patients 2 --seed 010", 2, {"begins with a zero"});
}

TEST_F(ProgramSmoke, EnvironmentMistakesAreNamed) {
  const std::string program = VITRINE_PROGRAM;
  const auto with = [&](const std::string& setting) {
    std::FILE* pipe = ::popen((setting + " " + program + " doctor 2>&1").c_str(), "r");
    std::string output;
    char buffer[1024];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) output.append(buffer, n);
    EXPECT_EQ(WEXITSTATUS(::pclose(pipe)), 2) << setting;
    return output;
  };
  EXPECT_NE(with("VITRINE_SIMD=sse9").find("sse9"), std::string::npos);
  EXPECT_NE(with("VITRINE_THREADS=none").find("none"), std::string::npos);
}

TEST_F(ProgramSmoke, DoctorTellsWhatThereIs) {
  const Outcome outcome = vitrine_program("doctor");
  EXPECT_EQ(outcome.code, 0);
  for (const char* line : {"imaging (ITK)", "CUDA", "instruction sets", "threads"}) {
    EXPECT_NE(outcome.output.find(line), std::string::npos) << line;
  }
}

TEST_F(Program, MissingAndForeignFilesAreRefused) {
  expect_refusal("split " + path("none.csv") + " -o " + path("s.json"), 3, {"none.csv"});
  write_file(folder / "bad.csv", "sample_id,label\na,NSCLC\n");
  expect_refusal("split " + path("bad.csv") + " -o " + path("s.json"), 3, {"bad.csv", "subject_id"});
  EXPECT_FALSE(fs::exists(folder / "s.json"));
  expect_refusal("predict --weights " + path("none.pth") + " --arch b0 --images x.png", 4, {"none.pth"});
  write_file(folder / "text.pth", "this is not a checkpoint at all, but it is long enough\n");
  expect_refusal("predict --weights " + path("text.pth") + " --arch b0 --images x.png", 4, {"text.pth"});
  expect_refusal("report " + path("nowhere") + " -o " + path("r.html"), 3, {"nowhere"});
}

TEST_F(Program, CheckpointsOfAnotherArchitectureAndTruncatedOnesAreRefused) {
  EfficientNet net(architecture("b0"), Semantics{}, 2);
  net.initialize(1);
  write_safetensors(folder / "b0.safetensors", to_tensor_file(net, {}));
  expect_refusal("predict --weights " + path("b0.safetensors") + " --arch b1 --images x.png", 4, {"b0", "b1"});
  TensorFile timm = to_tensor_file(net, {});
  timm.metadata.clear();
  write_safetensors(folder / "timm.safetensors", timm);
  expect_refusal("predict --weights " + path("timm.safetensors") + " --arch b0 --images x.png", 4, {"--from timm"});
  expect_refusal("predict --weights " + path("timm.safetensors") + " --arch b2 --from timm --images x.png", 4, {"--arch b0"});
  const std::string whole = read_file(folder / "b0.safetensors", 1u << 28);
  write_file(folder / "cut.safetensors", std::string_view(whole).substr(0, whole.size() / 2));
  expect_refusal("predict --weights " + path("cut.safetensors") + " --images x.png", 4, {"cut.safetensors"});
}

TEST_F(Program, TensorInTensorOut) {
  EfficientNet net(architecture("b0"), Semantics{}, 3);
  net.initialize(1);
  write_safetensors(folder / "b0.safetensors", to_tensor_file(net, {}));
  write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({2, 3, 40, 36}, 0.5f))}, {}});
  const Outcome outcome = vitrine_program("predict --weights " + path("b0.safetensors") + " --tensor " +
                                          path("in.safetensors") + " -o " + path("out.safetensors"));
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  const Tensor logits = read_safetensors(folder / "out.safetensors").at("logits").to_float();
  EXPECT_EQ(logits.shape(), (Shape{2, 3}));
  const Tensor direct = Inference(net).run(Tensor::full({2, 40, 36, 3}, 0.5f));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(logits.host()[i], direct.host()[i]);
  write_safetensors(folder / "flat.safetensors", {{StoredTensor::from("input", Tensor::zeros({3, 40}))}, {}});
  expect_refusal(
      "predict --weights " + path("b0.safetensors") + " --tensor " + path("flat.safetensors") + " -o " + path("o.safetensors"),
      3, {"[3, 40]", "[N, 3, H, W]"});
}

TEST_F(Program, DevicesThatCannotBeUsedAreRefused) {
  EfficientNet net(architecture("b0"), Semantics{}, 3);
  net.initialize(1);
  write_safetensors(folder / "b0.safetensors", to_tensor_file(net, {}));
  write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({2, 3, 40, 36}, 0.5f))}, {}});
  const std::string predict = "predict --weights " + path("b0.safetensors") + " --tensor " + path("in.safetensors") + " -o ";
  expect_refusal(predict + path("o.safetensors") + " --device gpu", 2, {"--device", "'gpu'", "cuda-host"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda:4096", 1, {"cuda:4096"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda-host --tier quick", 2, {"--tier", "'quick'"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda-host --kernels quick", 2, {"--kernels", "'quick'", "cudnn"});
  expect_refusal(predict + path("o.safetensors") + " --kernels cudnn", 2, {"--kernels cudnn", "CUDA device", "cpu"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda-host --kernels cublaslt", 2, {"cublaslt", "needs a GPU"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda-host --tier portable --kernels cudnn", 2, {"run-to-run"});
  expect_refusal(predict + path("o.safetensors") + " --tier portable --precision bf16", 2, {"--precision bf16"});
  expect_refusal(predict + path("o.safetensors") + " --device cuda-host --precision tf32", 2, {"--precision tf32", "GPU"});
  expect_refusal("bench train --device cuda-host --kernels cudnn --precision bf16", 2,
                 {"--precision bf16", "GPU", "fastest or own"});
  expect_refusal("bench train --precision bf16", 2, {"--precision bf16", "cpu computes in float32"});
  EXPECT_FALSE(fs::exists(folder / "o.safetensors"));
  ASSERT_EQ(vitrine_program(predict + path("cpu.safetensors")).code, 0);
  ASSERT_EQ(vitrine_program(predict + path("there.safetensors") + " --device cuda-host --tier portable").code, 0);
  EXPECT_EQ(read_file(folder / "there.safetensors", 1u << 20), read_file(folder / "cpu.safetensors", 1u << 20));
}

TEST_F(Program, BenchExperimentComparesItsStepsWithBenchTrain) {
  const Outcome outcome = vitrine_program(
      "bench experiment --arch lite0 --epochs 1 --patients 17 --threads 2 --json --folder " + path("experiment"));
  ASSERT_EQ(outcome.code, 0) << outcome.output;
  const Json j = Json::parse(outcome.output);
  EXPECT_EQ(j.at("trainings"), 20);
  EXPECT_EQ(j.at("slices"), 73);
  for (const char* key :
       {"steps_seconds", "evaluation_seconds", "keeping_seconds", "steps_images_per_s", "bench_train_images_per_s"})
    EXPECT_GT(j.at(key).get<double>(), 0) << key;
  EXPECT_LT(j.at("steps_seconds").get<double>() + j.at("evaluation_seconds").get<double>(), j.at("seconds").get<double>());
  EXPECT_DOUBLE_EQ(j.at("share_of_bench_train").get<double>(),
                   j.at("steps_images_per_s").get<double>() / j.at("bench_train_images_per_s").get<double>());
  EXPECT_FALSE(fs::exists(folder / "experiment"));
}

TEST_F(Program, BenchPrintsItsKeysAndRefusesSizesThatMakeNoSense) {
  for (const std::string kind : {"infer", "train"}) {
    const Outcome outcome =
        vitrine_program("bench " + kind + " --arch lite0 --batch 2 --size 33 --threads 2 --seconds 0 --json");
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    const Json j = Json::parse(outcome.output);
    for (const char* key : {"median_ms", "min_ms", "images_per_s", "share_of_peak", "peak_rss_mib"})
      EXPECT_GT(j.at(key).get<double>(), 0) << key;
    EXPECT_LE(j.at("min_ms").get<double>(), j.at("median_ms").get<double>());
    EXPECT_LT(j.at("share_of_peak").get<double>(), 1);
  }
  expect_refusal("bench experiment --patients 16", 2, {"--patients", "17"});
  expect_refusal("bench experiment --epochs 0", 2, {"epochs", "0"});
  expect_refusal("bench experiment --folder .", 2, {"exists already"});
  if (has_itk()) {
    expect_refusal("bench imaging --keep", 2, {"-o"});
    expect_refusal("bench imaging --cases 0", 2, {"--cases", "0"});
    expect_refusal("simulate -o none --t1c flash", 2, {"--t1c", "flash", "spgr"});
    expect_refusal("simulate -o none --faults nam", 2, {"nam", "is it nan?"});
    expect_refusal("simulate -o none --slice 6:3", 2, {"--slice", "6:3"});
  }
  expect_refusal("bench infer --size 31", 2, {"--size", "31", "32"});
  expect_refusal("bench infer --batch 0", 2, {"--batch", "0"});
  expect_refusal("bench infer --arch b9", 2, {"b9"});
  expect_refusal("bench infer --threads 1025", 2, {"--threads", "1025"});
  expect_refusal("bench train --batch 1 --size 32 --seconds 0", 1, {"one value", "larger batch"});
}

// One line for each case, then what they add up to.
TEST_F(Program, BenchKernelsPrintsPredictionsAndTotals) {
  for (const std::string environment : {"", "VITRINE_SIMD=scalar"}) {
    const Outcome outcome =
        vitrine_program("bench kernels --arch lite0 --batch 2 --size 32 --threads 2 --seconds 0 --json --by-loss", environment);
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    std::vector<Json> lines;
    for (std::size_t at = 0; at < outcome.output.size(); at = outcome.output.find('\n', at) + 1)
      lines.push_back(Json::parse(outcome.output.substr(at, outcome.output.find('\n', at) - at)));
    ASSERT_GT(lines.size(), 10u);
    std::map<std::string, double> predicted, least;
    for (std::size_t i = 0; i + 2 < lines.size(); ++i) {
      const Json& j = lines[i];
      const std::string part = j.at("part"), bound = j.at("bound");
      EXPECT_TRUE(bound == "arithmetic" || bound == "memory" || bound.front() == 'L') << bound;
      for (const char* key : {"times", "threads", "moved_bytes", "footprint_bytes", "predicted_ms", "min_ms", "ratio"})
        EXPECT_GT(j.at(key).get<double>(), 0) << j;
      EXPECT_EQ(j.contains("share_of_peak"), j.at("multiply_adds").get<double>() > 0) << j;
      EXPECT_TRUE(j.contains("shape") && j.contains("kernel") && j.contains("activations")) << j;
      predicted[part] += j.at("times").get<double>() * j.at("predicted_ms").get<double>();
      least[part] += j.at("times").get<double>() * j.at("min_ms").get<double>();
      if (i > 0 && lines[i - 1].at("part") == part) {
        EXPECT_LE(j.at("loss_ms").get<double>(), lines[i - 1].at("loss_ms").get<double>());
      }
    }
    for (std::size_t i = lines.size() - 2; i < lines.size(); ++i) {
      const Json& j = lines[i];
      const std::string part = j.at("part");
      EXPECT_EQ(part, i + 2 == lines.size() ? "inference" : "training");
      EXPECT_EQ(j.at("kernel"), "all");
      EXPECT_NEAR(j.at("predicted_ms").get<double>(), predicted[part], 1e-9 * predicted[part]);
      EXPECT_NEAR(j.at("min_ms").get<double>(), least[part], 1e-9 * least[part]);
      EXPECT_GT(j.at("whole_ms").get<double>(), 0);
    }
  }
  const Outcome table = vitrine_program("bench kernels --arch lite0 --batch 1 --size 32 --seconds 0");
  ASSERT_EQ(table.code, 0) << table.output;
  for (const char* part :
       {"GFLOP/s in registers", "predicted us", "folded expand depthwise", "a pass: predicted", "no training step"})
    EXPECT_NE(table.output.find(part), std::string::npos) << part << " is not in: " << table.output;
  const Outcome only =
      vitrine_program("bench kernels --arch lite0 --batch 2 --size 32 --seconds 0 --json --only 'depthwise gradient'");
  ASSERT_EQ(only.code, 0) << only.output;
  for (std::size_t at = 0; at < only.output.size(); at = only.output.find('\n', at) + 1)
    EXPECT_EQ(Json::parse(only.output.substr(at, only.output.find('\n', at) - at)).at("kernel"), "depthwise gradient");
  expect_refusal("bench kernels --seconds 0 --only nothing", 2, {"--only 'nothing'", "without --only"});
  expect_refusal("bench kernels --device cuda-host --only gate", 2, {"--only", "CPU", "cuda-host"});
  const Outcome micro = vitrine_program("bench kernels --micro --arch lite0 --batch 1 --size 32 --seconds 0 --json");
  ASSERT_EQ(micro.code, 0) << micro.output;
  expect_refusal("bench kernels --micro --device cuda-host", 2, {"--micro", "cuda-host"});
  for (const char* kernel : {"\"depthwise inner loop\"", "\"pointwise\"", "\"share_of_peak\""})
    EXPECT_NE(micro.output.find(kernel), std::string::npos) << kernel;
}

TEST_F(Program, DamagedReferenceFoldersAreRefused) {
  fs::create_directories(folder / "r");
  const std::string rest =
      R"(,"accuracy":1,"auc":1,"precision":[],"recall":[1,1],"f1":[1,1],"support":[1,1],"fpr":[0],"tpr":[0],"confusion":[[1,0],[0,1]]}])";
  for (const std::string& text :
       {std::string("[{\"label\":[99999999],\"score\":[0.5]") + rest, "[{\"label\":[-5,1],\"score\":[0.5,1]" + rest,
        "[{\"label\":[0,1],\"score\":[0.1,0.9]" + rest, "[{\"label\":[0,1],\"score\":[0.1]" + rest, std::string("[{}]"),
        std::string("[3]"), std::string("{\"label\":1}")}) {
    write_file(folder / "r/metrics.json", text);
    expect_refusal("audit parity " + path("r"), 3, {"metrics.json"});
  }
  fs::remove(folder / "r/metrics.json");
  write_file(folder / "r/schedules.json", R"({"fastai_one_cycle":{"total_steps":1000000,"lr":[1],"momentum":[1]}})");
  expect_refusal("audit parity " + path("r"), 3, {"schedules.json", "too short"});
}

TEST_F(Program, ParityHoldsOnTheReferenceFolder) {
  const fs::path models = find_reference_file("models/timm-b0-64.safetensors");
  if (models.empty()) GTEST_SKIP() << "no reference folder is at hand";
  const Outcome outcome = vitrine_program("audit parity " + models.parent_path().parent_path().string());
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("models: median ratio"), std::string::npos) << outcome.output;
  // A truth that is off by more than float32 can explain must not pass.
  fs::create_directories(folder / "models");
  TensorFile file = read_safetensors(models);
  std::vector<double> logits = file.at("logits").to_double();
  logits[7] += 1e-4;
  write_safetensors(folder / "models" / "timm-b0-64.safetensors",
                    {{StoredTensor::from("logits", file.at("logits").shape, logits)}, file.metadata});
  const Outcome wrong = vitrine_program("audit parity " + folder.string());
  EXPECT_EQ(wrong.code, 1) << wrong.output;
  EXPECT_NE(wrong.output.find("ABOVE ITS LIMIT"), std::string::npos) << wrong.output;
  expect_refusal("audit parity " + path("nowhere"), 3, {"nowhere", "no reference case"});
}

TEST_F(Program, UnwritableOutputIsARuntimeError) {
  EfficientNet net(architecture("b0"), Semantics{}, 3);
  write_safetensors(folder / "b0.safetensors", to_tensor_file(net, {}));
  write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({1, 3, 32, 32}, 0.5f))}, {}});
  expect_refusal("predict --weights " + path("b0.safetensors") + " --tensor " + path("in.safetensors") + " -o " +
                     path("none/out.safetensors"),
                 1, {"none/out.safetensors"});
}

}  // namespace
}  // namespace vitrine::testing

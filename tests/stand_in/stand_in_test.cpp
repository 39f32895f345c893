// The program on a stand-in for a GPU (tests/stand_in/device.h): what the host does for a device, without one. Values are not looked at; they
// are tested on cuda-host.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"
#include "data/manifest.h"
#include "tests/cli/program.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

class StandIn : public Program {
 protected:
  std::string environment(const std::string& more = "") const {
    return "LD_PRELOAD=" STAND_IN_RUNTIME " VITRINE_PLANS=" + path("plans") + " " + more;
  }
  // stdout and stderr of a run that broke no rule of the device.
  std::string output_of(const std::string& arguments, const std::string& more = "") {
    const Outcome outcome = vitrine_program(arguments, environment(more));
    EXPECT_EQ(outcome.code, 0) << arguments << "\n" << outcome.output;
    return outcome.output;
  }
  static void expect_in(const std::string& part, const std::string& output) {
    EXPECT_NE(output.find(part), std::string::npos) << part << " is not in: " << output;
  }
  // `cv` and its arguments for 24 patients of one grey slice each.
  std::string cross_validation(const std::string& options) {
    TensorFile crop;
    crop.tensors.push_back(StoredTensor::from("image", Tensor::full({64, 64, 3}, 0.5f)));
    crop.metadata = {{"channels", "t1c,flair,t2"}};
    write_file(folder / "crop.safetensors", safetensors_bytes(crop));
    Manifest manifest;
    manifest.path = folder / "manifest.csv";
    for (int i = 0; i < 24; ++i) {
      const std::string subject = "p" + std::to_string(i);
      manifest.samples.push_back({subject + "_s0", subject, 1, 0, i % 2 == 0 ? "SCLC" : "NSCLC", "crop.safetensors", "", 64,
                                  sha256(safetensors_bytes(crop))});
    }
    write_manifest(manifest);
    output_of("split " + path("manifest.csv") + " -o " + path("splits.json"));
    return "cv " + path("manifest.csv") + " --splits " + path("splits.json") + " -o " + path("run") +
           " --device cuda:0 --epochs 4 " + options;
  }
  std::string plans() const {
    std::string all;
    for (const auto& file : fs::directory_iterator(folder / "plans")) all += read_file(file.path(), 1 << 24);
    return all;
  }
};

TEST_F(StandIn, TrainsByOneGraphAStepInEveryPrecision) {
  // 418 launches on cuda-host less the sums that cuBLASLt makes itself. In bf16 19 more: the pictures are rounded, and the weights of stem, 16 blocks and head.
  for (const auto& [precision, nodes] : {std::pair{"fp32", 418}, std::pair{"tf32", 418}, std::pair{"bf16", 437}}) {
    expect_in("graph   " + std::to_string(nodes) + " nodes",
              output_of(std::string("bench train --device cuda:0 --seconds 0.01 --precision ") + precision));
  }
  expect_in("graph   627 nodes", output_of("bench train --device cuda:0 --seconds 0.01 --tier portable"));
}

TEST_F(StandIn, TakesLaunchesOfLargeBatchesAndOtherNetworks) {
  output_of("bench train --batch 256 --size 224 --device cuda:0 --seconds 0.01");
  output_of("bench train --batch 256 --size 224 --tier portable --device cuda:0 --seconds 0.01");
  output_of("bench train --arch b7 --batch 2 --size 64 --device cuda:0 --seconds 0.01");
  output_of("bench train --arch lite0 --batch 8 --size 96 --device cuda:0 --seconds 0.01");
  output_of("bench kernels --batch 2 --size 64 --device cuda:0 --seconds 0.01");
}

// The stand-in refuses a launch that follows the one before at once there.
TEST_F(StandIn, StartsKernelsOneAfterTheOtherBefore90) {
  output_of("bench train --device cuda:0 --seconds 0.01", "STAND_IN_CAPABILITY=80");
}

TEST_F(StandIn, PredictsByOneGraph) {
  for (const char* sizes : {"--batch 1 --size 224", "--batch 256 --size 224", "--batch 16 --size 64 --tier portable"})
    expect_in("graph   99 nodes", output_of(std::string("bench infer --device cuda:0 --seconds 0.01 ") + sizes));
}

TEST_F(StandIn, RunsTheWholeExperiment) {
  expect_in("20 trainings of 3 epochs", output_of("bench experiment --epochs 3 --device cuda:0 --folder " + path("runs")));
}

TEST_F(StandIn, SharesBatchesBetweenTwoGpus) {
  expect_in("20 trainings of 2 epochs",
            output_of("bench experiment --epochs 2 --device cuda:0 --devices 0,1 --folder " + path("runs"), "STAND_IN_GPUS=2"));
}

// b0's 4,010,000 gradients of two classes as four buckets, the first of which begin while the backward pass is recorded.
TEST_F(StandIn, AddsGradientsBesideTheBackwardPass) {
  const std::string counts = path("counts");
  output_of("bench experiment --epochs 2 --device cuda:0 --devices 0,1 --reduce nccl --folder " + path("runs"),
            "STAND_IN_GPUS=2 STAND_IN_COUNTS=" + counts);
  std::size_t steps = 0;
  std::istringstream lines(read_file(counts, 1 << 24));
  for (std::string line; std::getline(lines, line);) {
    std::size_t nodes = 0, exchanges = 0, bytes = 0, beside = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "%zu nodes, %zu exchanges, %zu bytes, %zu beside", &nodes, &exchanges, &bytes, &beside),
              4);
    if (exchanges == 0) continue;  // an evaluation
    ++steps;
    EXPECT_EQ(exchanges, 4u) << line;
    EXPECT_EQ(bytes, 16040440u) << line;
    EXPECT_GT(beside, nodes / 4) << line;
  }
  EXPECT_GE(steps, 2u);
  expect_refusal("bench experiment --device cuda:0 --reduce nccl --folder " + path("more"), 2, {"--reduce nccl", "--devices"},
                 environment());
  expect_refusal("bench experiment --device cuda:0 --devices 0,1 --tier portable --reduce nccl --folder " + path("more"), 2,
                 {"--reduce nccl", "run-to-run"}, environment("STAND_IN_GPUS=2"));
}

TEST_F(StandIn, KeepsThePlansOfTheFirstRun) {
  output_of("bench train --device cuda:0 --seconds 0.01");
  const std::string first = plans();
  EXPECT_NE(first.find("product ["), std::string::npos) << first;
  EXPECT_NE(first.find("plan 0, engine 5"), std::string::npos) << first;
  output_of("bench train --device cuda:0 --seconds 0.01");
  EXPECT_EQ(plans(), first);
}

// A plan file with another choice in every plan.
std::string with_choice(std::string json, const std::string& choice) {
  const std::string name = "\"choice\": \"";
  for (std::size_t at = json.find(name); at != std::string::npos; at = json.find(name, at + 1)) {
    const std::size_t begin = at + name.size();
    json.replace(begin, json.find('"', begin) - begin, choice);
  }
  return json;
}

// Nonsense of the right length for cuBLASLt, too: the library refuses it before it is run.
TEST_F(StandIn, AKeptPlanThatCannotBeRunIsReplaced) {
  const std::string run = "bench train --batch 2 --size 32 --device cuda:0 --seconds 0.01";
  output_of(run);
  const std::string first = plans();
  for (const std::string& nonsense : {std::string("nonsense"), std::string(128, 'f')}) {
    for (const auto& file : fs::directory_iterator(folder / "plans")) write_file(file.path(), with_choice(first, nonsense));
    output_of(run);
    EXPECT_EQ(plans().find(nonsense), std::string::npos);
  }
}

// A limit may leave candidates out: what was chosen under it repeats under it, and is nothing to a run without.
TEST_F(StandIn, ChoicesUnderALimitOfMemoryAreTheirOwn) {
  const std::string run = "bench train --batch 2 --size 32 --device cuda:0 --seconds 0.01",
                    limited = run + " --device-memory 2000";
  const auto chosen = [&](const std::string& command, const char* fastest) {
    return output_of(command, std::string("STAND_IN_FASTEST=") + fastest).find("  cudnn  of cublaslt") != std::string::npos;
  };
  EXPECT_TRUE(chosen(limited, "cudnnBackendExecute"));
  EXPECT_TRUE(chosen(limited, "cublasLtMatmul")) << "the first choice stays";
  EXPECT_FALSE(chosen(run, "cublasLtMatmul"));
}

TEST_F(StandIn, RefusesBeforeARunIsBegun) {
  const std::string command = cross_validation("");
  expect_refusal(command, 1, {"/proc/nope", "VITRINE_PLANS"}, environment("VITRINE_PLANS=/proc/nope"));
  expect_refusal(cross_validation("--devices 0,0"), 2, {"--devices", "0,0", "different"}, environment("STAND_IN_GPUS=2"));
  EXPECT_FALSE(fs::exists(folder / "run"));
  expect_in("unusable (cuDNN 8.9.7", output_of("doctor", "STAND_IN_CUDNN=8907"));
}

// Each library's kernels in their turn the fastest, in a training step and in a prediction: layouts, alignment and lifetimes of what they are given.
TEST_F(StandIn, RunsWhatWasFastest) {
  for (const auto& [library, choice] : {std::pair{"cudnnBackendExecute", "cudnn"}, std::pair{"cublasLtMatmul", "cublaslt"}}) {
    const std::string more = std::string("STAND_IN_FASTEST=") + library + " VITRINE_PLANS=" + path(choice);
    for (const char* arch : {"b0", "lite0"}) {
      const std::string sizes = std::string(" --batch 8 --size 64 --device cuda:0 --seconds 0.01 --arch ") + arch;
      output_of("bench train" + sizes, more);
      output_of("bench infer" + sizes, more);
    }
    std::string kept;
    for (const auto& file : fs::directory_iterator(folder / choice)) kept += read_file(file.path(), 1 << 24);
    expect_in(std::string("\"choice\": \"") + choice + "\"", kept);
  }
  expect_in("a training step and a prediction run them", output_of("bench kernels --batch 2 --size 64 --device cuda:0"));
}

TEST_F(StandIn, UsesTheDeviceThatIsNamed) {
  output_of("bench train --device cuda:1 --seconds 0.01", "STAND_IN_GPUS=2");
  expect_refusal("bench train --device cuda:2", 1, {"cuda:2 does not exist", "2 GPUs"}, environment("STAND_IN_GPUS=2"));
}

TEST_F(StandIn, RefusesWhatCannotBeUsed) {
  expect_refusal("bench train --device cuda:0", 1, {"no NVIDIA GPU was found", "--device cpu"}, environment("STAND_IN_GPUS=0"));
  expect_refusal("bench train --device cuda:0", 1, {"supports CUDA 12.4", "update the driver"},
                 environment("STAND_IN_DRIVER=12040"));
  expect_refusal("bench train --device cuda:0", 1, {"compute capability 7.0", "at least 7.5"},
                 environment("STAND_IN_CAPABILITY=70"));
}

TEST_F(StandIn, RefusesAnOldCudnn) {
  expect_refusal("bench train --device cuda:0 --kernels cudnn", 1, {"cuDNN 8.9.7", "version 9"},
                 environment("STAND_IN_CUDNN=8907"));
  const Outcome doctor = vitrine_program("doctor --kernels", environment("STAND_IN_CUDNN=8907"));
  EXPECT_EQ(doctor.code, 1) << doctor.output;
  expect_in("cuDNN 8.9.7 is too old", doctor.output);
}

// The stand-in's engines run every graph.
TEST_F(StandIn, ListsTheGraphsThatCudnnRuns) {
  const std::string listed = output_of("doctor --kernels --arch lite0 --batch 2 --size 64");
  for (const char* line : {"training   fp32: 176 of 176", "prediction fp32: 85 of 85", "training   bf16: 176 of 176"})
    expect_in(line, listed);
}

TEST_F(StandIn, SaysWhichBatchFitsIntoTheMemory) {
  expect_refusal("bench train --batch 64 --size 224 --device cuda:0", 1, {"out of memory", "of 600 MiB", "--batch-size "},
                 environment("STAND_IN_MIB=600"));
  expect_refusal("bench infer --batch 64 --size 224 --device cuda:0", 1, {"out of memory", "of 100 MiB"},
                 environment("STAND_IN_MIB=100"));
}

TEST_F(StandIn, KeepsWhatItFinishedWhenAKernelFails) {
  const std::string command = cross_validation("");
  output_of(command);  // what is fastest is known from here on, and no launch is for measuring it
  fs::remove_all(folder / "run");
  const Outcome failed = vitrine_program(command, environment("STAND_IN_FAILS=12000"));
  EXPECT_EQ(failed.code, 1) << failed.output;
  expect_in("launch failure", failed.output);
  EXPECT_TRUE(fs::exists(folder / "run" / "fold_0" / "fold.json")) << failed.output;
  EXPECT_FALSE(fs::exists(folder / "run" / "summary.json"));
  const std::string rest = output_of(command);
  expect_in("fold 5/5  epoch 4/4", rest);
  EXPECT_EQ(rest.find("fold 1/5  epoch"), std::string::npos) << rest;
  EXPECT_TRUE(fs::exists(folder / "run" / "summary.json"));
  expect_in("product [", read_file(folder / "run" / "plans.txt", 1 << 24));
}

TEST_F(StandIn, TrainsOneFoldAtATimeOnAGpu) {
  expect_refusal(cross_validation("--jobs 2"), 2, {"--jobs is 2", "one fold at a time"}, environment());
  output_of(cross_validation("--jobs 2 --devices 0,1"), "STAND_IN_GPUS=2");
}

// Known when the stream is waited for, which VITRINE_SYNC=1 does after every launch.
TEST_F(StandIn, NamesTheKernelThatFailsWhereItWaitsForEach) {
  const std::string portable = "bench train --tier portable --device cuda:0";
  expect_refusal(portable, 1, {"copying to the host failed on cuda:0", "launch failure"}, environment("STAND_IN_FAILS=2000"));
  const std::string waits = "VITRINE_SYNC=1 STAND_IN_FAILS=";
  expect_refusal(portable, 1, {"a kernel of mbconv ", "failed on cuda:0", "launch failure"}, environment(waits + "600"));
}

}  // namespace
}  // namespace vitrine::testing

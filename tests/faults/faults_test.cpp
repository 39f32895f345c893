// The commands that read tables, networks and photographs, under the faults of faults.h.
#include "tests/faults/faults.h"

#include "base/output.h"
#include "nn/efficientnet/checkpoint.h"
#include "report/png.h"
#include "tests/cli/crops.h"

namespace vitrine::testing {
namespace {

class FaultsOfCommands : public Faults {
 protected:
  void SetUp() override {
    Faults::SetUp();
    EfficientNet net(architecture("lite0"), Semantics{}, 2);
    net.initialize(1);
    write_sealed_safetensors(folder / "net.safetensors", to_tensor_file(net, {}));
    write_file(folder / "photo.png", report::png_bytes({40, 40, 3, std::vector<std::uint8_t>(40 * 40 * 3, 90)}));
    write_crops(folder / "m", {.subjects = 4});
  }

  // The commands.
  void predict(const std::vector<Fault>& faults) {
    write_file(folder / "p.csv", "old\n");
    enumerate(
        "predict --weights " + path("net.safetensors") + " --threads 1 -o " + path("p.csv") + " --images " + path("photo.png"),
        {"p.csv"}, faults);
  }
  void split(const std::vector<Fault>& faults) {
    write_file(folder / "s.json", "old\n");
    enumerate("split " + path("m/manifest.csv") + " --folds 2 --test-fraction 0 -o " + path("s.json"), {"s.json"}, faults);
  }
  void convert(const std::vector<Fault>& faults) {
    write_file(folder / "c.safetensors", "old\n");
    enumerate("weights convert " + path("net.safetensors") + " -o " + path("c.safetensors"), {"c.safetensors"}, faults);
  }
  std::string run_options(const std::string& output) {
    EXPECT_EQ(run("split " + path("m/manifest.csv") + " --folds 2 --test-fraction 0 -o " + path("s.json"), "").code, 0);
    return path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(output) + " --weights " +
           path("net.safetensors") + " --arch lite0 --no-augmentation -q";
  }
  void train(const std::vector<Fault>& faults) {
    enumerate("train " + run_options("r") + " --threads 1 --epochs 2", {"r"}, faults);
  }
  void cv(const std::vector<Fault>& faults) { enumerate("cv " + run_options("c") + " --threads 1 --epochs 1", {"c"}, faults); }
  void report(const std::vector<Fault>& faults) {
    ASSERT_EQ(run("cv " + run_options("c") + " --epochs 1", "").code, 0);
    write_file(folder / "r.html", "old\n");
    enumerate("report " + path("c") + " -o " + path("r.html"), {"r.html"}, faults);
  }
};

// Where the system gives no thread, or not all, the results are the same.
TEST_F(FaultsOfCommands, WithoutThreads) {
  const std::string train = "train " + run_options("r") + " --epochs 2 --threads 4";
  for (const char* fault : {"thread:1+", "thread:2+", "thread:1", "thread:3"}) {
    outputs = {"r", "p.csv"};
    for (const std::string& command : {train, "predict --threads 4 --weights " + path("net.safetensors") + " -o " +
                                                  path("p.csv") + " --images " + path("photo.png")}) {
      restore_old();
      ASSERT_EQ(run(command, "").code, 0);
      new_state = state();
      restore_old();
      const Ended e = run(command, fault);
      EXPECT_EQ(e.code, 0) << fault << "\n" << e.errors;
      EXPECT_EQ(state(), new_state) << fault << command;
    }
  }
}

using FaultsLong = FaultsOfCommands;

TEST_F(FaultsOfCommands, Predict) { predict(sampled(40)); }
TEST_F(FaultsOfCommands, Split) { split(sampled(40)); }
TEST_F(FaultsOfCommands, Convert) { convert(sampled(30)); }
TEST_F(FaultsOfCommands, TrainOneStepAndSave) { train(sampled(20)); }
TEST_F(FaultsOfCommands, CrossValidation) { cv(sampled(12)); }
TEST_F(FaultsOfCommands, Report) { report(sampled(30)); }

TEST_F(FaultsLong, Predict) { predict(all()); }
TEST_F(FaultsLong, Split) { split(all()); }
TEST_F(FaultsLong, Convert) { convert(all()); }
TEST_F(FaultsLong, TrainOneStepAndSave) { train(all(7)); }
TEST_F(FaultsLong, CrossValidation) { cv(all(7)); }
TEST_F(FaultsLong, Report) { report(all()); }

}  // namespace
}  // namespace vitrine::testing

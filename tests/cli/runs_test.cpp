// Runs as users meet them: inputs that would not be read, claims, contradictions, networks used as they were trained.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "nn/efficientnet/checkpoint.h"
#include "report/png.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"
#include "train/run_files.h"
#include "weights/checkpoint_file.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;

class Runs : public Program {
 protected:
  // Crops and a split of them; the options of a short training.
  void prepare(const CropsOptions& o = {}) {
    write_crops(folder / "m", o);
    const Outcome split =
        vitrine_program("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
    ASSERT_EQ(split.code, 0) << split.output;
  }
  std::string train(const std::string& output, const std::string& more = "", int epochs = 1) const {
    return "train " + path("m/manifest.csv") + " --splits " + path("s.json") + " -o " + path(output) +
           " --arch lite0 --mixup 0 --no-augmentation --threads 1 -q --epochs " + std::to_string(epochs) + " " + more;
  }
  void run(const std::string& command) {
    const Outcome outcome = vitrine_program(command);
    ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.output;
  }
  void edit(const std::string& name, const std::string& from, const std::string& to) {
    std::string bytes = read_file(folder / name, 1u << 28);
    const std::size_t at = bytes.find(from);
    ASSERT_NE(at, std::string::npos) << from << " is not in " << name;
    write_file(folder / name, bytes.replace(at, from.size(), to));
  }
  // A network of `channels` input channels with drawn weights.
  void write_weights(const std::string& name, std::int64_t channels, std::int64_t classes = 2) {
    Semantics semantics;
    semantics.channels = channels;
    EfficientNet net(architecture("lite0"), semantics, classes);
    net.initialize(1);
    write_sealed_safetensors(folder / name, to_tensor_file(net, {}));
  }
};

TEST_F(Runs, AnInputThatWouldNotBeReadIsRefusedOrAdaptedByName) {
  prepare();
  write_weights("grey.safetensors", 1);
  write_weights("four.safetensors", 4);
  for (const char* weights : {"grey.safetensors", "four.safetensors"}) {
    expect_refusal(train("r", "--weights " + path(weights)), 2,
                   {"the weights take", "t1c+flair+t2 has 3", "--first-conv extend"});
    EXPECT_FALSE(fs::exists(folder / "r")) << "nothing is written before everything is accepted";
  }
  for (const char* rule : {"extend", "sum"})
    run(train(std::string("r-") + rule, "--weights " + path("grey.safetensors") + " --first-conv " + rule));
  run(train("one", "--weights " + path("grey.safetensors") + " --inputs flair"));
  // Another FLAIR gives another result: all three channels are read.
  const std::string before = read_file(folder / "r-extend" / "fold_0" / "preds_val.csv", 1u << 20);
  Manifest manifest = read_manifest(folder / "m" / "manifest.csv");
  for (Sample& s : manifest.samples) {
    TensorFile crop = read_safetensors(folder / "m" / s.file);
    Tensor image = crop.at("image").to_float();
    const Draw draw{.seed = 99, .sample = static_cast<std::uint32_t>(&s - manifest.samples.data())};
    const auto values = image.mutable_host();
    for (std::size_t i = 1; i < values.size(); i += 3) values[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
    crop.tensors = {StoredTensor::from("image", image)};
    write_safetensors(folder / "m" / s.file, crop);
    s.sha256 = sha256_of_file(folder / "m" / s.file, 1u << 20);
  }
  write_manifest(manifest);
  run("split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2");
  run(train("other", "--weights " + path("grey.safetensors") + " --first-conv extend"));
  EXPECT_NE(read_file(folder / "other" / "fold_0" / "preds_val.csv", 1u << 20), before);
}

// The crops of a part as pictures of 8 bits.
void write_pictures(const fs::path& manifest_path, const fs::path& folder) {
  const Manifest manifest = read_manifest(manifest_path);
  for (const Sample& s : manifest.samples) {
    const Tensor image = read_safetensors(manifest_path.parent_path() / s.file).at("image").to_float();
    report::Picture picture{static_cast<int>(image.shape()[1]), static_cast<int>(image.shape()[0]), 3, {}};
    for (const float v : image.host()) picture.pixels.push_back(static_cast<std::uint8_t>(v * 255 + 0.5f));
    write_file(folder / (s.sample_id + ".png"), report::png_bytes(picture));
  }
}

TEST_F(Runs, ANetworkIsUsedAsItWasTrained) {
  prepare({.subjects = 8, .crops = 2, .size = 48, .labels = {"NSCLC", "SCLC, small"}});
  run(train("r"));
  const std::string best = path("r/fold_0/best.safetensors");
  const TensorFile file = read_checkpoint(best);
  EXPECT_EQ(file.metadata.at("vitrine.input_size"), "48");
  EXPECT_EQ(file.metadata.at("vitrine.resize"), "48");
  EXPECT_EQ(file.metadata.at("vitrine.crop"), "48 x 48");
  EXPECT_EQ(file.metadata.at("vitrine.class_names"), "[\"NSCLC\",\"SCLC, small\"]");
  EXPECT_EQ(file.metadata.at("vitrine.orientation"), "LP");
  write_pictures(folder / "m" / "manifest.csv", folder);
  std::string images;
  const CsvTable expected = read_csv(folder / "r" / "fold_0" / "preds_val.csv");
  for (std::size_t i = 0; i < expected.size(); ++i)
    images += " " + path(std::string(expected[i][expected.column("sample_id")]) + ".png");
  run("predict --weights " + best + " --top 2 -o " + path("p.csv") + " --images" + images);
  const CsvTable found = read_csv(folder / "p.csv");
  ASSERT_EQ(found.size(), 2 * expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (const std::size_t row : {2 * i, 2 * i + 1}) {
      const std::string name(found[row][found.column("name")]);
      const double want = std::stod(std::string(expected[i][expected.column("prob_" + name)]));
      EXPECT_NEAR(std::stod(std::string(found[row][found.column("probability")])), want, 0.02) << name;
    }
  }
  // Converted and exported files say the same; other wishes of the command line are said.
  run("weights convert " + best + " -o " + path("copy.safetensors"));
  EXPECT_EQ(read_checkpoint(path("copy.safetensors")).metadata.at("vitrine.class_names"),
            file.metadata.at("vitrine.class_names"));
  run("export --weights " + best + " --format onnx -o " + path("net.onnx"));
  EXPECT_THAT(read_file(folder / "net.onnx", 1u << 28), HasSubstr("vitrine.crop"));
  const std::string one = " --images " + path(std::string(expected[0][0]) + ".png");
  EXPECT_THAT(vitrine_program("predict --weights " + best + " --input-size 64" + one).output,
              HasSubstr("input size 64 instead of 48"));
  EXPECT_THAT(vitrine_program("predict --weights " + best + " --padding symmetric" + one).output,
              HasSubstr("padding symmetric instead of"));
  const report::Picture large{96, 96, 3, std::vector<std::uint8_t>(96 * 96 * 3, 7)};
  write_file(folder / "large.png", report::png_bytes(large));
  const Outcome resized = vitrine_program("predict --weights " + best + " --images " + path("large.png"));
  EXPECT_THAT(resized.output, HasSubstr("trained on crops of 48 x 48"));
  EXPECT_THAT(resized.output, HasSubstr("is grey"));
}

TEST_F(Runs, TwoAtOnceIntoOneFolderDoNotMix) {
  prepare();
  std::vector<Outcome> outcomes(2);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 2; ++i)
    threads.emplace_back([&, i] { outcomes[i] = vitrine_program(train("r", "--seed " + std::to_string(i + 1), 4)); });
  for (std::thread& t : threads) t.join();
  const std::size_t winner = outcomes[0].code == 0 ? 0 : 1;
  EXPECT_EQ(outcomes[winner].code, 0) << outcomes[winner].output;
  EXPECT_EQ(outcomes[1 - winner].code, 2) << outcomes[1 - winner].output;
  EXPECT_THAT(outcomes[1 - winner].output, HasSubstr("other settings"));
  EXPECT_THAT(read_file(folder / "r" / "config.json", 1u << 20), HasSubstr("\"seed\": \"" + std::to_string(winner + 1) + "\""));
  // The same run twice at once: the fold belongs to one of them.
  for (std::size_t i = 0; i < 2; ++i) threads[i] = std::thread([&, i] { outcomes[i] = vitrine_program(train("same", "", 6)); });
  for (std::thread& t : threads) t.join();
  for (const Outcome& o : outcomes) {
    if (o.code != 0) {
      EXPECT_THAT(o.output, HasSubstr("is in use by process"));
    }
  }
  EXPECT_TRUE(outcomes[0].code == 0 || outcomes[1].code == 0);
  EXPECT_FALSE(fs::exists(folder / "same" / "fold_0" / ".vitrine-lock"));
}

TEST_F(Runs, NothingIsWrittenBeforeTheRunIsClaimed) {
  prepare();
  run(train("r"));
  const std::string source = read_file(folder / "r" / "source.json", 1u << 20);
  write_crops(folder / "other", {.subjects = 10});
  run("split " + path("other/manifest.csv") + " -o " + path("other.json") + " --folds 2 --test-fraction 0.2");
  expect_refusal("train " + path("other/manifest.csv") + " --splits " + path("other.json") + " -o " + path("r") +
                     " --arch lite0 --epochs 1 --mixup 0 --no-augmentation --threads 1 -q",
                 2, {"other settings", "manifest_sha256"});
  EXPECT_EQ(read_file(folder / "r" / "source.json", 1u << 20), source);
  expect_refusal(train("new", "--weights " + path("none.pth")), 4, {"none.pth does not exist"});
  expect_refusal(train("new", "--fold 7"), 2, {"--fold is 7"});
  EXPECT_FALSE(fs::exists(folder / "new"));
}

// A folder in which somebody's own files have the names of a run's is not taken; an input does not lie where the run writes.
TEST_F(Runs, WhatIsNotOfARunIsNotReplaced) {
  prepare();
  fs::create_directories(folder / "home/fold_0");
  write_file(folder / "home/fold_0/best.safetensors", "mine");
  expect_refusal(train("home"), 2, {"no config.json of a run"});
  EXPECT_EQ(read_file(folder / "home/fold_0/best.safetensors", 100), "mine");
  fs::create_directories(folder / "inside");
  fs::copy_file(folder / "s.json", folder / "inside/summary.json");
  expect_refusal(
      "cv " + path("m/manifest.csv") + " --splits " + path("inside/summary.json") + " -o " + path("inside") + " --arch lite0",
      2, {"summary.json", "would be lost"});
  run(train("r"));
  for (const char* input : {"m/manifest.csv", "s.json"})
    expect_refusal("report " + path("r") + " -o " + path(input), 2, {"is also an input"});
}

// A fold belongs to its place in its run: neither it nor its saved state passes for another's.
TEST_F(Runs, FoldsAreBoundToTheirPlaceAndRun) {
  prepare();
  const std::string cv = "cv " + path("m/manifest.csv") + " --splits " + path("s.json") +
                         " --arch lite0 --epochs 1 --mixup 0 --no-augmentation --threads 2 -q -o ";
  run(cv + path("r"));
  const auto fresh = [&](const char* name) {
    fs::remove_all(folder / name);
    fs::copy(folder / "r", folder / name, fs::copy_options::recursive);
  };
  fresh("copied");
  fs::remove_all(folder / "copied/fold_0");
  fs::copy(folder / "copied/fold_1", folder / "copied/fold_0");
  expect_refusal(cv + path("copied"), 3, {"fold_0", "--retrain-damaged"});
  expect_refusal("report " + path("copied") + " -o " + path("x.html"), 3, {"fold_0"});
  fresh("linked");
  fs::remove_all(folder / "linked/fold_1");
  fs::create_directory_symlink("fold_0", folder / "linked/fold_1");
  expect_refusal(cv + path("linked"), 3, {"fold_1"});
  fresh("edited");
  edit("edited/config.json", "\"lr\": \"0.001\"", "\"lr\": \"0.5\"");
  expect_refusal("report " + path("edited") + " -o " + path("x.html"), 3, {"fold_0"});
  fresh("one_link");
  fs::remove(folder / "one_link/fold_1/best.safetensors");
  fs::create_symlink("../fold_0/best.safetensors", folder / "one_link/fold_1/best.safetensors");
  const std::string best = read_file(folder / "one_link/fold_0/best.safetensors", 1u << 28);
  expect_refusal(cv + path("one_link") + " --retrain-damaged", 3, {"best.safetensors is a link"});
  EXPECT_EQ(read_file(folder / "one_link/fold_0/best.safetensors", 1u << 28), best);
}

TEST_F(Runs, AReportIsNotMadeOfTablesThatDoNotFit) {
  prepare();
  run(train("r"));
  run("report " + path("r") + " -o " + path("r.html"));
  run("report " + path("r") + " -o - > " + path("stdout.html"));
  EXPECT_EQ(read_file(folder / "stdout.html", 1u << 24), read_file(folder / "r.html", 1u << 24));
  expect_refusal("report " + path("r") + " -o " + path("r/config.json"), 2, {"is also an input"});
  expect_refusal("report " + path("none") + " -o " + path("r.html"), 3, {"none does not exist"});
  expect_refusal("report " + path("s.json") + " -o " + path("r.html"), 3, {"is a file"});
  edit("r/fold_0/preds_test.csv", ",prob_SCLC", "");
  expect_refusal("report " + path("r") + " -o " + path("r.html"), 3, {"preds_test.csv", "--retrain-damaged"});
  expect_refusal(train("r"), 3, {"preds_test.csv", "--retrain-damaged"});
  run(train("r", "--retrain-damaged"));
  run("report " + path("r") + " -o " + path("r.html"));
  edit("m/manifest.csv", "S1_l1", "S9_l1");
  expect_refusal("report " + path("r") + " -o " + path("r.html"), 3, {"another version"});
}

TEST_F(Runs, OnePatientIsNotOnBothSides) {
  prepare();
  const auto split = [&] {
    return "split " + path("m/manifest.csv") + " -o " + path("s.json") + " --folds 2 --test-fraction 0.2";
  };
  const std::string good = read_file(folder / "m" / "manifest.csv", 1u << 20);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string bytes = good;
    write_file(folder / "m" / "manifest.csv", bytes.replace(bytes.find(from), from.size(), to));
  };
  with("S3_l1_s0,S3,", "S3_l1_s0,S1 ,");  // one subject after trimming
  run(split());
  EXPECT_EQ(read_manifest(folder / "m" / "manifest.csv").subjects().size(), 7u);
  with("S3_l1_s0,S3,", "S3_l1_s0,s1,");
  expect_refusal(split(), 3, {"manifest.csv:4", "differ by capitals"});
  with("S3_l1_s0,S3,", "S3_l1_s0,S 3/..,");
  expect_refusal(split(), 3, {"manifest.csv:4", "holds '/'"});
  with(",SCLC,", ",m\xe9ta,");
  expect_refusal(split(), 3, {"manifest.csv:3", "not UTF-8"});
  // One image under two subjects, in a file of other bytes.
  write_file(folder / "m" / "manifest.csv", good);
  Manifest manifest = read_manifest(folder / "m" / "manifest.csv");
  TensorFile crop = read_safetensors(folder / "m" / manifest.samples[0].file);
  crop.metadata["subject_id"] = "S3";
  write_safetensors(folder / "m" / manifest.samples[2].file, crop);
  manifest.samples[2].sha256 = sha256_of_file(folder / "m" / manifest.samples[2].file, 1u << 20);
  write_manifest(manifest);
  expect_refusal(split(), 3, {"S1_l1_s0", "S3_l1_s0", "the same image"});
  // Only one of the channels is the same.
  Tensor image = crop.at("image").to_float();
  const auto values = image.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= i % 3 == 2 ? 1.0f : 0.5f;
  crop.tensors = {StoredTensor::from("image", image)};
  write_safetensors(folder / "m" / manifest.samples[2].file, crop);
  manifest.samples[2].sha256.clear();  // a manifest of another tool need not have it
  write_manifest(manifest);
  expect_refusal(split(), 3, {"the same image"});
}

}  // namespace
}  // namespace vitrine::testing

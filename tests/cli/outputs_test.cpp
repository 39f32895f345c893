// Outputs, standard streams and words of the command line.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "base/csv.h"
#include "base/file.h"
#include "data/manifest.h"
#include "nn/efficientnet/checkpoint.h"
#include "report/png.h"
#include "tests/cli/crops.h"
#include "tests/cli/program.h"

namespace vitrine::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Outputs : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    EfficientNet net(architecture("lite0"), Semantics{}, 3);
    net.initialize(1);
    net.semantics.input_size = net.semantics.resize = 32;
    net.trained_on.class_names = {"a", "b", "=c"};
    write_sealed_safetensors(folder / "net.safetensors", to_tensor_file(net, {}));
    report::Picture picture{32, 32, 3, {}};
    for (int i = 0; i < 32 * 32 * 3; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i * 7));
    write_file(folder / "photo.png", report::png_bytes(picture));
  }
  std::string predict(const std::string& output, const std::string& images = "photo.png") const {
    std::string all = "predict --weights " + path("net.safetensors") + " --top 3 --threads 1";
    if (!output.empty()) all += " -o " + output;
    return all + " --images " + path(images);
  }
  std::string content(const std::string& name) const { return read_file(folder / name, 1u << 28); }
};

TEST_F(Outputs, ALinkIsFollowedAPipeWrittenIntoAndADashPrinted) {
  fs::create_directories(folder / "real");
  write_file(folder / "real" / "target.csv", "old");
  fs::create_symlink("real/target.csv", folder / "link.csv");
  ASSERT_EQ(vitrine_program(predict(path("link.csv"))).code, 0);
  EXPECT_TRUE(fs::is_symlink(folder / "link.csv"));
  const std::string csv = content("real/target.csv");
  EXPECT_TRUE(csv.starts_with("image,rank,class,name,probability\n")) << csv;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  Outcome reader;
  std::thread reading([&] {
    std::FILE* in = std::fopen((folder / "fifo").c_str(), "r");
    char buffer[4096];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, in)) reader.output.append(buffer, n);
    std::fclose(in);
  });
  EXPECT_EQ(vitrine_program(predict(path("fifo"))).code, 0);
  reading.join();
  EXPECT_EQ(reader.output, csv);
  EXPECT_TRUE(fs::is_fifo(folder / "fifo"));
  EXPECT_EQ(vitrine_program(predict("-")).output, csv);
  EXPECT_EQ(vitrine_program(predict("/dev/stdout")).output, csv);
  EXPECT_EQ(vitrine_program(predict("/dev/null")).code, 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  // The file behind standard output is written into, not replaced.
  ASSERT_EQ(vitrine_program(predict("/dev/stdout") + " >> " + path("log.txt")).code, 0);
  ASSERT_EQ(vitrine_program(predict("/dev/stdout") + " >> " + path("log.txt")).code, 0);
  EXPECT_EQ(content("log.txt"), csv + csv);
  EXPECT_EQ(vitrine_program("weights convert " + path("net.safetensors") + " -o - > " + path("copy.safetensors")).code, 0);
  EXPECT_EQ(content("copy.safetensors").size() > 1'000'000, true);
  EXPECT_EQ(vitrine_program("weights verify " + path("copy.safetensors")).code, 0);
}

TEST_F(Outputs, AnInputIsNeverTheOutput) {
  const std::string photo = content("photo.png"), net = content("net.safetensors");
  fs::create_symlink("net.safetensors", folder / "link");
  write_file(folder / "names.txt", "a\nb\nc\n");
  for (const std::string& command : {predict(path("photo.png")), predict(path("net.safetensors")),
                                     predict(path("names.txt")) + " --classes " + path("names.txt"),
                                     "weights convert " + path("net.safetensors") + " -o " + path("net.safetensors"),
                                     "weights convert " + path("link") + " -o " + path("net.safetensors"),
                                     "export --weights " + path("net.safetensors") + " -o " + path("link")})
    expect_refusal(command, 2, {"is also an input"});
  write_crops(folder / "m");
  expect_refusal("split " + path("m/manifest.csv") + " -o " + path("m/manifest.csv"), 2, {"is also an input"});
  const std::string crop = read_manifest(folder / "m/manifest.csv").samples.front().file;
  expect_refusal("split " + path("m/manifest.csv") + " -o " + path("m/" + crop), 2, {"is also an input"});
  EXPECT_EQ(content("photo.png"), photo);
  EXPECT_EQ(content("net.safetensors"), net);
}

TEST_F(Outputs, AnEmptyNameIsNoName) {
  for (const char* option : {"-o", "--classes"})
    expect_refusal("predict --weights " + path("net.safetensors") + " " + option + " '' --images " + path("photo.png"), 2,
                   {"is empty"});
}

// Other names of standard output are standard output: nothing else is mixed into it.
TEST_F(Outputs, StandardOutputHasManyNames) {
  write_crops(folder / "m");
  const std::string split = "split " + path("m/manifest.csv") + " --folds 2 --test-fraction 0 -o ";
  const std::string plain = vitrine_program(split + "-").output;
  EXPECT_EQ(plain.rfind("{", 0), 0u);
  for (const char* name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})
    EXPECT_EQ(vitrine_program(split + name).output, plain) << name;
}

TEST_F(Outputs, WhatIsLostIsTold) {
  const std::string full = " > /dev/full", closed = " >&-";
  for (const std::string& command : {std::string("doctor"), predict(""), std::string("--help"), std::string("help train"),
                                     "weights info " + path("net.safetensors"), predict("-")}) {
    for (const std::string& end : {full, closed}) {
      const Outcome outcome = shell(VITRINE_PROGRAM " " + command + " 2> " + path("errors") + end);
      EXPECT_EQ(outcome.code, 1) << command << end;
      EXPECT_THAT(content("errors"), HasSubstr("cannot write to standard output")) << command << end;
    }
  }
  // A program that was started without descriptors opens no file in their place.
  ASSERT_EQ(shell(VITRINE_PROGRAM " " + predict(path("p.csv")) + " <&- 2>&- > " + path("out")).code, 0);
  EXPECT_TRUE(content("p.csv").starts_with("image,rank"));
}

TEST_F(Outputs, OneBadPictureDoesNotStopTheOthers) {
  write_file(folder / "cut.png", content("photo.png").substr(0, content("photo.png").size() / 2));
  write_file(folder / "text.png", "not a picture");
  const Outcome some =
      vitrine_program(predict(path("p.csv")) + " " + path("cut.png") + " " + path("text.png") + " " + path("photo.png"));
  EXPECT_EQ(some.code, 3) << some.output;
  EXPECT_THAT(some.output, HasSubstr("cut.png"));
  EXPECT_THAT(some.output, HasSubstr("text.png"));
  EXPECT_THAT(some.output, HasSubstr("2 of 4 photographs were refused"));
  EXPECT_EQ(read_csv(folder / "p.csv").size(), 6u);
  fs::remove(folder / "p.csv");
  expect_refusal(predict(path("p.csv"), "cut.png"), 3, {"cut.png"});
  EXPECT_FALSE(fs::exists(folder / "p.csv"));
  for (const char* name : {"none.png", "."}) expect_refusal(predict(path("p.csv"), name), 3, {name});
  fs::create_symlink("loop.png", folder / "loop.png");
  expect_refusal(predict(path("p.csv"), "loop.png"), 3, {"loop of links"});
  expect_refusal(predict(path("p.csv"), std::string(300, 'x') + ".png"), 3, {"longer than the system allows"});
}

TEST_F(Outputs, ClassFilesOfOtherSystemsAreRead) {
  for (const std::string& text : {std::string("one\r\ntwo\r\nthree\r\n"), std::string("\xef\xbb\xbfone\ntwo\nthree\n\n\n"),
                                  std::string("one\rtwo\rthree"), std::string(" one \ntwo\t\nthree")}) {
    write_file(folder / "names.txt", text);
    ASSERT_EQ(vitrine_program(predict(path("p.csv")) + " --classes " + path("names.txt")).code, 0);
    const CsvTable table = read_csv(folder / "p.csv");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 3; ++i) names.emplace_back(table[i][table.column("name")]);
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("one", "two", "three"));
  }
  write_file(folder / "names.txt", "one\ntwo\n");
  expect_refusal(predict("") + " --classes " + path("names.txt"), 3, {"2 class names, the network 3"});
  write_file(folder / "names.txt", "one\nm\xe9ta\nthree\n");
  expect_refusal(predict("") + " --classes " + path("names.txt"), 3, {"names.txt:2", "not UTF-8"});
  write_file(folder / "names.txt", "one\nt\x1b[2Jwo\nthree\n");
  expect_refusal(predict("") + " --classes " + path("names.txt"), 3, {"names.txt:2", "\\x1b"});
}

TEST_F(Outputs, ForeignNamesForgeNothing) {
  fs::copy_file(folder / "photo.png", folder / "=evil.png");
  ASSERT_EQ(vitrine_program("predict --weights " + path("net.safetensors") + " -o " + path("p.csv") + " --images '" +
                                path("=evil.png") + "'",
                            "cd " + folder.string() + " &&")
                .code,
            0);
  ASSERT_EQ(
      vitrine_program("predict --weights net.safetensors -o p.csv --images =evil.png", "cd " + folder.string() + " &&").code,
      0);
  const std::string csv = content("p.csv");
  EXPECT_THAT(csv, HasSubstr("\n\"'=evil.png\",1,"));  // a spreadsheet would run it
  EXPECT_THAT(csv, HasSubstr(",\"'=c\","));
  EXPECT_EQ(read_csv(folder / "p.csv")[0][0], "=evil.png");
  const std::string forged = path("a\nvitrine: all is well.png");
  const Outcome outcome = vitrine_program("predict --weights " + path("net.safetensors") + " --images '" + forged + "'");
  EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("\\nvitrine"));
}

TEST_F(Outputs, AnswersThatAreNoNumbersAreRefused) {
  for (const auto& [tensor, value] : std::vector<std::pair<std::string, float>>{
           {"blocks.1.0.bn2.running_var", -1.0f}, {"conv_stem.weight", std::nanf("")}, {"classifier.weight", 3e38f}}) {
    TensorFile file = read_safetensors(folder / "net.safetensors");
    for (StoredTensor& t : file.tensors) {
      if (t.name == tensor) t = StoredTensor::from(t.name, Tensor::full(t.shape, value));
      t = t.in_memory();
    }
    write_sealed_safetensors(folder / "bad.safetensors", file);
    const Outcome outcome = vitrine_program("predict --weights " + path("bad.safetensors") + " -o " + path("p.csv") +
                                            " --images " + path("photo.png"));
    EXPECT_EQ(outcome.code, 5) << tensor << outcome.output;
    EXPECT_THAT(outcome.output, Not(HasSubstr("class 0"))) << tensor;
    EXPECT_FALSE(fs::exists(folder / "p.csv"));
    if (value < 0 || value != value) {
      const Outcome exported =
          vitrine_program("export --weights " + path("bad.safetensors") + " --format onnx -o " + path("bad.onnx"));
      EXPECT_EQ(exported.code, 5) << exported.output;
      EXPECT_THAT(exported.output, HasSubstr(tensor + " holds"));
      EXPECT_FALSE(fs::exists(folder / "bad.onnx"));
    }
    write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({1, 3, 32, 32}, 0.5f))}, {}});
    const Outcome other = vitrine_program("predict --weights " + path("bad.safetensors") + " -o " + path("o.safetensors") +
                                          " --tensor " + path("in.safetensors"));
    EXPECT_EQ(other.code, 5) << other.output;
    EXPECT_FALSE(fs::exists(folder / "o.safetensors"));
  }
  write_safetensors(folder / "in.safetensors", {{StoredTensor::from("input", Tensor::full({1, 3, 32, 32}, HUGE_VALF))}, {}});
  expect_refusal(
      "predict --weights " + path("net.safetensors") + " -o " + path("o.safetensors") + " --tensor " + path("in.safetensors"),
      3, {"not finite"});
}

TEST_F(Outputs, OneFlippedBitOfAnOwnFileIsSeen) {
  const std::string good = content("net.safetensors");
  for (const double place : {0.0003, 0.002, 0.1, 0.5, 0.9, 1.0}) {
    std::string bytes = good;
    bytes[static_cast<std::size_t>(place * static_cast<double>(bytes.size() - 1))] ^= 16;
    write_file(folder / "flipped.safetensors", bytes);
    for (const std::string& command : {"predict --images " + path("photo.png") + " --weights ", std::string("weights verify "),
                                       "export --format onnx -o " + path("o.onnx") + " --weights "}) {
      const Outcome outcome = vitrine_program(command + path("flipped.safetensors"));
      EXPECT_EQ(outcome.code, 4) << command << place << "\n" << outcome.output;
    }
  }
}

TEST_F(Outputs, WordsThatWereMeantAreNamed) {
  expect_refusal("predict --wieghts x", 2, {"--wieghts", "is it --weights?"});
  expect_refusal("predcit", 2, {"'predcit'", "is it predict?"});
  expect_refusal("weights inof x", 2, {"'inof'", "is it info?"});
  expect_refusal("cv m --splits s -o r --epoch=3", 2, {"--epoch", "is it --epochs?"});
  if (has_itk()) expect_refusal("mri perp x -o y", 2, {"'perp'", "is it prep?"});
  expect_refusal("bench infer --sizes 3", 2, {"--sizes", "is it --size?"});
  expect_refusal("help trian", 2, {"is it train?"});
  for (const char* help : {"help", "help predict", "help weights convert", "predict --help"}) {
    const Outcome outcome = vitrine_program(help);
    EXPECT_EQ(outcome.code, 0) << help;
    EXPECT_THAT(outcome.output, HasSubstr("Example: vitrine")) << help;
  }
  for (const char* seed : {"-1", "18446744073709551616", "1.5", "0x10", "1e3"})
    expect_refusal(std::string("split m.csv -o s.json --split-seed ") + seed, 2, {"--split-seed", "whole number"});
  expect_refusal("train m.csv --splits s -o r --epochs 1000000", 2, {"1 to 100000"});
  for (const char* where : {"--threads 1 predict", "predict --threads 1"})
    expect_refusal(std::string(where) + " --weights " + path("none") + " --images x", 4, {"none does not exist"});
}

}  // namespace
}  // namespace vitrine::testing

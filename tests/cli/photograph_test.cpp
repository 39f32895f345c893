// `vitrine predict --images`: pictures that are decoded apart, refused, interrupted, or too large for the memory there is.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/confinement.h"
#include "base/number.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/prediction.h"
#include "tests/cli/program.h"
#include "tests/data/pictures.h"
#include "weights/safetensors.h"

namespace vitrine::testing {
namespace {

class PredictPhotographs : public Program {
 protected:
  void SetUp() override {
    if (!can_read_photographs()) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
    if (!sandbox_flaw().empty()) GTEST_SKIP() << sandbox_flaw();
    Program::SetUp();
    EfficientNet net(architecture("lite0"), Semantics{}, 3);
    net.initialize(1);
    write_safetensors(folder / "w.safetensors", to_tensor_file(net, {}));
  }

  std::string picture(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return path(name);
  }
  std::string predict(const std::string& pictures, const std::string& more = "") const {
    return "--threads 1 predict --weights " + path("w.safetensors") + " --top 1 " + more + " --images " + pictures;
  }
};

TEST_F(PredictPhotographs, OneThatIsRefusedDoesNotStopTheOthers) {
  const std::string good = picture("good.jpg", golden("exif_6.jpg")),
                    cut = picture("cut.jpg", golden("exif_6.jpg").substr(0, 500));
  const std::string flipped = picture("flipped.png", std::string(golden("colour_2_8.png")).replace(60, 1, "?"));
  const std::string last = picture("last.png", golden("colour_2_8.png"));
  const Outcome outcome = vitrine_program(predict(good + " " + cut + " " + flipped + " " + last, "-o " + path("p.csv")));
  EXPECT_EQ(outcome.code, 3) << outcome.output;
  for (const std::string part : {"turned as its EXIF orientation 6", "cut.jpg: it is truncated",
                                 "flipped.png: the checksum (CRC-32)", "2 of 4 photographs were refused"})
    EXPECT_NE(outcome.output.find(part), std::string::npos) << part << " is not in: " << outcome.output;
  const std::string csv = read_file(folder / "p.csv", 10'000);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3) << csv;
}

TEST_F(PredictPhotographs, ApartOrHereTheBitsAreTheSame) {
  std::string pictures;
  for (const std::string name : {"progressive.jpg", "cmyk.jpg", "colour_3_4_interlaced.png", "exif_8_tall.jpg"})
    pictures += picture(name, golden(name)) + " ";
  ASSERT_EQ(vitrine_program(predict(pictures, "-o " + path("apart.csv"))).code, 0);
  ASSERT_EQ(vitrine_program(predict(pictures, "--no-sandbox -o " + path("here.csv"))).code, 0);
  EXPECT_EQ(read_file(folder / "apart.csv", 10'000), read_file(folder / "here.csv", 10'000));
}

// A library's user, who has pixels and no file, gets what the program says of the file.
TEST_F(PredictPhotographs, PixelsInMemoryGiveTheProgramsBits) {
  for (const auto& [height, width] : {std::pair(300, 341), std::pair(97, 61), std::pair(1, 700)}) {
    ByteImage image{height, width, {}};
    std::string rows;
    for (int y = 0; y < height; ++y) {
      rows += '\0';  // the row's filter: none
      for (int i = 0; i < width * 3; ++i) {
        image.rgb.push_back(static_cast<std::uint8_t>((y * 5 + i * i / 40 + i % 3 * y * 2) % 256));
        rows += static_cast<char>(image.rgb.back());
      }
    }
    const std::string file = picture(
        "pattern.png",
        png_of(static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), 8, 2, png_chunk("IDAT", stored(rows))));
    for (const std::string more : {"", "--interpolation bilinear --resize 90 --input-size 64 --norm half"}) {
      SemanticsOverrides overrides;
      if (!more.empty()) overrides = {"", "half", "bilinear", 90, 64};
      const std::string command =
          "predict --weights " + path("w.safetensors") + " --images " + file + " " + more + " -o " + path("p.csv");
      ASSERT_EQ(vitrine_program(command).code, 0);
      EfficientNet net = load_efficientnet(read_safetensors(folder / "w.safetensors"), "", "auto", overrides, "w.safetensors");
      Inference inference(net);
      const std::vector<double> p = classify(inference, net, image);
      const std::string csv = read_file(folder / "p.csv", 10'000);
      ASSERT_EQ(p.size(), 3u);
      for (std::size_t c = 0; c < 3; ++c)
        EXPECT_NE(csv.find("," + std::to_string(c) + ",," + shortest(p[c]) + "\n"), std::string::npos) << c << more << "\n"
                                                                                                       << csv;
    }
  }
}

TEST_F(PredictPhotographs, AStripIsAsItsPixel) {
  const std::string pictures = picture("one.png", black(1, 1)) + " " + picture("wide.png", black(1'000'000, 1)) + " " +
                               picture("tall.png", black(1, 200'000));
  ASSERT_EQ(vitrine_program(predict(pictures, "-o " + path("p.csv"))).code, 0);
  std::ifstream csv(folder / "p.csv");
  std::string line, first;
  std::getline(csv, line);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(std::getline(csv, line));
    line = line.substr(line.find(".png") + 4);
    if (i == 0) first = line;
    EXPECT_EQ(line, first);
  }
}

// An interlaced picture of 192 MB that really arrives, and a program that may have 180 MB in all: that is no damage of the picture.
TEST_F(PredictPhotographs, TooLittleMemoryIsCalledThat) {
  if (kAddressSanitizer) GTEST_SKIP() << "its shadow does not fit into any limit";
  const std::string large =
      picture("large.png", png_of(8000, 8000, 8, 2, png_chunk("IDAT", zeros(8000 * 24'001 + 7'000)), true));
  for (const std::string where : {"", "--no-sandbox"})
    expect_refusal(predict(large, where), 1, {"out of memory"}, "ulimit -v 180000;");
  EXPECT_EQ(vitrine_program(predict(picture("small.png", golden("colour_2_8.png"))), "ulimit -v 180000;").code, 0);
}

TEST_F(PredictPhotographs, CtrlCEndsAllOfIt) {
  std::vector<std::string> words = {"vitrine", "predict", "--weights", path("w.safetensors"), "--images"};
  for (int i = 0; i < 3000; ++i) words.push_back(picture("p.jpg", golden("progressive_444.jpg")));
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  for (const int signal_number : {SIGINT, SIGTERM}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setpgid(0, 0);
      const int null = ::open("/dev/null", O_WRONLY);
      ::dup2(null, 1);
      ::dup2(null, 2);
      ::execv(VITRINE_PROGRAM, arguments.data());
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    const auto start = std::chrono::steady_clock::now();
    ::kill(child, signal_number);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(kAddressSanitizer ? 2000 : 900));
    EXPECT_EQ(WEXITSTATUS(status), 128 + signal_number);
    EXPECT_EQ(::kill(-child, 0), -1) << "a process of its group is left";
  }
}

}  // namespace
}  // namespace vitrine::testing

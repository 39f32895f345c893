// Through the C interface come the numbers of the library and of `vitrine predict`, to the bit, from any number of threads.
#include <cfenv>
#include <cmath>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/number.h"
#include "nn/efficientnet/inference.h"
#include "tests/data/pictures.h"
#include "tests/library/c/c_interface.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace vitrine::testing {
namespace {

using CPredictions = CInterface;

TEST_F(CPredictions, AnOpenNetworkSaysWhatItIs) {
  EXPECT_EQ(vitrine_classes(network_), kClasses);
  EXPECT_EQ(vitrine_channels(network_), 3);
  EXPECT_EQ(vitrine_input_size(network_), 64);
  EXPECT_STREQ(vitrine_architecture(network_), "lite0");
  EXPECT_STREQ(vitrine_class_name(network_, 4), "");
  float mean[3], deviation[3];
  ASSERT_EQ(vitrine_normalization(network_, mean, deviation), VITRINE_OK);
  EXPECT_EQ(mean[2], 0.406f);
  EXPECT_EQ(deviation[0], 0.229f);
  EXPECT_EQ(std::string(vitrine_version()).find("0."), 0u);
}

TEST_F(CPredictions, ClassNamesAreTheFilesOwn) {
  EfficientNet net = drawn();
  net.trained_on.class_names = {"NSCLC", "SCLC", "c", "d", "e\x1b[2J"};
  net.trained_on.height = net.trained_on.width = 40;
  write_safetensors(folder / "named.safetensors", to_tensor_file(net, {}));
  vitrine_network* named = nullptr;
  ASSERT_EQ(vitrine_open(path("named.safetensors").c_str(), &named), VITRINE_OK) << vitrine_last_error();
  EXPECT_STREQ(vitrine_class_name(named, 1), "SCLC");
  EXPECT_STREQ(vitrine_class_name(named, 4), "e\\x1b[2J");
  const std::vector<float> x = images(1, 64, 64);
  const std::int64_t shape[4] = {1, 64, 64, 3};
  float out[kClasses];
  ASSERT_EQ(vitrine_run(named, x.data(), shape, VITRINE_NHWC, out, kClasses), VITRINE_OK);
  EXPECT_NE(std::string(vitrine_last_note()).find("was trained on 40 x 40"), std::string::npos) << vitrine_last_note();
  EXPECT_STREQ(vitrine_last_error(), "");
  EXPECT_EQ(vitrine_close(named), VITRINE_OK);
}

TEST_F(CPredictions, FloatsGiveTheLogitsOfTheLibraryInBothLayouts) {
  constexpr std::int64_t kN = 3, kH = 40, kW = 36;
  const std::vector<float> nhwc = images(kN, kH, kW);
  std::vector<float> nchw(nhwc.size());
  for (std::size_t i = 0; i < nhwc.size(); ++i) {
    const std::size_t c = i % 3, pixel = i / 3 % (kH * kW), n = i / 3 / (kH * kW);
    nchw[(n * 3 + c) * kH * kW + pixel] = nhwc[i];
  }
  const Tensor expected = Inference(drawn_).run(Tensor::from({kN, kH, kW, 3}, nhwc));
  const std::vector<float> values(expected.host().begin(), expected.host().end());
  EXPECT_EQ(logits(nhwc, {kN, kH, kW, 3}, VITRINE_NHWC), values);
  EXPECT_EQ(logits(nchw, {kN, 3, kH, kW}, VITRINE_NCHW), values);
  const std::size_t image = kH * kW * 3;
  const std::vector<float> last = logits({nhwc.begin() + 2 * image, nhwc.end()}, {1, kH, kW, 3}, VITRINE_NHWC);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), values.begin() + 2 * kClasses));
}

TEST_F(CPredictions, WhatLiesBehindTheCapacityIsLeftAlone) {
  const std::vector<float> x = images(1, 32, 32);
  const std::int64_t shape[4] = {1, 32, 32, 3};
  std::vector<float> out(kClasses + 2, 77.0f);
  ASSERT_EQ(vitrine_run(network_, x.data(), shape, VITRINE_NHWC, out.data(), out.size()), VITRINE_OK);
  EXPECT_EQ(out[kClasses], 77.0f);
  EXPECT_EQ(out[kClasses + 1], 77.0f);
}

TEST_F(CPredictions, OneChannel) {
  EfficientNet net = drawn(2, 1);
  write_safetensors(folder / "grey.safetensors", to_tensor_file(net, {}));
  vitrine_network* grey = nullptr;
  ASSERT_EQ(vitrine_open(path("grey.safetensors").c_str(), &grey), VITRINE_OK) << vitrine_last_error();
  EXPECT_EQ(vitrine_channels(grey), 1);
  double p[2];
  expect_refused(vitrine_predict_rgb(grey, pixels(70, 70).data(), 70, 70, 0, p, 2), VITRINE_DATA,
                 {"colours", "one grey channel"});
  const std::vector<std::uint8_t> even(70 * 70 * 3, 90);
  ASSERT_EQ(vitrine_predict_rgb(grey, even.data(), 70, 70, 0, p, 2), VITRINE_OK) << vitrine_last_error();
  EXPECT_NEAR(p[0] + p[1], 1, 1e-12);
  const std::vector<float> x = images(2, 32, 33, 1);
  float last[4], first[4];
  const std::int64_t nhwc[4] = {2, 32, 33, 1}, nchw[4] = {2, 1, 32, 33};
  ASSERT_EQ(vitrine_run(grey, x.data(), nhwc, VITRINE_NHWC, last, 4), VITRINE_OK);
  ASSERT_EQ(vitrine_run(grey, x.data(), nchw, VITRINE_NCHW, first, 4), VITRINE_OK);
  EXPECT_TRUE(std::equal(last, last + 4, first));
  EXPECT_EQ(vitrine_close(grey), VITRINE_OK);
}

// Probabilities by class, as the program writes them: shortest, which read back to the same bits.
std::vector<double> from_csv(const std::string& csv, std::int64_t classes) {
  std::vector<double> p(static_cast<std::size_t>(classes));
  std::istringstream lines(csv);
  std::string line;
  for (std::getline(lines, line); std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
    EXPECT_TRUE(parse_number(fields.back(), p.at(std::stoul(fields.at(2))))) << line;
  }
  return p;
}

TEST_F(CPredictions, PhotographsHaveTheProbabilitiesOfTheProgram) {
  if (vitrine_can_read_photographs() == 0) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
  std::vector<std::pair<std::string, std::string>> pictures{{"photo.png", read_file(photograph(90, 131), 1u << 20)}};
  for (const std::string name : {"progressive.jpg", "cmyk.jpg", "exif_6.jpg", "colour_3_4_interlaced.png"})
    pictures.emplace_back(name, golden(name));
  for (const auto& [name, bytes] : pictures) {
    write_file(folder / name, bytes);
    ASSERT_EQ(vitrine_program("predict --no-sandbox --top 5 --weights " + path("net.safetensors") + " --images " + path(name) +
                              " -o " + path("p.csv"))
                  .code,
              0);
    const std::vector<double> expected = from_csv(read_file(folder / "p.csv", 10'000), kClasses);
    std::vector<double> p(kClasses), q(kClasses);
    ASSERT_EQ(vitrine_predict_file(network_, path(name).c_str(), p.data(), p.size()), VITRINE_OK) << vitrine_last_error();
    EXPECT_EQ(p, expected) << name;
    EXPECT_EQ(std::string(vitrine_last_note()).find("turned as its EXIF orientation 6") != std::string::npos,
              name == "exif_6.jpg");
    ASSERT_EQ(vitrine_predict_photograph(network_, bytes.data(), bytes.size(), q.data(), q.size()), VITRINE_OK);
    EXPECT_EQ(q, expected) << name;
  }
}

TEST_F(CPredictions, PixelsAreAsTheirPng) {
  if (vitrine_can_read_photographs() == 0) GTEST_SKIP() << "built without libjpeg-turbo and libpng";
  constexpr std::int64_t kRows = 90, kColumns = 131;
  std::vector<double> p(kClasses), q(kClasses);
  ASSERT_EQ(vitrine_predict_file(network_, photograph(kRows, kColumns).c_str(), p.data(), p.size()), VITRINE_OK);
  const std::vector<std::uint8_t> rgb = pixels(kRows, kColumns);
  ASSERT_EQ(vitrine_predict_rgb(network_, rgb.data(), kRows, kColumns, 0, q.data(), q.size()), VITRINE_OK)
      << vitrine_last_error();
  EXPECT_EQ(p, q);
  // The same rows further apart, the last one ending with its pixels.
  constexpr std::size_t kRow = kColumns * 3, kStride = kRow + 13;
  std::vector<std::uint8_t> apart((kRows - 1) * kStride + kRow, 255);
  for (std::size_t y = 0; y < kRows; ++y) std::copy_n(rgb.begin() + y * kRow, kRow, apart.begin() + y * kStride);
  ASSERT_EQ(vitrine_predict_rgb(network_, apart.data(), kRows, kColumns, kStride, q.data(), q.size()), VITRINE_OK);
  EXPECT_EQ(p, q);
}

TEST_F(CPredictions, FourThreadsAtOnceGiveTheBitsOfOne) {
  vitrine_network* other = nullptr;
  write_safetensors(folder / "other.safetensors", to_tensor_file(drawn_ = drawn(7), {}));
  ASSERT_EQ(vitrine_open(path("other.safetensors").c_str(), &other), VITRINE_OK);
  constexpr std::int64_t kSides[] = {32, 48, 40, 33};
  const auto one = [&](std::size_t i, const vitrine_network* network, std::vector<float>& out, std::vector<double>& p) {
    const std::int64_t n = 1 + static_cast<std::int64_t>(i) * 2, classes = vitrine_classes(network);
    const std::vector<float> x = images(n, kSides[i], kSides[3 - i]);
    const std::int64_t shape[4] = {n, kSides[i], kSides[3 - i], 3};
    out.resize(static_cast<std::size_t>(n * classes));
    p.resize(static_cast<std::size_t>(classes));
    const std::vector<std::uint8_t> rgb = pixels(100 + 10 * static_cast<std::int64_t>(i), 90);
    return vitrine_run(network, x.data(), shape, VITRINE_NHWC, out.data(), out.size()) == VITRINE_OK &&
           vitrine_predict_rgb(network, rgb.data(), 100 + 10 * static_cast<std::int64_t>(i), 90, 0, p.data(), p.size()) ==
               VITRINE_OK;
  };
  std::vector<float> out[2][4];
  std::vector<double> p[2][4];
  ASSERT_EQ(vitrine_set_threads(1), VITRINE_OK);
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(one(i, network_, out[0][i], p[0][i])) << vitrine_last_error();
    ASSERT_TRUE(one(i, other, out[1][i], p[1][i])) << vitrine_last_error();
  }
  for (const int threads : {1, 2, 3}) {
    ASSERT_EQ(vitrine_set_threads(threads), VITRINE_OK);
    EXPECT_EQ(vitrine_threads(), threads);
    int wrong[4] = {0, 0, 0, 0};
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < 4; ++i) {
      callers.emplace_back([&, i] {
        for (int round = 0; round < 6; ++round) {
          std::vector<float> now;
          std::vector<double> q;
          const std::size_t which = (i + static_cast<std::size_t>(round)) % 2;
          const bool done = one(i, which == 0 ? network_ : other, now, q);
          wrong[i] += !done || now != out[which][i] || q != p[which][i];
          if (i == 3 && round == 2) wrong[i] += vitrine_set_threads(threads % 3 + 1) != VITRINE_OK;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    for (const int count : wrong) EXPECT_EQ(count, 0);
  }
  EXPECT_EQ(vitrine_close(other), VITRINE_OK);
}

TEST_F(CPredictions, TheCallersArithmeticChangesNothingAndComesBack) {
  const std::vector<float> x = images(2, 40, 40);
  ASSERT_EQ(vitrine_set_threads(2), VITRINE_OK);
  const std::vector<float> expected = logits(x, {2, 40, 40, 3}, VITRINE_NHWC);
  std::fenv_t before;
  std::fegetenv(&before);
  std::fesetround(FE_UPWARD);
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040);  // denormals are zero, in and out
  const unsigned strange = _mm_getcsr();
#endif
  const int status = vitrine_set_threads(3);  // new threads inherit the caller's
  const std::vector<float> found = logits(x, {2, 40, 40, 3}, VITRINE_NHWC);
#if defined(__x86_64__)
  EXPECT_EQ(_mm_getcsr(), strange);
#endif
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  std::fesetenv(&before);
  EXPECT_EQ(status, VITRINE_OK);
  EXPECT_EQ(found, expected);
}

TEST_F(CPredictions, WeightsThatOverflowAreNamed) {
  EfficientNet net = drawn();
  net.classifier_bias.value = Tensor::full({kClasses}, HUGE_VALF);
  write_safetensors(folder / "wild.safetensors", to_tensor_file(net, {}));
  vitrine_network* wild = nullptr;
  ASSERT_EQ(vitrine_open(path("wild.safetensors").c_str(), &wild), VITRINE_OK) << vitrine_last_error();
  EXPECT_NE(std::string(vitrine_last_note()).find("5 NaN or infinite values"), std::string::npos) << vitrine_last_note();
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const std::vector<float> x = images(1, 32, 32);
      const std::int64_t shape[4] = {1, 32, 32, 3};
      float out[kClasses];
      double p[kClasses];
      for (int round = 0; round < 3; ++round)
        expect_refused(vitrine_run(wild, x.data(), shape, VITRINE_NHWC, out, kClasses), VITRINE_NUMERICAL, {"linear"});
      expect_refused(vitrine_predict_rgb(wild, pixels(70, 70).data(), 70, 70, 0, p, kClasses), VITRINE_NUMERICAL, {"linear"});
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(vitrine_close(wild), VITRINE_OK);
}

}  // namespace
}  // namespace vitrine::testing

// A drawn checkpoint, opened through vitrine_c.h: the base of the tests of the C interface.
#pragma once

#include <string>
#include <vector>

#include "base/output.h"
#include "library/c/vitrine_c.h"
#include "nn/efficientnet/checkpoint.h"
#include "report/png.h"
#include "tests/cli/program.h"
#include "weights/safetensors.h"

namespace vitrine::testing {

constexpr bool kSanitized = VITRINE_C_SANITIZED != 0, kOptimized = VITRINE_C_OPTIMIZED != 0;

class CInterface : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    write_sealed_safetensors(folder / "net.safetensors", to_tensor_file(drawn_, {}));
    ASSERT_EQ(vitrine_open(path("net.safetensors").c_str(), &network_), VITRINE_OK) << vitrine_last_error();
  }
  void TearDown() override {
    if (network_ != nullptr) {
      EXPECT_EQ(vitrine_close(network_), VITRINE_OK) << vitrine_last_error();
    }
    Program::TearDown();
  }

  static EfficientNet drawn(std::int64_t classes = kClasses, std::int64_t channels = 3) {
    Semantics semantics;
    semantics.channels = channels;
    semantics.resize = 72;
    semantics.input_size = 64;
    EfficientNet net(architecture("lite0"), semantics, classes);
    net.initialize(7);
    return net;
  }

  // A last call was refused so: its status, and one sentence that holds every one of `parts`.
  static void expect_refused(int status, int expected, const std::vector<std::string>& parts) {
    const std::string error = vitrine_last_error();
    EXPECT_EQ(status, expected) << error;
    EXPECT_TRUE(error.starts_with("vitrine_")) << error;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    EXPECT_LE(error.size(), 511u);
    for (const std::string& part : parts) EXPECT_NE(error.find(part), std::string::npos) << part << " is not in: " << error;
  }

  // Values between -2 and 2 that no two places share, nearly.
  static std::vector<float> images(std::int64_t count, std::int64_t rows, std::int64_t columns, std::int64_t channels = 3) {
    std::vector<float> values(static_cast<std::size_t>(count * rows * columns * channels));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 2654435761u % 4001) / 1000.0f - 2.0f;
    return values;
  }
  static std::vector<std::uint8_t> pixels(std::int64_t rows, std::int64_t columns) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(rows * columns * 3));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>((i * 2654435761u >> 7) + i / 97);
    return values;
  }
  std::string photograph(std::int64_t rows, std::int64_t columns) const {
    write_file(folder / "photo.png",
               report::png_bytes({static_cast<int>(columns), static_cast<int>(rows), 3, pixels(rows, columns)}));
    return path("photo.png");
  }
  std::vector<float> logits(const std::vector<float>& values, const std::vector<std::int64_t>& shape, int layout) const {
    std::vector<float> out(static_cast<std::size_t>(shape[0] * kClasses));
    EXPECT_EQ(vitrine_run(network_, values.data(), shape.data(), layout, out.data(), out.size()), VITRINE_OK)
        << vitrine_last_error();
    return out;
  }

  static constexpr std::int64_t kClasses = 5;
  EfficientNet drawn_ = drawn();
  vitrine_network* network_ = nullptr;
};

}  // namespace vitrine::testing

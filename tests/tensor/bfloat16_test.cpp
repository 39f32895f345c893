#include "tensor/bfloat16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "tensor/philox.h"
#include "tensor/tensor.h"
#include "tests/cuda_devices.h"

namespace vitrine::testing {
namespace {

float to_value(float x) { return widened(to_bfloat16(x)); }

std::vector<Device> cuda_devices_and_cpu() {
  std::vector<Device> devices = cuda_devices();
  devices.push_back(Device::cpu());
  return devices;
}

// Every value of the type comes back.
TEST(BFloat16, AllOfItsValuesAreKept) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const BFloat16 h{static_cast<std::uint16_t>(bits)};
    const float x = widened(h);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(x), bits << 16);
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(widened(to_bfloat16(x))));
    } else {
      EXPECT_EQ(to_bfloat16(x).bits, h.bits);
    }
  }
}

TEST(BFloat16, RoundsToTheNearestAndTiesToEven) {
  const auto rounded = [](float x) { return widened(to_bfloat16(x)); };
  EXPECT_EQ(rounded(1.0f + 0x1p-8f), 1.0f);              // half way, even below
  EXPECT_EQ(rounded(1.0f + 0x1.8p-7f), 1.0f + 0x1p-6f);  // half way, even above
  EXPECT_EQ(rounded(1.0f + 0x1.01p-8f), 1.0f + 0x1p-7f);
  EXPECT_EQ(rounded(-1.0f - 0x1p-9f), -1.0f);
  EXPECT_EQ(rounded(std::numeric_limits<float>::max()), std::numeric_limits<float>::infinity());
  EXPECT_EQ(rounded(std::numeric_limits<float>::infinity()), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::bit_cast<float>(0x7f800001u)))) << "a NaN whose bits lie below";
  EXPECT_EQ(std::bit_cast<std::uint32_t>(rounded(-0.0f)), 0x80000000u);
  const Draw draw{.seed = 3, .purpose = Purpose::init, .op = 1};
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const auto x = static_cast<float>(draw.normal(i) * std::exp2(static_cast<double>(i % 200) - 100));
    EXPECT_LE(std::abs(rounded(x) - x), 0x1p-8f * std::abs(x)) << x;
  }
}

TEST(BFloat16, TensorsAreConvertedOnTheirDevice) {
  const Tensor x = Tensor::from({2, 2}, std::vector<float>{1.0f, -0x1.01p0f, 3e38f, 0x1.ffp-130f});
  const std::vector<float> want{1.0f, -1.0f, to_value(3e38f), to_value(0x1.ffp-130f)};
  for (const Device device : cuda_devices_and_cpu()) {
    const Tensor there = x.to(device), rounded = there.in_bfloat16(), wide = rounded.in_float32();
    EXPECT_EQ(rounded.dtype(), DType::bf16);
    EXPECT_EQ(rounded.device(), device);
    const Tensor here = wide.to(Device::cpu());
    EXPECT_TRUE(std::ranges::equal(here.host(), want)) << device.text();
    EXPECT_THROW(there.in_float32(), DTypeError);
    EXPECT_THROW(rounded.in_bfloat16(), DTypeError);
  }
}

}  // namespace
}  // namespace vitrine::testing

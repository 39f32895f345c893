// The CUDA back end beyond single ops: elementwise maths, every layer shape of b0, fused blocks, the graphs of cuDNN.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/swish.h"
#include "layers/depthwise_conv2d.h"
#include "layers/unary_cuda.h"
#include "tensor/cuda/runtime.h"
#include "tests/cuda_devices.h"
#include "tests/layers/twins.h"

namespace vitrine::testing {
namespace {

// Every 4,099th float: both signs, infinities, numbers below the smallest normal one, NaN.
TEST(CudaMaths, HasTheBitsOfTheVectorKernels) {
  std::vector<float> x, y;
  for (std::uint64_t i = 0; i < (std::uint64_t{1} << 32); i += 4099)
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(i)));
  y.resize(x.size());
  kernels::unary_kernels().forward(Unary::swish, x.data(), static_cast<std::int64_t>(x.size()), y.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float got = cuda::Swish::value(x[i]);
    ASSERT_TRUE(std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(y[i]) ||
                (std::isnan(got) && std::isnan(y[i])))
        << x[i] << ": " << got << " against " << y[i];
  }
  const std::vector<float> dy(x.size(), 0.75f);
  kernels::unary_kernels().backward(Unary::swish, x.data(), dy.data(), static_cast<std::int64_t>(x.size()), y.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float got = 0.75f * cuda::Swish::slope(x[i]);
    ASSERT_TRUE(std::bit_cast<std::uint32_t>(got) == std::bit_cast<std::uint32_t>(y[i]) ||
                (std::isnan(got) && std::isnan(y[i])))
        << x[i];
  }
}

struct Layer {
  std::int64_t size, C, kernel, stride;
};
// The depthwise convolutions of EfficientNet-b0: rows of the input at 64 pixels and at 224 (Tan, Le 2019, table 1).
constexpr Layer kLayers[] = {{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {56, 144, 5, 2},
                             {28, 240, 5, 1}, {28, 240, 3, 2}, {14, 480, 3, 1}, {14, 480, 5, 1},
                             {14, 672, 5, 1}, {14, 672, 5, 2}, {7, 1152, 5, 1}, {7, 1152, 3, 1}};

ConvShape shape_of(const Layer& l, std::int64_t size) {
  const Padding p = same_padding(size, size, l.kernel, l.stride);
  const std::int64_t out = output_size(size, p.top, p.bottom, l.kernel, l.stride);
  return {1, size, size, l.C, l.kernel, l.kernel, l.C, out, out, l.stride, p};
}

std::vector<std::int64_t> sizes_of(const Layer& l) { return {l.size, std::max<std::int64_t>(1, l.size * 64 / 224)}; }

// y, dx and dw of one layer on one device, on the host.
Named depthwise(const ConvShape& s, Device device) {
  const Tensor x = drawn({s.N, s.H, s.W, s.C}, 0, 1, 1).to(device), w = drawn({s.R, s.S, s.C}, 0, 1, 2).to(device);
  const Tensor dy = drawn({s.N, s.P, s.Q, s.C}, 0, 1, 3).to(device);
  Named all{{"y", Tensor::uninitialized(dy.shape(), device)},
            {"dx", Tensor::uninitialized(x.shape(), device)},
            {"dw", Tensor::uninitialized(w.shape(), device)}};
  const kernels::DepthwiseConv2dKernels& k = kernels::depthwise_conv2d_kernels(device);
  k.forward(s, x.data(), w.data(), all[0].second.mutable_data());
  k.backward_data(s, dy.data(), w.data(), all[1].second.mutable_data());
  k.backward_weights(s, x.data(), dy.data(), all[2].second.mutable_data());
  for (auto& [name, tensor] : all) tensor = tensor.to(Device::cpu());
  return all;
}

TEST(CudaDepthwise, HasTheBitsOfTheCpuOverEveryShapeOfB0) {
  for (const Layer& layer : kLayers) {
    for (const std::int64_t size : sizes_of(layer)) {
      const ConvShape s = shape_of(layer, size);
      const Named want = depthwise(s, Device::cpu());
      for (const Device device : cuda_devices()) {
        const TierScope scope(cuda::Tier::portable);
        const Named got = depthwise(s, device);
        for (std::size_t t = 0; t < want.size(); ++t) {
          ASSERT_EQ(
              0, std::memcmp(got[t].second.data(), want[t].second.data(), static_cast<std::size_t>(want[t].second.size()) * 4))
              << want[t].first << " of " << s.C << " channels, " << size << " rows, on " << device.text();
        }
      }
    }
  }
}

// The gradient of the taps has another order; with two images its blocks take several tiles and share them unevenly.
TEST(CudaDepthwise, AgreesOverEveryShapeOfB0InTheRunToRunTier) {
  for (const Layer& layer : kLayers) {
    for (const std::int64_t size : sizes_of(layer)) {
      ConvShape s = shape_of(layer, size);
      s.N = size < 100 ? 2 : 1;
      const Named want = depthwise(s, Device::cpu());
      for (const Device device : cuda_devices()) {
        const TierScope scope(cuda::Tier::run_to_run);
        const Named got = depthwise(s, device);
        expect_near(got, want, 2e-6f);
        const Named again = depthwise(s, device);
        ASSERT_EQ(0,
                  std::memcmp(again[2].second.data(), got[2].second.data(), static_cast<std::size_t>(got[2].second.size()) * 4))
            << "a repeated run differs on " << device.text();
      }
    }
  }
}

TEST(CudnnSwish, AgreesWithOurKernelOnAGpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << cuda::why_no_device();
  const TierScope scope(cuda::Tier::run_to_run);
  const Device device = Device::cuda(0);
  const Tensor x = drawn({4096}, 0, 3, 1), dy = drawn({4096}, 0, 1, 2);
  Named want{{"y", Tensor::uninitialized({4096})}, {"dx", Tensor::uninitialized({4096})}};
  Named got{{"y", Tensor::uninitialized({4096}, device)}, {"dx", Tensor::uninitialized({4096}, device)}};
  kernels::unary_kernels().forward(Unary::swish, x.data(), 4096, want[0].second.mutable_data());
  kernels::unary_kernels().backward(Unary::swish, x.data(), dy.data(), 4096, want[1].second.mutable_data());
  const Tensor a = x.to(device), b = dy.to(device);
  cuda::make_current(device);
  if (!cuda::library_swish(a.data(), 4096, got[0].second.mutable_data()) ||
      !cuda::library_swish_gradient(a.data(), b.data(), 4096, got[1].second.mutable_data()))
    GTEST_SKIP() << "cuDNN has no engine for swish alone";
  for (auto& [name, tensor] : got) tensor = tensor.to(Device::cpu());
  expect_near(got, want, 1e-5f);  // cuDNN does not say how exact its exponential is
}

TEST(CudnnGraphs, AgreeWithOurKernelsOnAGpu) {
  if (cuda::device_count() == 0) GTEST_SKIP() << cuda::why_no_device();
  const TierScope scope(cuda::Tier::run_to_run);
  const Device device = Device::cuda(0);
  cuda::make_current(device);
  const ConvShape s{4, 64, 64, 3, 3, 3, 32, 32, 32, 2, symmetric_padding(3)};
  const Tensor x = drawn({4, 64, 64, 3}, 0, 1, 1), w = drawn({3, 3, 3, 32}, 0, 1, 2), dy = drawn({4, 32, 32, 32}, 0, 1, 3);
  const Tensor a = x.to(device), b = w.to(device), c = dy.to(device);
  Named want{{"y", Tensor::uninitialized(dy.shape())},
             {"dx", Tensor::uninitialized(x.shape())},
             {"dw", Tensor::uninitialized(w.shape())}};
  Named got;
  for (const auto& [name, tensor] : want) got.emplace_back(name, Tensor::uninitialized(tensor.shape(), device));
  Tensor scratch = Tensor::uninitialized({64, w.size()});
  const kernels::Conv2dKernels& k = kernels::conv2d_kernels();
  k.forward(s, x.data(), w.data(), nullptr, want[0].second.mutable_data());
  k.backward_data(s, dy.data(), w.data(), scratch.mutable_data(), want[1].second.mutable_data());
  k.backward_weights(s, x.data(), dy.data(), scratch.mutable_data(), want[2].second.mutable_data());
  const bool done[] = {cuda::library_convolution(s, a.data(), b.data(), nullptr, got[0].second.mutable_data()),
                       cuda::library_convolution_data_gradient(s, c.data(), b.data(), got[1].second.mutable_data()),
                       cuda::library_convolution_weight_gradient(s, a.data(), c.data(), got[2].second.mutable_data())};
  for (std::size_t t = 0; t < 3; ++t) {
    if (!done[t]) {
      std::printf("cuDNN has no deterministic float32 engine for %s: our own kernel runs\n", want[t].first.c_str());
      continue;
    }
    expect_near({{got[t].first, got[t].second.to(Device::cpu())}}, {want[t]}, 1e-5f);
  }
}

}  // namespace
}  // namespace vitrine::testing

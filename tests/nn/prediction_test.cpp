// Pictures in memory as a network is shown them: step by step, and what is refused.
#include "nn/efficientnet/prediction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace vitrine::testing {
namespace {

ByteImage pattern(std::int64_t height, std::int64_t width, bool grey = false) {
  ByteImage image{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c)
        image.rgb.push_back(static_cast<std::uint8_t>((y * 3 + x * 7 + (grey ? 0 : c * 40)) % 256));
    }
  }
  return image;
}

EfficientNet network(std::int64_t channels) {
  Semantics s;
  s.channels = channels;
  s.resize = 48;
  s.input_size = 40;
  s.mean = {0.1f, 0.4f, 0.6f};
  s.std = {0.2f, 0.5f, 0.25f};
  s.interpolation = Interpolation::bilinear;
  EfficientNet net(architecture("lite0"), s, 4);
  net.initialize(6);
  return net;
}

TEST(Classify, ResizesCutsNormalisesAndGivesProbabilities) {
  EfficientNet net = network(3);
  Inference inference(net);
  const ByteImage picture = pattern(60, 91);
  const std::vector<double> p = classify(inference, net, picture);
  ASSERT_EQ(p.size(), 4u);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-12);
  // By hand: 60 x 91 to 48 x 73, the central 40 x 40.
  const ByteImage resized = resize(picture, 48, 73, Filter::bilinear);
  Tensor input = Tensor::uninitialized({1, 40, 40, 3});
  const auto values = input.mutable_host();
  for (std::size_t y = 0; y < 40; ++y) {
    for (std::size_t x = 0; x < 40; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        const float value = static_cast<float>(resized.rgb[((y + 4) * 73 + x + 16) * 3 + c]) / 255.0f;
        values[(y * 40 + x) * 3 + c] = (value - net.semantics.mean[c]) * (1.0f / net.semantics.std[c]);
      }
    }
  }
  EXPECT_EQ(p, softmax(inference.run(input).host()));
}

TEST(Classify, AGreyPictureForANetworkOfOneChannel) {
  EfficientNet net = network(1);
  Inference inference(net);
  EXPECT_EQ(classify(inference, net, pattern(50, 50, true)).size(), 4u);
  EXPECT_THROW(classify(inference, net, pattern(50, 50)), DataError);
}

TEST(Classify, RefusesWhatIsNoPicture) {
  EfficientNet net = network(3);
  Inference inference(net);
  ByteImage short_of_a_byte = pattern(50, 50);
  short_of_a_byte.rgb.pop_back();
  for (const ByteImage& picture : {ByteImage{}, ByteImage{0, 5, {}}, ByteImage{-1, -1, {1, 2, 3}}, short_of_a_byte,
                                   ByteImage{std::int64_t{1} << 62, 4, {1, 2, 3}}})
    EXPECT_THROW(classify(inference, net, picture), ShapeError) << picture.height << " x " << picture.width;
  EfficientNet five = network(5);
  Inference of_five(five);
  EXPECT_THROW(classify(of_five, five, pattern(50, 50)), ShapeError);
}

}  // namespace
}  // namespace vitrine::testing

// Saliency: the maps by hand, the gradient against difference quotients, where a trained network looks, and the weight-randomisation check.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "data/batch.h"
#include "nn/efficientnet/prediction.h"
#include "nn/explain/randomisation.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/train/small_fold.h"
#include "train/step.h"

namespace vitrine::testing {
namespace {

EfficientNet network(bool concat_pool = false) {
  const Architecture arch = architecture("b0");
  EfficientNet net(arch, published_semantics(Family::torchvision, arch), 2);
  net.set_head(concat_pool);
  net.initialize(3);
  return net;
}

Tensor drawn_image(std::int64_t size, std::uint64_t seed = 1) {
  Tensor image = Tensor::uninitialized({size, size, 3});
  const auto values = image.mutable_host();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = Draw{.seed = seed}.uniform_float(static_cast<std::uint32_t>(i));
  return image;
}

// Two channels on 2 x 2 cells. Mean gradients 1 and -1/2.
TEST(Saliency, MapsAreThoseOfThePaperByHand) {
  const LayerGradient at{"head", Tensor::from({1, 2, 2, 2}, std::vector<float>{1, 2, 3, -1, 0, 4, 2, 1}),
                         Tensor::from({1, 2, 2, 2}, std::vector<float>{1, -1, 2, 0, -1, 1, 2, -2}), 0.5};
  const Saliency grad_cam = saliency_of(at, SaliencyMethod::grad_cam);
  EXPECT_EQ(grad_cam.map, (std::vector<float>{0, 3.5f, 0, 1.5f}));
  EXPECT_EQ(saliency_of(at, SaliencyMethod::layer_cam).map, (std::vector<float>{1, 6, 4, 4}));
  EXPECT_EQ(grad_cam.largest(), 3.5f);
  EXPECT_FALSE(grad_cam.is_zero());
  EXPECT_TRUE(grad_cam.is_coarse());
}

TEST(Saliency, PixelsAreBilinearBetweenTheCentresOfCells) {
  const std::vector<float> pixels = pixel_map({"head", 2, 2, {0, 1, 2, 4}, 0}, 4, 4);
  // Columns at 0, 1/4, 3/4, 1 between the cells, rows as well; the largest value, 4, becomes 1.
  const std::vector<double> want{0, 0.25, 0.75, 1, 0.5, 0.8125, 1.4375, 1.75, 1.5, 1.9375, 2.8125, 3.25, 2, 2.5, 3.5, 4};
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_FLOAT_EQ(pixels[i], static_cast<float>(want[i] / 4)) << i;
  for (const float v : pixel_map({"head", 2, 2, {0, 0, 0, 0}, 0}, 3, 5)) EXPECT_EQ(v, 0);
  EXPECT_TRUE((Saliency{"head", 1, 2, {0, 0}, 0}).is_zero());
}

TEST(Saliency, AutoIsTheLastBlockWithAMapOfFourByFour) {
  EfficientNet net = network();
  const std::vector<std::pair<std::int64_t, std::string>> cases{{32, "blocks.2.1"}, {64, "blocks.4.2"}, {128, "blocks.6.0"}};
  for (const auto& [size, layer] : cases) {
    const Saliency s = saliency(net, drawn_image(size), 1, SaliencyMethod::grad_cam);
    EXPECT_EQ(s.layer, layer) << size;
    EXPECT_EQ(s.height, 4) << size;
    EXPECT_EQ(s.map.size(), 16u);
    EXPECT_FALSE(s.is_coarse());
  }
  const Saliency last = saliency(net, drawn_image(64), 1, SaliencyMethod::grad_cam, "blocks.6.0");
  EXPECT_EQ(last.height, 2);
  EXPECT_TRUE(last.is_coarse());
  EXPECT_EQ(layer_names(net).size(), 18u);
  try {
    saliency(net, drawn_image(64), 1, SaliencyMethod::grad_cam, "haed");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("is it head?"), std::string::npos) << error.what();
  }
  EXPECT_THROW(saliency(net, drawn_image(64), 2, SaliencyMethod::grad_cam), InternalError);
  EXPECT_THROW(saliency(net, drawn_image(16), 1, SaliencyMethod::grad_cam), ShapeError);
  EXPECT_THROW(saliency_method("gradcam++"), UsageError);
}

// Whatever lies below a layer, the logit is the whole network's, bit for bit.
TEST(Saliency, TheTwoHalvesAreTheNetwork) {
  for (const bool concat_pool : {false, true}) {
    EfficientNet net = network(concat_pool);
    const Tensor image = drawn_image(64);
    const Tensor logits = net.forward(stack_images({&image}, input_normalisation(net.semantics)), {}).tensor();
    for (const char* layer : {"stem", "blocks.0.0", "blocks.3.2", "blocks.6.0", "head"}) {
      for (const int c : {0, 1})
        EXPECT_EQ(layer_gradient(net, image, c, layer).logit, static_cast<double>(logits.host()[static_cast<std::size_t>(c)]))
            << layer;
    }
  }
}

// The logit of an activation, by the units after the layer.
double logit_of(EfficientNet& net, const std::string& layer, const Tensor& activation, int of_class) {
  int unit = 0;
  while (net.unit_name(unit) != layer) ++unit;
  Variable x = activation;
  for (++unit; unit < net.units(); ++unit) x = net.run_unit(unit, x, {});
  return static_cast<double>(net.classify(x, {}).tensor().host()[static_cast<std::size_t>(of_class)]);
}

// One channel of the activation at a time is moved along the signs of its gradient: the logit must rise by the sum of its sizes.
TEST(Saliency, TheGradientIsTheLogitsDerivativeByTheActivation) {
  for (const bool concat_pool : {false, true}) {
    EfficientNet net = network(concat_pool);
    for (const char* layer : {"stem", "blocks.2.1", "blocks.4.2", "blocks.6.0", "head"}) {
      const LayerGradient at = layer_gradient(net, drawn_image(64), 1, layer);
      const auto g = at.gradient.host(), A = at.activation.host();
      const auto K = static_cast<std::size_t>(at.activation.shape()[3]);
      double square = 0;
      for (const float a : A) square += static_cast<double>(a) * static_cast<double>(a);
      const double size = std::sqrt(square / static_cast<double>(A.size()));
      for (std::size_t k = 0; k < K; k += K / 5) {
        double slope = 0;
        for (std::size_t i = k; i < g.size(); i += K) slope += std::abs(static_cast<double>(g[i]));
        const auto quotient = [&](double step) {
          Tensor up = at.activation.clone(), down = at.activation.clone();
          const auto u = up.mutable_host(), d = down.mutable_host();
          for (std::size_t i = k; i < g.size(); i += K) {
            const auto move = static_cast<float>(g[i] > 0 ? step : g[i] < 0 ? -step : 0);
            u[i] += move;
            d[i] -= move;
          }
          return (logit_of(net, layer, up, 1) - logit_of(net, layer, down, 1)) / (2 * step);
        };
        // Two steps, extrapolated. The logit's last place, some 1e-8, is at most 1e-6 of a quotient at these steps.
        const double step = 0.05 * size, far = quotient(step), near = quotient(step / 2);
        EXPECT_NEAR((4 * near - far) / 3, slope, 0.01 * slope + 2e-6 / size) << layer << " channel " << k << " " << concat_pool;
      }
    }
  }
}

TEST(Saliency, ThreadsChangeNoBit) {
  EfficientNet net = network();
  const int before = thread_count();
  std::vector<std::vector<float>> maps;
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    maps.push_back(saliency(net, drawn_image(64), 0, SaliencyMethod::layer_cam).map);
    maps.push_back(saliency(net, drawn_image(64), 0, SaliencyMethod::grad_cam).map);
  }
  set_thread_count(before);
  EXPECT_EQ(maps[0], maps[2]);
  EXPECT_EQ(maps[1], maps[3]);
  EXPECT_NE(maps[0], maps[1]);
}

// scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4]) = 0.9486832980505139.
TEST(Randomisation, RankCorrelationIsSpearmans) {
  using Values = std::vector<float>;
  EXPECT_NEAR(*rank_correlation(Values{1, 2, 2, 4}, Values{1, 3, 2, 4}), 0.9486832980505139, 1e-15);
  EXPECT_EQ(*rank_correlation(Values{0, 5, 1}, Values{0, 100, 2}), 1);
  EXPECT_EQ(*rank_correlation(Values{0, 5, 1}, Values{0, -100, -2}), -1);
  EXPECT_FALSE(rank_correlation(Values{0, 0, 0}, Values{0, 1, 2}));
  EXPECT_THROW(rank_correlation(Values{0, 0}, Values{0}), InternalError);
}

TEST(Randomisation, RedrawsTheUpperPartsAlone) {
  EfficientNet net = network(true);
  net.initialize(77);
  for (const int parts : {0, 1, 2, 5, 10}) {
    EfficientNet other = redrawn(net, parts, 4);
    std::map<std::string, Tensor> values;
    other.visit([&](const NamedTensor& t) { values.emplace(t.name, *t.value); });
    int changed = 0;
    net.visit([&](const NamedTensor& t) {
      if (t.layout == TensorLayout::vector) return;  // norms and biases start alike in every network
      const auto part = std::ranges::find(network_parts(), part_of_tensor(t.name)) - network_parts().begin();
      const bool same = std::ranges::equal(t.value->host(), values.at(t.name).host());
      EXPECT_EQ(same, part < 10 - parts) << t.name << " with " << parts;
      changed += same ? 0 : 1;
    });
    EXPECT_EQ(changed == 0, parts == 0);
  }
  EXPECT_EQ(parts_above(net, "head"), 1);
  EXPECT_EQ(parts_above(net, "blocks.4.2"), 4);
  EXPECT_EQ(parts_above(net, "stem"), 9);
}

// Discs of tests/train/small_fold.h, moved into a corner each, so that a map cannot lie on them by lying in the middle.
struct MovedDiscs {
  std::vector<Tensor> images;
  std::vector<int> labels;
  std::vector<std::vector<bool>> on_disc;  // by pixel
};

MovedDiscs moved_discs(int count, std::uint32_t seed) {
  const Dataset data = discs(count, seed);
  MovedDiscs moved{{}, data.labels, {}};
  for (std::size_t i = 0; i < data.images.size(); ++i) {
    const int down = i / 2 % 2 == 0 ? -7 : 7, right = i / 4 % 2 == 0 ? -7 : 7;
    Tensor image = Tensor::uninitialized({32, 32, 3});
    const auto to = image.mutable_host();
    const auto from = data.images[i].host();
    std::vector<bool> disc(32 * 32);
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const int v = (y - down + 32) % 32, u = (x - right + 32) % 32;
        for (int c = 0; c < 3; ++c)
          to[static_cast<std::size_t>((y * 32 + x) * 3 + c)] = from[static_cast<std::size_t>((v * 32 + u) * 3 + c)];
        disc[static_cast<std::size_t>(y * 32 + x)] = (v - 15.5) * (v - 15.5) + (u - 15.5) * (u - 15.5) < 80;
      }
    }
    moved.images.push_back(image);
    moved.on_disc.push_back(disc);
  }
  return moved;
}

EfficientNet trained_on_discs() {
  const MovedDiscs data = moved_discs(64, 1);
  EfficientNet net = network();
  net.set_bn_momentum(0.3);  // few steps: the running statistics must follow
  Optimizer optimizer{OptimizerOptions{}};
  for (std::size_t step = 0; step < 48; ++step) {
    std::vector<const Tensor*> images;
    std::vector<int> labels;
    for (std::size_t i = step % 4 * 16; images.size() < 16; ++i) {
      images.push_back(&data.images[i]);
      labels.push_back(data.labels[i]);
    }
    train_step(net, optimizer, {stack_images(images, input_normalisation(net.semantics)), one_hot(labels, 2)}, {.lr = 1e-3});
  }
  return net;
}

// How much more of a map lies on a pixel of the disc than on one outside, over all images; -1 where a map is zero.
double gain_on_discs(EfficientNet& net, const MovedDiscs& data, SaliencyMethod method) {
  double on = 0, off = 0, on_count = 0, off_count = 0;
  for (std::size_t i = 0; i < data.images.size(); ++i) {
    const std::vector<float> pixels = pixel_map(saliency(net, data.images[i], data.labels[i], method), 32, 32);
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      (data.on_disc[i][p] ? on : off) += static_cast<double>(pixels[p]);
      (data.on_disc[i][p] ? on_count : off_count) += 1;
    }
  }
  return off > 0 ? (on / on_count) / (off / off_count) : -1;
}

TEST(Randomisation, ATrainedNetworkLooksAtTheDiscsAndItsMapsDependOnTheWeights) {
  EfficientNet net = trained_on_discs();
  const MovedDiscs unseen = moved_discs(8, 9);
  int right = 0;
  std::vector<ExplainedImage> images;
  const std::vector<std::vector<double>> said = predict(net, unseen.images, 8);
  for (std::size_t i = 0; i < said.size(); ++i) {
    right += (said[i][1] > 0.5) == (unseen.labels[i] == 1) ? 1 : 0;
    images.push_back({unseen.images[i], unseen.labels[i]});
  }
  EXPECT_EQ(right, 8);
  for (const SaliencyMethod method : {SaliencyMethod::grad_cam, SaliencyMethod::layer_cam}) {
    const double gain = gain_on_discs(net, unseen, method);
    EXPECT_GT(gain, 1.2) << title_of(method);
    const std::vector<Cascade> cascades = randomisation_check(net, images, {.method = method, .draws = 1});
    ASSERT_EQ(cascades.size(), images.size());
    double last = 0;
    int defined = 0;
    for (const Cascade& cascade : cascades) {
      ASSERT_EQ(cascade.size(), network_parts().size());
      EXPECT_FALSE(does_not_depend_on_weights(cascade));
      if (cascade.back()) last += *cascade.back(), ++defined;
    }
    ASSERT_GT(defined, 4);
    EXPECT_LT(last / defined, 0.5) << title_of(method);
  }
  EXPECT_TRUE(does_not_depend_on_weights({0.2, std::nullopt, 0.95}));
  EXPECT_FALSE(does_not_depend_on_weights({0.95, std::nullopt}));
}

}  // namespace
}  // namespace vitrine::testing

// Views, normalisation and mixup in lanes: on every instruction set the bits of one plain pixel (data/view.h).
#include "data/view.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "data/augment.h"
#include "data/batch.h"
#include "data/mixup.h"
#include "data/view_kernels.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine::testing {
namespace {

Tensor drawn_image(const Shape& shape, std::uint32_t seed) {
  Tensor t = Tensor::uninitialized(shape);
  const Draw draw{.seed = seed, .purpose = Purpose::audit};
  const auto v = t.mutable_host();
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = draw.uniform_float(static_cast<std::uint32_t>(i));
  v.front() = 0;
  v.back() = 1;
  return t;
}

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float v : values) bits.push_back(std::bit_cast<std::uint32_t>(v));
  return bits;
}

std::vector<std::uint32_t> plain_view(const Tensor& image, const View& view) {
  const Shape& s = image.shape();
  std::vector<float> values;
  for (std::int64_t y = 0; y < s[0]; ++y) {
    for (std::int64_t x = 0; x < s[1]; ++x) {
      const SourcePixel from(view.affine, s[0], s[1], y, x);
      for (std::int64_t c = 0; c < s[2]; ++c) values.push_back(value_of(view, from, image.host().data(), s[1], s[2], y, x, c));
    }
  }
  return bits_of(values);
}

std::vector<std::uint32_t> view_in_lanes(const Tensor& image, const View& view) {
  std::vector<float> values(static_cast<std::size_t>(image.size()));
  write_view(image, view, values.data());
  return bits_of(values);
}

const std::vector<Shape> kShapes = {{1, 1, 1}, {1, 7, 3}, {9, 1, 3}, {5, 6, 2}, {64, 64, 3}, {33, 150, 3}, {40, 17, 5}};

TEST(View, IsThePlainPixelOnEveryInstructionSet) {
  const AugmentOptions usual{}, turned{.max_rotate_degrees = 180,
                                       .max_zoom = 4,
                                       .max_warp = 0.4,
                                       .affine_probability = 1,
                                       .max_lighting = 0.9,
                                       .lighting_probability = 1,
                                       .flip_vertical = true};
  everywhere({1}, [&](const std::string& where) {
    for (const Shape& shape : kShapes) {
      const Tensor image = drawn_image(shape, 3);
      for (std::uint32_t sample = 0; sample < 24; ++sample) {
        const View view = drawn_view(sample % 2 == 0 ? usual : turned, shape[0], shape[1], 1, 2, sample);
        EXPECT_EQ(view_in_lanes(image, view), plain_view(image, view)) << where << ", " << shape.text() << ", " << sample;
      }
    }
  });
}

// Where output pixel (y, x) is read from, both in half sides of the image.
std::pair<double, double> source(const Affine& m, std::int64_t H, std::int64_t W, double y, double x) {
  const double hy = static_cast<double>(H - 1) / 2, hx = static_cast<double>(W - 1) / 2, v = y * hy, u = x * hx;
  const double depth = m.py * v + m.px * u + m.p;
  return {(m.a * v + m.b * u + m.ty) / depth / hy, (m.c * v + m.d * u + m.tx) / depth / hx};
}

// Corners go to corners, and one way alone is a keystone, whose homography is known: (y (1 - t^2), x + t) / (1 + t x) for an amount t.
TEST(View, IsWarpedByItsCorners) {
  for (const auto& [s, t] : {std::pair{0.2, -0.13}, {0.0, 0.4}, {-0.4, 0.4}, {0.05, 0.0}}) {
    const Affine m = warped({}, s, t, 33, 64);
    EXPECT_TRUE(m.warped);
    const double corners[4][4] = {
        {-1 - s, -1 - t, -1, -1}, {-1 + s, 1 + t, -1, 1}, {1 + s, -1 + t, 1, -1}, {1 - s, 1 - t, 1, 1}};
    for (const auto& [y, x, wanted_y, wanted_x] : corners) {
      const auto [found_y, found_x] = source(m, 33, 64, y, x);
      EXPECT_NEAR(found_y, wanted_y, 1e-12);
      EXPECT_NEAR(found_x, wanted_x, 1e-12);
    }
  }
  const Affine moved = warped({.ty = 4, .tx = -2, .identity = false}, 0.1, 0.2, 21, 21), still = warped({}, 0.1, 0.2, 21, 21);
  const auto [y, x] = source(moved, 21, 21, 0.3, -0.1);
  const auto [after_y, after_x] = source(still, 21, 21, 0.3 + 0.4, -0.1 - 0.2);  // the warp comes last
  EXPECT_NEAR(y, after_y, 1e-12);
  EXPECT_NEAR(x, after_x, 1e-12);
}

// Enlarged by two pixels' breadths and moved far away: sources lie many reflections outside, some on the edges exactly.
TEST(View, ReflectsAsOftenAsItTakes) {
  everywhere({1}, [&](const std::string& where) {
    for (const Shape& shape : kShapes) {
      const Tensor image = drawn_image(shape, 4);
      for (const double step : {1.0, -1.0, 0.5, 37.25, -1024.0}) {
        for (const double shift : {0.0, -3.0, 1e4 + 0.375, -777.5}) {
          const View view{{.a = step, .b = 0.25, .c = -0.5, .d = step, .ty = shift, .tx = -shift, .identity = false}, {}};
          EXPECT_EQ(view_in_lanes(image, view), plain_view(image, view)) << where << ", " << shape.text() << ", " << step;
        }
      }
    }
  });
}

// Over a dense grid of floats, beyond 0 and 1 too, and lights in which exp overflows and vanishes.
TEST(View, IsRelitAsThePlainPixel) {
  std::vector<float> values{-0.0f, 1e-4f, 1.0f, 1.0f - 1e-4f, std::numeric_limits<float>::infinity(), -3};
  for (std::uint32_t i = 0; i < 0x3f900000u; i += 65521) values.push_back(std::bit_cast<float>(i));
  values.push_back(0.25f);  // the end of no vector
  const Tensor image = Tensor::from({1, static_cast<std::int64_t>(values.size()), 1}, values);
  std::vector<Lighting> lights{{0, 90, false},    {-700, 1, false}, {720, 1, false},
                               {0.3, -80, false}, {0.4, 1, false},  {0, 1.25, false}};
  const Draw draw{.seed = 2};
  for (std::uint32_t i = 0; i < 20; ++i)
    lights.push_back({draw.uniform(2 * i, -0.5, 0.5), draw.uniform(2 * i + 1, 0.7, 1.3), false});
  everywhere({1}, [&](const std::string& where) {
    for (const Lighting& light : lights) {
      const View view{{}, light};
      EXPECT_EQ(view_in_lanes(image, view), plain_view(image, view)) << where << ", " << light.shift << ", " << light.scale;
    }
  });
}

TEST(View, OfWhatIsNoNumberIsNone) {
  everywhere({1}, [&](const std::string& where) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const Tensor image = Tensor::full({2, 9, 1}, nan);
    std::vector<float> out(18);
    write_view(image, {{.b = 0.5, .identity = false}, {0.1, 1, false}}, out.data());
    for (const float v : out) EXPECT_NE(v, v) << where;
  });
}

TEST(Inputs, HaveTheirColoursMeanAndDeviation) {
  const InputNormalisation n{3, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  everywhere({1, 2, 3}, [&](const std::string& where) {
    for (const Shape& shape : {Shape{3, 5, 3}, Shape{1, 1, 3}, Shape{7, 43, 3}, Shape{2, 6, 7}}) {
      for (const std::int64_t channels : {shape[2], std::int64_t{1}}) {
        if (channels == 1 && shape[2] != 3) continue;
        const std::vector<Tensor> images{drawn_image(shape, 1), drawn_image(shape, 2), drawn_image(shape, 3)};
        const Tensor batch = stack_images({&images[0], &images[1], &images[2]}, {channels, n.mean, n.std});
        std::vector<float> want;
        for (const Tensor& image : images) {
          for (std::size_t i = 0; i < image.host().size(); ++i) {
            const std::size_t c = i % static_cast<std::size_t>(shape[2]);
            if (c < static_cast<std::size_t>(channels))
              want.push_back((image.host()[i] - n.mean[c % 3]) * (1.0f / n.std[c % 3]));
          }
        }
        EXPECT_EQ(bits_of(batch.host()), bits_of(want)) << where << ", " << shape.text() << " to " << channels;
      }
    }
  });
}

TEST(Mixup, IsTwoProductsAndOneSum) {
  everywhere({1, 2, 3}, [&](const std::string& where) {
    for (const std::int64_t size : {1, 3, 16, 67}) {
      const Batch batch{drawn_image({5, 1, size, 3}, 6), drawn_image({5, 2}, 7)};
      const std::vector<Mix> mixes = drawn_mixes(5, 0.4, 1, 2, 3);
      const Batch mixed = mixup(batch, 0.4, 1, 2, 3);
      std::vector<float> want;
      for (std::size_t n = 0; n < 5; ++n) {
        for (std::int64_t i = 0; i < 3 * size; ++i) {
          const auto at = [&](std::size_t image) {
            return batch.images.host()[image * static_cast<std::size_t>(3 * size) + static_cast<std::size_t>(i)];
          };
          const float l = mixes[n].lambda;
          want.push_back(l * at(n) + (1.0f - l) * at(static_cast<std::size_t>(mixes[n].partner)));
        }
      }
      EXPECT_EQ(bits_of(mixed.images.host()), bits_of(want)) << where << ", " << size;
    }
  });
}

}  // namespace
}  // namespace vitrine::testing

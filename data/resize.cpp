#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double triangle(double x) { return std::max(0.0, 1 - std::abs(x)); }

// The input positions that make up one output position, and their weights (sum 1).
struct Taps {
  std::int64_t first = 0;
  std::vector<double> weight;
};

std::vector<Taps> taps_of(std::int64_t in, std::int64_t out, Filter filter) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double widened = std::max(scale, 1.0);
  const double support = (filter == Filter::bicubic ? 2.0 : 1.0) * widened;
  std::vector<Taps> all(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    Taps& t = all[static_cast<std::size_t>(i)];
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    t.first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const std::int64_t last = std::min(in, static_cast<std::int64_t>(centre + support + 0.5));
    double sum = 0;
    for (std::int64_t j = t.first; j < last; ++j) {
      const double x = (static_cast<double>(j) - centre + 0.5) / widened;
      t.weight.push_back(filter == Filter::bicubic ? cubic(x) : triangle(x));
      sum += t.weight.back();
    }
    for (double& w : t.weight) w /= sum;
  }
  return all;
}

std::uint8_t rounded(double v) { return static_cast<std::uint8_t>(std::clamp(std::floor(v + 0.5), 0.0, 255.0)); }

// One pass: `lines` lines, each resampled along the axis whose neighbours lie `step` bytes apart.
void resample(const std::uint8_t* in, std::uint8_t* out, const std::vector<Taps>& taps, std::int64_t lines,
              std::int64_t in_line, std::int64_t out_line, std::int64_t step) {
  parallel_for(lines, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t line = first; line < last; ++line) {
      for (std::size_t i = 0; i < taps.size(); ++i) {
        for (std::int64_t c = 0; c < 3; ++c) {
          double sum = 0;
          const std::uint8_t* p = in + line * in_line + taps[i].first * step + c;
          for (const double w : taps[i].weight) {
            sum += w * *p;
            p += step;
          }
          out[line * out_line + static_cast<std::int64_t>(i) * step + c] = rounded(sum);
        }
      }
    }
  });
}

}  // namespace

ByteImage resize(const ByteImage& image, std::int64_t height, std::int64_t width, Filter filter) {
  if (image.height < 1 || image.width < 1 || height < 1 || width < 1) {
    throw ShapeError(
        text("resize: ", image.height, " x ", image.width, " to ", height, " x ", width, "; all sizes must be positive"));
  }
  ByteImage narrow{image.height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(image.height * width * 3))};
  resample(image.rgb.data(), narrow.rgb.data(), taps_of(image.width, width, filter), image.height, image.width * 3, width * 3,
           3);
  ByteImage result{height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3))};
  resample(narrow.rgb.data(), result.rgb.data(), taps_of(image.height, height, filter), width, 3, 3, width * 3);
  return result;
}

ByteImage resize_and_crop(const ByteImage& image, std::int64_t resized, std::int64_t crop, Filter filter) {
  const double ratio = static_cast<double>(resized) / static_cast<double>(std::min(image.height, image.width));
  const auto scaled = [&](std::int64_t size) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size) * ratio));
  };
  const ByteImage whole = resize(image, scaled(image.height), scaled(image.width), filter);
  if (whole.height < crop || whole.width < crop) {
    throw ShapeError(text("crop: ", crop, " x ", crop, " does not fit into ", whole.height, " x ", whole.width));
  }
  const std::int64_t top = (whole.height - crop) / 2, left = (whole.width - crop) / 2;
  ByteImage result{crop, crop, {}};
  for (std::int64_t y = 0; y < crop; ++y) {
    const auto row = whole.rgb.begin() + ((top + y) * whole.width + left) * 3;
    result.rgb.insert(result.rgb.end(), row, row + crop * 3);
  }
  return result;
}

Tensor to_unit_range(const ByteImage& image) {
  Tensor tensor = Tensor::uninitialized({image.height, image.width, 3});
  const auto out = tensor.mutable_host();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(image.rgb[i]) / 255.0f;
  return tensor;
}

}  // namespace vitrine

#include "train/test_views.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "train/options.h"

namespace vitrine {
namespace {

void add_mirrored(EpochTraining& training, const std::vector<Tensor>& images, bool columns, bool rows,
                  std::vector<std::vector<double>>& sums) {
  std::vector<Tensor> view;
  view.reserve(images.size());
  for (const Tensor& image : images) view.push_back(mirrored(image, columns, rows));
  const std::vector<std::vector<double>> seen = training.predictions(view);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (std::size_t c = 0; c < sums[i].size(); ++c) sums[i][c] += seen[i][c];
  }
}

}  // namespace

TestViews test_views_from_name(const std::string& name) {
  chosen_name("--tta", name, flip_names());
  return {name == "horizontal" || name == "both", name == "vertical" || name == "both"};
}

Tensor mirrored(const Tensor& image, bool columns, bool rows) {
  const Shape& shape = image.shape();
  if (shape.rank() != 3) throw ShapeError(text("an image to mirror has the shape ", shape.text(), ", expected [H, W, C]"));
  const std::int64_t H = shape[0], W = shape[1], C = shape[2];
  Tensor out = Tensor::uninitialized(shape);
  const float* const from = image.host().data();
  float* const to = out.mutable_host().data();
  for (std::int64_t y = 0; y < H; ++y) {
    for (std::int64_t x = 0; x < W; ++x) {
      const std::int64_t pixel = (rows ? H - 1 - y : y) * W + (columns ? W - 1 - x : x);
      std::copy_n(from + pixel * C, C, to + (y * W + x) * C);
    }
  }
  return out;
}

std::vector<std::vector<double>> mean_over_views(EpochTraining& training, const std::vector<Tensor>& images, TestViews views) {
  std::vector<std::vector<double>> mean = training.predictions(images);
  if (views.horizontal) add_mirrored(training, images, true, false, mean);
  if (views.vertical) add_mirrored(training, images, false, true, mean);
  if (views.horizontal && views.vertical) add_mirrored(training, images, true, true, mean);
  const double count = (views.horizontal ? 2 : 1) * (views.vertical ? 2 : 1);
  for (std::vector<double>& row : mean) {
    for (double& p : row) p /= count;
  }
  return mean;
}

}  // namespace vitrine

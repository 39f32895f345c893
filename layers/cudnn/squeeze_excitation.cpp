#include "layers/cudnn/squeeze_excitation.h"

#include "base/error.h"
#include "layers/cudnn/layout.h"
#include "layers/cudnn/run.h"
#include "tensor/cuda/runtime.h"
#include "tensor/tensor.h"

namespace vitrine::cuda {
namespace cudnn {
namespace {

Extent pixels_of(std::int64_t N, std::int64_t pixels, std::int64_t C) { return image(N, pixels, 1, C); }

}  // namespace

Description mean_over_pixels(std::int64_t N, std::int64_t pixels, std::int64_t C) {
  Description d{text("mean over ", pixels, " pixels of ", N, " x ", C), {}, {}};
  const std::size_t x = d.memory(pixels_of(N, pixels, C)), share = d.memory(pixels_of(1, pixels, 1));
  const std::size_t shares = d.between(pixels_of(N, pixels, C));
  d.pointwise(Pointwise::multiply, {x, share}, shares);
  d.sum(shares, d.memory(pixels_of(N, 1, C)));
  return d;
}

Description mean_gradient(std::int64_t N, std::int64_t pixels, std::int64_t C) {
  Description d{text("mean gradient over ", pixels, " pixels of ", N, " x ", C), {}, {}};
  const std::size_t dz = d.memory(pixels_of(N, 1, C)), share = d.memory(pixels_of(1, pixels, 1));
  d.pointwise(Pointwise::multiply, {dz, share}, d.memory(pixels_of(N, pixels, C)));
  return d;
}

Description linear(std::int64_t rows, std::int64_t C, std::int64_t K) {
  Description d{text("linear ", rows, " x ", C, " to ", K), {}, {}};
  const std::size_t a = d.memory(matrix(rows, C)), w = d.memory(matrix(C, K));
  d.product(a, w, d.memory(matrix(rows, K)));
  return d;
}

Description linear_data_gradient(std::int64_t rows, std::int64_t C, std::int64_t K) {
  Description d{text("linear data gradient ", rows, " x ", C, " to ", K), {}, {}};
  const std::size_t dy = d.memory(matrix(rows, K)), w = d.memory(transposed(K, C));
  d.product(dy, w, d.memory(matrix(rows, C)));
  return d;
}

Description linear_weight_gradient(std::int64_t rows, std::int64_t C, std::int64_t K) {
  Description d{text("linear weight gradient ", rows, " x ", C, " to ", K), {}, {}};
  const std::size_t a = d.memory(transposed(C, rows)), dy = d.memory(matrix(rows, K));
  d.product(a, dy, d.memory(matrix(C, K)));
  return d;
}

Description sum_of_rows(std::int64_t rows, std::int64_t K) {
  Description d{text("sum of ", rows, " rows of ", K), {}, {}};
  const std::size_t dy = d.memory(image(rows, 1, 1, K));
  d.sum(dy, d.memory(image(1, 1, 1, K)));
  return d;
}

Description scale(std::int64_t N, std::int64_t pixels, std::int64_t C) {
  Description d{text("scaling of ", N, " x ", pixels, " x ", C), {}, {}};
  const std::size_t x = d.memory(pixels_of(N, pixels, C)), s = d.memory(pixels_of(N, 1, C));
  d.pointwise(Pointwise::multiply, {x, s}, d.memory(pixels_of(N, pixels, C)));
  return d;
}

Description scale_gradient(std::int64_t N, std::int64_t pixels, std::int64_t C) {
  Description d{text("scale gradient of ", N, " x ", pixels, " x ", C), {}, {}};
  const std::size_t x = d.memory(pixels_of(N, pixels, C)), dy = d.memory(pixels_of(N, pixels, C));
  const std::size_t products = d.between(pixels_of(N, pixels, C));
  d.pointwise(Pointwise::multiply, {x, dy}, products);
  d.sum(products, d.memory(pixels_of(N, 1, C)));
  return d;
}

}  // namespace cudnn

namespace {

Tensor shares_of(std::int64_t pixels) {
  Tensor share = Tensor::uninitialized({pixels}, current());
  fill_for_cudnn(1.0f / static_cast<float>(pixels), pixels, share.mutable_data());
  return share;
}

}  // namespace

bool library_mean(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* z) {
  if (!cudnn::is_used()) return false;
  const Tensor share = shares_of(pixels);
  return cudnn::run("global_average_pool", cudnn::mean_over_pixels(N, pixels, C), {x, share.data(), z});
}

bool library_mean_gradient(const float* dz, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx) {
  if (!cudnn::is_used()) return false;
  const Tensor share = shares_of(pixels);
  return cudnn::run("global_average_pool", cudnn::mean_gradient(N, pixels, C), {dz, share.data(), dx});
}

bool library_sum_of_rows(const char* op, const float* dy, std::int64_t rows, std::int64_t K, float* db) {
  return cudnn::run(op, cudnn::sum_of_rows(rows, K), {dy, db});
}

bool library_scale(const float* x, const float* s, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  return cudnn::run("scale_channels", cudnn::scale(N, pixels, C), {x, s, y});
}

bool library_scale_gradient(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* ds) {
  return cudnn::run("scale_channels", cudnn::scale_gradient(N, pixels, C), {x, dy, ds});
}

}  // namespace vitrine::cuda

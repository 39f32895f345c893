#include "nn/modules/batches.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "tensor/philox.h"

namespace vitrine {
namespace {

std::int64_t row_size(const Tensor& x) {
  if (x.shape().rank() == 0) throw ShapeError("rows: a scalar has none; expected [n, ...]");
  return x.shape()[0] == 0 ? 0 : x.size() / x.shape()[0];
}

Shape with_rows(const Shape& shape, std::int64_t rows) {
  std::vector<std::int64_t> sizes{rows};
  for (int axis = 1; axis < shape.rank(); ++axis) sizes.push_back(shape[axis]);
  return Shape(sizes);
}

void check_place(std::int64_t place, std::int64_t n) {
  if (place < 0 || place >= n) throw UsageError(text("rows: place ", place, " of ", n, ", expected 0 to ", n - 1));
}

}  // namespace

std::vector<Places> shuffled_batches(std::int64_t n, std::int64_t size, const ShuffleKey& key) {
  if (size < 1 || size > n || n > std::numeric_limits<std::int32_t>::max())
    throw UsageError(text("batches of ", size, " from ", n, " samples, expected 1 to ", n));
  const Draw draw{.seed = key.seed, .purpose = Purpose::shuffle, .epoch = key.epoch};
  Places order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i)  // Fisher-Yates
    std::swap(order[i - 1], order[draw.below(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i))]);
  std::vector<Places> batches;
  for (std::int64_t first = 0; first + size <= n; first += size)
    batches.emplace_back(order.begin() + first, order.begin() + first + size);
  return batches;
}

std::vector<Places> batches_in_order(std::int64_t n, std::int64_t size) {
  if (size < 1) throw UsageError(text("batches of ", size, ", expected at least 1"));
  std::vector<Places> batches;
  for (std::int64_t first = 0; first < n; first += size) {
    batches.emplace_back(static_cast<std::size_t>(std::min(size, n - first)));
    std::iota(batches.back().begin(), batches.back().end(), first);
  }
  return batches;
}

Tensor rows(const Tensor& x, std::span<const std::int64_t> places) {
  const std::int64_t n = x.shape().rank() > 0 ? x.shape()[0] : 0, size = row_size(x);
  Tensor y = Tensor::uninitialized(with_rows(x.shape(), static_cast<std::int64_t>(places.size())));
  const auto from = x.host();
  auto to = y.mutable_host().begin();
  for (const std::int64_t place : places) {
    check_place(place, n);
    to = std::copy_n(from.begin() + place * size, size, to);
  }
  return y;
}

std::vector<int> rows(const std::vector<int>& labels, std::span<const std::int64_t> places) {
  std::vector<int> out;
  out.reserve(places.size());
  for (const std::int64_t place : places) {
    check_place(place, static_cast<std::int64_t>(labels.size()));
    out.push_back(labels[static_cast<std::size_t>(place)]);
  }
  return out;
}

Tensor rows(const Tensor& x, std::int64_t first, std::int64_t last) {
  const std::int64_t size = row_size(x), n = x.shape()[0];
  if (first < 0 || first > last || last > n)
    throw UsageError(text("rows: ", first, " to ", last, " of ", n, ", expected a range inside"));
  Tensor y = Tensor::uninitialized(with_rows(x.shape(), last - first));
  std::copy_n(x.host().begin() + first * size, (last - first) * size, y.mutable_host().begin());
  return y;
}

double share_right(const Tensor& scores, std::span<const int> labels) {
  if (scores.shape().rank() != 2 || scores.shape()[0] != static_cast<std::int64_t>(labels.size()) || labels.empty())
    throw ShapeError(
        text("share_right: scores ", scores.shape().text(), " for ", labels.size(), " labels, expected [N, C] and N"));
  const auto classes = static_cast<std::size_t>(scores.shape()[1]);
  const Tensor values = scores.to(Device::cpu());
  std::int64_t right = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = values.host().subspan(n * classes, classes);
    if (labels[n] < 0 || labels[n] >= static_cast<int>(classes))
      throw UsageError(text("share_right: label ", n, " is ", labels[n], ", expected 0 to ", classes - 1));
    if (std::any_of(row.begin(), row.end(), [](float v) { return std::isnan(v); })) continue;
    right += std::max_element(row.begin(), row.end()) - row.begin() == labels[n] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace vitrine

#include "layers/cudnn/swish.h"

#include "base/error.h"
#include "layers/cudnn/run.h"

namespace vitrine::cuda {
namespace cudnn {
namespace {

Description of(const char* name, std::int64_t n) { return {text(name, " of ", n, " elements"), {}, {}}; }
Extent row(std::int64_t n) { return image(1, 1, 1, n); }

Description of_one(const char* name, Pointwise function, std::int64_t n) {
  Description d = of(name, n);
  const std::size_t x = d.memory(row(n));
  d.pointwise(function, {x}, d.memory(row(n)));
  return d;
}

}  // namespace

Description swish(std::int64_t n) { return of_one("swish", Pointwise::swish, n); }
Description sigmoid(std::int64_t n) { return of_one("sigmoid", Pointwise::sigmoid, n); }

Description swish_gradient(std::int64_t n) {
  Description d = of("swish gradient", n);
  const std::size_t x = d.memory(row(n)), dy = d.memory(row(n));
  d.pointwise(Pointwise::swish_gradient, {x, dy}, d.memory(row(n)));
  return d;
}

Description sigmoid_gradient(std::int64_t n) {
  Description d = of("sigmoid gradient", n);
  const std::size_t y = d.memory(row(n)), dy = d.memory(row(n));
  const std::size_t square = d.between(row(n)), slope = d.between(row(n));
  d.pointwise(Pointwise::multiply, {y, y}, square);
  d.pointwise(Pointwise::subtract, {y, square}, slope);
  d.pointwise(Pointwise::multiply, {slope, dy}, d.memory(row(n)));
  return d;
}

}  // namespace cudnn

bool library_swish(const float* x, std::int64_t n, float* y) { return cudnn::run("swish", cudnn::swish(n), {x, y}); }
bool library_swish_gradient(const float* x, const float* dy, std::int64_t n, float* dx) {
  return cudnn::run("swish", cudnn::swish_gradient(n), {x, dy, dx});
}
bool library_sigmoid(const float* x, std::int64_t n, float* y) { return cudnn::run("sigmoid", cudnn::sigmoid(n), {x, y}); }
bool library_sigmoid_gradient(const float* y, const float* dy, std::int64_t n, float* dx) {
  return cudnn::run("sigmoid", cudnn::sigmoid_gradient(n), {y, dy, dx});
}

}  // namespace vitrine::cuda

#include "layers/cudnn/description.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cuda::cudnn {

Extent image(std::int64_t N, std::int64_t H, std::int64_t W, std::int64_t C) {
  return {{N, C, H, W}, {H * W * C, 1, W * C, C}};
}
Extent matrix(std::int64_t rows, std::int64_t columns) { return {{1, rows, columns}, {rows * columns, columns, 1}}; }
Extent transposed(std::int64_t rows, std::int64_t columns) { return {{1, rows, columns}, {rows * columns, 1, rows}}; }

std::size_t Description::memory(Extent extent) {
  tensors.push_back({std::move(extent), false});
  return tensors.size() - 1;
}

std::size_t Description::between(Extent extent) {
  tensors.push_back({std::move(extent), true});
  return tensors.size() - 1;
}

void Description::convolve(Kind kind, std::size_t a, std::size_t b, std::size_t output, std::int64_t stride,
                           const Padding& padding) {
  steps.push_back({.kind = kind, .inputs = {a, b}, .output = output, .stride = stride, .padding = padding});
}

void Description::product(std::size_t a, std::size_t b, std::size_t output) {
  steps.push_back({.kind = Kind::product, .inputs = {a, b}, .output = output});
}

void Description::pointwise(Pointwise function, std::vector<std::size_t> inputs, std::size_t output) {
  steps.push_back({.kind = Kind::pointwise, .inputs = std::move(inputs), .output = output, .function = function});
}

void Description::sum(std::size_t input, std::size_t output) {
  steps.push_back({.kind = Kind::reduction, .inputs = {input}, .output = output});
}

Description Description::in_bfloat16(bool outputs_too) const {
  Description d = *this;
  d.what += outputs_too ? " bf16 in memory" : " bf16 in memory to float32";
  for (TensorPlan& t : d.tensors) t.type = t.is_virtual ? DType::f32 : DType::bf16;
  for (const Step& step : steps) {
    if (!outputs_too) d.tensors[step.output].type = DType::f32;
  }
  return d;
}

std::string Description::plan_name() const { return text(what, " ", plan_conditions()); }

bool Description::has_products() const {
  return std::ranges::any_of(steps, [](const Step& s) { return s.kind != Kind::pointwise && s.kind != Kind::reduction; });
}

void Description::check_memory(const std::vector<const void*>& pointers) const {
  const auto in_memory = static_cast<std::size_t>(std::ranges::count(tensors, false, &TensorPlan::is_virtual));
  if (pointers.size() != in_memory)
    throw InternalError(text(what, ": ", pointers.size(), " pointers for ", in_memory, " tensors in memory"));
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointers[i]);
    if (address == 0 || address % kAlignment != 0)
      throw InternalError(text(what, ": tensor ", i, " in memory is ", address == 0 ? "null" : "not aligned"));
  }
}

}  // namespace vitrine::cuda::cudnn

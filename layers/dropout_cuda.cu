#include "layers/dropout.h"
#include "tensor/cuda/launch.h"
#include "tensor/philox.h"

namespace vitrine::cuda {
namespace {

void factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, std::int64_t size, float* factor) {
  const auto kept = static_cast<float>(1.0 / (1.0 - rate));
  for_each("dropout", N * size, [=] VITRINE_HD(std::int64_t i) {
    const DropKey key = keys.get();
    const Draw draw{key.seed, Purpose::dropout, key.epoch, key.first_sample + static_cast<std::uint32_t>(i / size), op};
    factor[i] = static_cast<double>(draw.uniform_float(static_cast<std::uint32_t>(i % size))) < rate ? 0.0f : kept;
  });
}

void apply(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y) {
  for_each("dropout", N * size, [=] VITRINE_HD(std::int64_t i) { y[i] = x[i] * factor[i]; });
}

}  // namespace

extern const kernels::DropoutKernels dropout_table;
const kernels::DropoutKernels dropout_table = {factors, nullptr, apply};

}  // namespace vitrine::cuda

#include "layers/drop_connect.h"
#include "tensor/cuda/launch.h"
#include "tensor/philox.h"

namespace vitrine::cuda {
namespace {

void factors(double rate, const DropKeys& keys, std::uint32_t op, std::int64_t N, float* factor) {
  const auto kept = static_cast<float>(1.0 / (1.0 - rate));
  for_each("drop_connect", N, [=] VITRINE_HD(std::int64_t n) {
    const DropKey key = keys.get();
    const Draw draw{key.seed, Purpose::drop_connect, key.epoch, key.first_sample + static_cast<std::uint32_t>(n), op};
    factor[n] = static_cast<double>(draw.uniform_float(0)) < rate ? 0.0f : kept;
  });
}

void apply(const float* x, const float* factor, std::int64_t N, std::int64_t size, float* y) {
  for_each("drop_connect", N * size, [=] VITRINE_HD(std::int64_t i) { y[i] = x[i] * factor[i / size]; });
}

}  // namespace

extern const kernels::DropConnectKernels drop_connect_table;
const kernels::DropConnectKernels drop_connect_table = {factors, apply};

}  // namespace vitrine::cuda

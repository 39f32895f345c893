#include "imaging/simulator/noise_kernels.h"
#include "tensor/philox_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

using imaging::kernels::NoiseDraws;

constexpr double kPi = 3.141592653589793;

HalfD recorded(HalfD signal, double sigma, double gain, const NoiseDraws& d, std::uint32_t voxel) {
  const PhiloxBlock block =
      philox({broadcast_word(d.sample), broadcast_word(d.purpose), broadcast_word(d.op), counted_from(voxel)}, d.key0, d.key1);
  const HalfD radius = sigma * square_root(-2.0 * log((low_halves(block.w0) + 1.0) * 0x1p-32));
  const SineCosine turn = sine_cosine(2 * kPi * low_halves(block.w1) * 0x1p-32);
  const HalfD real = signal + radius * turn.cosine, imaginary = radius * turn.sine;
  return (gain * square_root(real * real + imaginary * imaginary) + kRounding) - kRounding;
}

void rician(const double* signal, std::int64_t count, double sigma, double gain, const NoiseDraws& d, float* out) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const int n = lanes_of(count, i);
    double in[kLanes] = {};
    std::memcpy(in, signal + i, static_cast<unsigned>(n) * sizeof(double));
    const D s = load_wide(in);
    const auto voxel = d.first_voxel + static_cast<std::uint32_t>(i);
    const F v = narrow({recorded(s.low, sigma, gain, d, voxel),
                        recorded(s.high, sigma, gain, d, voxel + static_cast<std::uint32_t>(kHalfLanes))});
    if (n == kLanes) {
      store(out + i, v);
    } else {
      store_partial(out + i, v, n);
    }
  }
}

}  // namespace

extern const imaging::kernels::NoiseKernels noise_table;
const imaging::kernels::NoiseKernels noise_table = {rician};

}  // namespace vitrine::kernels::VITRINE_ISA

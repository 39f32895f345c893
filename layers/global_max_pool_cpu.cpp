#include "layers/global_max_pool.h"

#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

// Values and places of the first maxima of one block of channels.
struct Maximum {
  F value;
  I place;
};

Maximum first_maximum(const float* x, std::int64_t pixels, std::int64_t C, int lanes) {
  Maximum m = {load_partial(x, lanes), I{}};
  for (std::int64_t p = 1; p < pixels; ++p) {
    const F v = load_partial(x + p * C, lanes);
    const I larger = (v > m.value) | ((v != v) & (m.value == m.value));  // a NaN is the maximum, as in PyTorch
    m.value = select(larger, v, m.value);
    m.place = (larger & static_cast<std::int32_t>(p)) | (~larger & m.place);
  }
  return m;
}

void forward(const float* x, std::int64_t N, std::int64_t pixels, std::int64_t C, float* y) {
  parallel_for(N, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = static_cast<int>(C - c < kLanes ? C - c : kLanes);
        store_partial(y + n * C + c, first_maximum(x + n * pixels * C + c, pixels, C, lanes).value, lanes);
      }
    }
  });
}

void backward(const float* x, const float* dy, std::int64_t N, std::int64_t pixels, std::int64_t C, float* dx) {
  parallel_for(N, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      for (std::int64_t c = 0; c < C; c += kLanes) {
        const int lanes = static_cast<int>(C - c < kLanes ? C - c : kLanes);
        const I place = first_maximum(x + n * pixels * C + c, pixels, C, lanes).place;
        const F gradient = load_partial(dy + n * C + c, lanes);
        for (std::int64_t p = 0; p < pixels; ++p) {
          store_partial(dx + (n * pixels + p) * C + c, select(place == static_cast<std::int32_t>(p), gradient, zero()), lanes);
        }
      }
    }
  });
}

}  // namespace

extern const GlobalMaxPoolKernels global_max_pool_table;
const GlobalMaxPoolKernels global_max_pool_table = {forward, backward};

}  // namespace vitrine::kernels::VITRINE_ISA

#include "layers/unary_list.h"
#include "tensor/parallel.h"
#include "tensor/simd_math.h"

namespace vitrine::cpu::VITRINE_ISA {
namespace {

constexpr std::int64_t kGrain = 8192;  // elements; a smaller part is not worth waking a thread

void forward(Unary f, const float* x, std::int64_t n, float* y) {
  with_unary<Lanes>(f, [&](auto function) {
    parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
      std::int64_t i = first;
      for (; i + kLanes <= last; i += kLanes) store(y + i, function.value(load(x + i)));
      const int rest = static_cast<int>(last - i);
      if (rest > 0) store_partial(y + i, function.value(load_partial(x + i, rest)), rest);
    });
  });
}

void backward(Unary f, const float* x, const float* dy, std::int64_t n, float* dx) {
  with_unary<Lanes>(f, [&](auto function) {
    parallel_for(n, kGrain, [&](std::int64_t first, std::int64_t last) {
      std::int64_t i = first;
      for (; i + kLanes <= last; i += kLanes) store(dx + i, gradient(function, load(x + i), load(dy + i)));
      const int rest = static_cast<int>(last - i);
      if (rest > 0) store_partial(dx + i, gradient(function, load_partial(x + i, rest), load_partial(dy + i, rest)), rest);
    });
  });
}

}  // namespace

extern const UnaryKernels unary_table;
const UnaryKernels unary_table = {forward, backward};

}  // namespace vitrine::cpu::VITRINE_ISA

#include "tensor/cuda/launch.h"
#include "tests/tensor/sum_groups.h"

namespace vitrine::testing {
namespace {

// The last block of a group adds what all of its group left.
struct SumOfBlock {
  const float* x;
  float* partial;
  VITRINE_HD void operator()(const cuda::Block& block) const {
    block.each([&](int t) {
      if (t == 0) partial[block.index] = x[block.index];
    });
  }
};
struct SumOfGroup {
  const float* partial;
  float* y;
  std::int64_t groups, members;
  VITRINE_HD void operator()(const cuda::Block& block) const {
    block.each([&](int t) {
      if (t > 0) return;
      float sum = 0;
      for (std::int64_t m = 0; m < members; ++m) sum = sum + partial[m * groups + block.index];
      y[block.index] = sum;
    });
  }
};

}  // namespace

void sum_groups(const float* x, std::int64_t groups, std::int64_t members, float* partial, float* y) {
  cuda::for_groups("test", groups, members, 64, 0, SumOfBlock{x, partial}, SumOfGroup{partial, y, groups, members});
}

}  // namespace vitrine::testing

// layers/cudnn/swish.h in a build without CUDA.
#include "layers/cudnn/swish.h"

namespace vitrine::cuda {

bool library_swish(const float*, std::int64_t, float*) { return false; }
bool library_swish_gradient(const float*, const float*, std::int64_t, float*) { return false; }
void build_swish_graphs(std::int64_t) {}

}  // namespace vitrine::cuda

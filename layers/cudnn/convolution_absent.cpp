// layers/cudnn/convolution.h in a build without CUDA.
#include "layers/cudnn/convolution.h"

namespace vitrine::cuda {

bool library_convolution(const ConvShape&, const float*, const float*, float*) { return false; }
bool library_convolution_data_gradient(const ConvShape&, const float*, const float*, float*) { return false; }
bool library_convolution_weight_gradient(const ConvShape&, const float*, const float*, float*) { return false; }
bool library_depthwise(const ConvShape&, const float*, const float*, float*) { return false; }
bool library_depthwise_data_gradient(const ConvShape&, const float*, const float*, float*) { return false; }
bool library_depthwise_weight_gradient(const ConvShape&, const float*, const float*, float*) { return false; }
void build_convolution_graphs(const ConvShape&, bool) {}
std::vector<std::string> convolution_plans() { return {}; }

}  // namespace vitrine::cuda

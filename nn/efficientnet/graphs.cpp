#include "nn/efficientnet/graphs.h"

#include <set>

#include "layers/cudnn/biased.h"
#include "layers/cudnn/convolution.h"
#include "layers/cudnn/squeeze_excitation.h"
#include "layers/cudnn/swish.h"

namespace vitrine {
namespace {

using cuda::cudnn::Description;
using cuda::cudnn::Ending;
using cuda::cudnn::WeightOrder;

bool is_linear(const LayerWork& layer) {
  return layer.name == "squeeze" || layer.name == "excite" || layer.name == "classifier";
}

template <class Graphs>
std::vector<Description> of_network(const Architecture& arch, std::int64_t batch, std::int64_t size, Graphs graphs) {
  std::vector<Description> all;
  std::set<std::string> seen;
  for (const LayerWork& layer : layers_of(arch, batch, size, 3, 1000)) {
    for (Description& d : graphs(layer)) {
      if (seen.insert(d.what).second) all.push_back(std::move(d));
    }
  }
  return all;
}

}  // namespace

std::vector<Description> training_graphs(const LayerWork& layer) {
  using namespace cuda::cudnn;
  const ConvShape& s = layer.shape;
  if (is_linear(layer)) {
    const std::int64_t values = s.N * s.K;
    std::vector<Description> all{biased_linear(s.N, s.C, s.K, Ending::none), linear_data_gradient(s.N, s.C, s.K),
                                 linear_weight_gradient(s.N, s.C, s.K), sum_of_rows(s.N, s.K)};
    if (layer.name == "squeeze") all.insert(all.end(), {swish(values), swish_gradient(values)});
    if (layer.name == "excite") all.insert(all.end(), {sigmoid(values), sigmoid_gradient(values)});
    return all;
  }
  const std::int64_t values = s.N * s.P * s.Q * s.K;
  std::vector<Description> all{convolution(s, layer.depthwise), convolution_data_gradient(s, layer.depthwise),
                               convolution_weight_gradient(s, layer.depthwise), swish(values), swish_gradient(values)};
  const std::int64_t pixels = s.P * s.Q;
  if (layer.depthwise) {
    all.insert(all.end(), {mean_over_pixels(s.N, pixels, s.C), mean_gradient(s.N, pixels, s.C), scale(s.N, pixels, s.C),
                           scale_gradient(s.N, pixels, s.C)});
  }
  return all;
}

std::vector<Description> prediction_graphs(const LayerWork& layer) {
  using namespace cuda::cudnn;
  const ConvShape& s = layer.shape;
  if (is_linear(layer)) {
    const Ending ending = layer.name == "squeeze" ? Ending::swish : layer.name == "excite" ? Ending::sigmoid : Ending::none;
    return {biased_linear(s.N, s.C, s.K, ending, WeightOrder::by_output)};
  }
  const std::int64_t rows = s.N * s.P * s.Q;
  const bool is_pointwise = s.R == 1 && s.S == 1 && !layer.depthwise;
  const ConvShape run = is_pointwise ? ConvShape{1, rows, 1, s.C, 1, 1, s.K, rows, 1, 1, {}} : s;
  std::vector<Description> all{biased_convolution(run, layer.depthwise, Ending::none)};
  all.push_back(biased_convolution(run, layer.depthwise, layer.name == "project" ? Ending::residual : Ending::swish));
  if (layer.depthwise) all.insert(all.end(), {mean_over_pixels(s.N, s.P * s.Q, s.C), scale(s.N, s.P * s.Q, s.C)});
  return all;
}

std::vector<Description> training_graphs(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  return of_network(arch, batch, size, [](const LayerWork& layer) { return training_graphs(layer); });
}

std::vector<Description> prediction_graphs(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  return of_network(arch, batch, size, [](const LayerWork& layer) { return prediction_graphs(layer); });
}

}  // namespace vitrine

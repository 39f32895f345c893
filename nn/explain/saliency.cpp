#include "nn/explain/saliency.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "data/batch.h"
#include "nn/efficientnet/prediction.h"

namespace vitrine {
namespace {

struct LayerOutput {
  int unit = 0;
  Tensor value;
};

bool is_fine(const Tensor& maps) { return maps.shape()[1] >= kLeastSide && maps.shape()[2] >= kLeastSide; }

// The last block whose map is fine enough. Maps never grow from block to block.
LayerOutput last_fine_block(EfficientNet& net, const Tensor& images) {
  Tensor x = net.run_unit(0, images, {}).tensor();
  x = net.run_unit(1, x, {}).tensor();
  int unit = 1;
  for (; unit + 2 < net.units(); ++unit) {
    Tensor next = net.run_unit(unit + 1, x, {}).tensor();
    if (!is_fine(next)) break;
    x = std::move(next);
  }
  return {unit, std::move(x)};
}

LayerOutput output_of(EfficientNet& net, const Tensor& images, const std::string& layer) {
  if (layer == kAutoLayer) return last_fine_block(net, images);
  check_layer(net, layer);
  Variable x = images;
  int unit = 0;
  for (;; ++unit) {
    x = net.run_unit(unit, x, {});
    if (net.unit_name(unit) == layer) return {unit, x.tensor()};
  }
}

}  // namespace

SaliencyMethod saliency_method(const std::string& name) {
  return static_cast<SaliencyMethod>(chosen_name("--method", name, {"gradcam", "layercam"}));
}

std::string name_of(SaliencyMethod method) { return method == SaliencyMethod::grad_cam ? "gradcam" : "layercam"; }

std::string title_of(SaliencyMethod method) { return method == SaliencyMethod::grad_cam ? "Grad-CAM" : "LayerCAM"; }

std::vector<std::string> layer_names(const EfficientNet& net) {
  std::vector<std::string> names;
  for (int unit = 0; unit < net.units(); ++unit) names.push_back(net.unit_name(unit));
  return names;
}

void check_layer(const EfficientNet& net, const std::string& layer) {
  if (layer == kAutoLayer) return;
  std::vector<std::string> names = layer_names(net);
  if (std::find(names.begin(), names.end(), layer) != names.end()) return;
  const std::string nearest = nearest_name(layer, names);
  throw UsageError(text("the layer '", printable(layer), "' is none of ", net.arch.name, "'s",
                        nearest.empty() ? "" : "; is it " + nearest + "?", " Layers are auto, stem, ", names[1], " to ",
                        names[names.size() - 2], " and head"));
}

LayerGradient layer_gradient(EfficientNet& net, const Tensor& image, int of_class, const std::string& layer) {
  if (of_class < 0 || of_class >= net.classes)
    throw InternalError(text("saliency: class ", of_class, " of a network with ", net.classes));
  const Tensor images = stack_images({&image}, input_normalisation(net.semantics)).to(net.device());
  check_images(images.shape(), net.semantics.channels);
  LayerOutput output = output_of(net, images, layer);
  Tape tape;
  const Variable leaf = tape.input(output.value);
  Variable x = leaf;
  for (int unit = output.unit + 1; unit < net.units(); ++unit) x = net.run_unit(unit, x, {});
  const Variable logits = net.classify(x, {});
  const Tensor values = logits.tensor().to({});
  refuse_non_finite(net, images, values);
  Tensor dy = Tensor::zeros(values.shape());
  dy.mutable_host()[static_cast<std::size_t>(of_class)] = 1;
  const Gradients gradients = tape.backward(logits, dy.to(net.device()));
  return {net.unit_name(output.unit), output.value.to({}), gradients.of(leaf).to({}),
          static_cast<double>(values.host()[static_cast<std::size_t>(of_class)])};
}

float Saliency::largest() const { return map.empty() ? 0 : *std::max_element(map.begin(), map.end()); }

Saliency saliency_of(const LayerGradient& at, SaliencyMethod method) {
  const Shape& shape = at.activation.shape();
  if (shape.rank() != 4 || shape[0] != 1 || at.gradient.shape() != shape)
    throw InternalError(text("saliency: an activation ", shape.text(), " with a gradient ", at.gradient.shape().text()));
  const auto cells = static_cast<std::size_t>(shape[1] * shape[2]), channels = static_cast<std::size_t>(shape[3]);
  const auto A = at.activation.host(), g = at.gradient.host();
  std::vector<double> mean(channels, 0.0);  // of the gradient, by channel
  for (std::size_t i = 0; i < cells; ++i) {
    for (std::size_t k = 0; k < channels; ++k) mean[k] += static_cast<double>(g[i * channels + k]);
  }
  for (double& m : mean) m /= static_cast<double>(cells);
  Saliency result{at.layer, shape[1], shape[2], {}, at.logit};
  for (std::size_t i = 0; i < cells; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < channels; ++k) {
      const double slope = static_cast<double>(g[i * channels + k]);
      sum += (method == SaliencyMethod::grad_cam ? mean[k] : std::max(slope, 0.0)) * static_cast<double>(A[i * channels + k]);
    }
    result.map.push_back(static_cast<float>(std::max(sum, 0.0)));
  }
  return result;
}

Saliency saliency(EfficientNet& net, const Tensor& image, int of_class, SaliencyMethod method, const std::string& layer) {
  return saliency_of(layer_gradient(net, image, of_class, layer), method);
}

std::vector<float> pixel_map(const Saliency& s, std::int64_t height, std::int64_t width) {
  struct Tap {
    std::int64_t low, high;
    double share;  // of the high one
  };
  const auto taps = [](std::int64_t from, std::int64_t to) {
    std::vector<Tap> all;
    for (std::int64_t i = 0; i < to; ++i) {
      const double at = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5;
      const double inside = std::clamp(at, 0.0, static_cast<double>(from - 1));
      const auto low = static_cast<std::int64_t>(inside);
      all.push_back({low, std::min(low + 1, from - 1), inside - static_cast<double>(low)});
    }
    return all;
  };
  const std::vector<Tap> rows = taps(s.height, height), columns = taps(s.width, width);
  const auto value = [&](std::int64_t y, std::int64_t x) {
    return static_cast<double>(s.map[static_cast<std::size_t>(y * s.width + x)]);
  };
  std::vector<double> values;
  for (const Tap& r : rows) {
    for (const Tap& c : columns) {
      const double upper = value(r.low, c.low) + c.share * (value(r.low, c.high) - value(r.low, c.low));
      const double lower = value(r.high, c.low) + c.share * (value(r.high, c.high) - value(r.high, c.low));
      values.push_back(upper + r.share * (lower - upper));
    }
  }
  const double largest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  std::vector<float> pixels;
  for (const double v : values) pixels.push_back(largest > 0 ? static_cast<float>(v / largest) : 0.0f);
  return pixels;
}

}  // namespace vitrine

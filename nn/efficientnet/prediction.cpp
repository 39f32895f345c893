#include "nn/efficientnet/prediction.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tensor/math.h"

namespace vitrine {

InputNormalisation input_normalisation(const Semantics& semantics) {
  return {semantics.channels, semantics.mean, semantics.std};
}

std::vector<double> softmax(std::span<const float> logits) {
  const double most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> p;
  double sum = 0;
  for (const float logit : logits) {
    p.push_back(exp_portable(static_cast<double>(logit) - most));
    sum += p.back();
  }
  for (double& value : p) value /= sum;
  return p;
}

void refuse_non_finite(EfficientNet& net, const Tensor& images, const Tensor& logits) {
  const auto values = logits.host();
  if (std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return;
  Tape tape;
  tape.refuse_non_finite();
  net.forward(images.to(net.device()), {Mode::eval, &tape, {}, false});  // throws where the first one arises
  throw NumericalError(
      "the logits are not finite although every op's output is: a weight with its batch norm folded in overflows");
}

std::vector<std::vector<double>> predict(Inference& inference, EfficientNet& net, const std::vector<Tensor>& images,
                                         int batch_size) {
  std::vector<std::vector<double>> probability;
  for (std::size_t first = 0; first < images.size(); first += static_cast<std::size_t>(batch_size)) {
    std::vector<const Tensor*> piece;
    for (std::size_t i = first; i < std::min(images.size(), first + static_cast<std::size_t>(batch_size)); ++i)
      piece.push_back(&images[i]);
    const Tensor batch = stack_images(piece, input_normalisation(net.semantics));
    const Tensor logits = inference.run(batch);
    refuse_non_finite(net, batch, logits);
    const auto classes = static_cast<std::size_t>(inference.classes());
    for (std::size_t n = 0; n < piece.size(); ++n) probability.push_back(softmax(logits.host().subspan(n * classes, classes)));
  }
  return probability;
}

std::vector<std::vector<double>> predict(EfficientNet& net, const std::vector<Tensor>& images, int batch_size) {
  Inference inference(net);
  return predict(inference, net, images, batch_size);
}

}  // namespace vitrine

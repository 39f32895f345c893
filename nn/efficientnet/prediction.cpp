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
                                         int batch_size, const SeePrediction& see) {
  std::vector<std::vector<double>> probability;
  for (std::size_t first = 0; first < images.size(); first += static_cast<std::size_t>(batch_size)) {
    std::vector<const Tensor*> piece;
    for (std::size_t i = first; i < std::min(images.size(), first + static_cast<std::size_t>(batch_size)); ++i)
      piece.push_back(&images[i]);
    const Tensor batch = stack_images(piece, input_normalisation(net.semantics));
    const Tensor logits = inference.run(batch);
    refuse_non_finite(net, batch, logits);
    if (see) see(batch, logits);
    const auto classes = static_cast<std::size_t>(inference.classes());
    for (std::size_t n = 0; n < piece.size(); ++n) probability.push_back(softmax(logits.host().subspan(n * classes, classes)));
  }
  return probability;
}

std::vector<std::vector<double>> predict(EfficientNet& net, const std::vector<Tensor>& images, int batch_size) {
  Inference inference(net);
  return predict(inference, net, images, batch_size);
}

PhotographRequest photograph_request(const Semantics& s) {
  return {.resize = s.resize,
          .crop = s.input_size,
          .filter = s.interpolation == Interpolation::bilinear ? Filter::bilinear : Filter::bicubic};
}

std::vector<double> classify_square(Inference& inference, EfficientNet& net, const ByteImage& square,
                                    const SeePrediction& see) {
  const std::int64_t channels = net.semantics.channels;
  if (channels != 3 && channels != 1)
    throw ShapeError(
        text("classify: photographs have 3 channels, the network takes ", channels, "; run it on a tensor instead"));
  if (channels == 1 && !is_grey(square))
    throw DataError("classify: the picture has colours, the network takes one grey channel; pass a grey picture");
  return predict(inference, net, {to_unit_range(square)}, 1, see).front();
}

std::vector<double> classify(Inference& inference, EfficientNet& net, const ByteImage& photograph) {
  const std::int64_t height = photograph.height, width = photograph.width;
  const auto bytes = static_cast<std::int64_t>(photograph.rgb.size());
  if (height < 1 || width < 1 || bytes / 3 / width != height || bytes != height * width * 3)
    throw ShapeError(text("classify: the picture is ", height, " x ", width, " pixels in ", bytes,
                          " bytes, three for each pixel are expected"));
  const PhotographRequest request = photograph_request(net.semantics);
  return classify_square(inference, net, resize_and_crop(photograph, request.resize, request.crop, request.filter));
}

}  // namespace vitrine

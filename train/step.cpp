#include "train/step.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "layers/cross_entropy.h"
#include "tensor/math.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

// Runs the step's forward pass again op by op with every output checked, to name the first that went wrong.
[[noreturn]] void name_first_non_finite(EfficientNet& net, const Batch& batch, const StepOptions& options) {
  Tape tape;
  tape.refuse_non_finite();
  const Variable logits = net.forward(batch.images.to(net.device()), {Mode::train, &tape, options.key, false});
  cross_entropy(logits, batch.targets, options.label_smoothing);
  throw NumericalError("the loss is not finite although every op's output is; lower --lr");
}

}  // namespace

StepResult train_step(EfficientNet& net, Optimizer& optimizer, const Batch& batch, const StepOptions& options) {
  StepResult result;
  Gradients gradients;
  {
    Tape tape;
    const Variable logits = net.forward(batch.images.to(net.device()), {Mode::train, &tape, options.key});
    const Variable loss = cross_entropy(logits, batch.targets, options.label_smoothing);
    result.loss = static_cast<double>(loss.tensor().to(Device::cpu()).host()[0]);
    result.logits = logits.tensor();
    if (!std::isfinite(result.loss)) name_first_non_finite(net, batch, options);
    gradients = tape.backward(loss);
  }
  net.visit([&](const NamedTensor& t) {
    if (t.parameter == nullptr) return;
    const Tensor& gradient = gradients.of(*t.parameter);
    if (!gradient.defined()) return;
    const auto scale = options.lr_scale.find(part_of_tensor(t.name));
    const double lr = options.lr * (scale == options.lr_scale.end() ? 1.0 : scale->second);
    optimizer.step(t.name, *t.value, gradient, lr, options.momentum);
  });
  return result;
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

Tensor stack_images(const std::vector<const Tensor*>& images, const Semantics& semantics) {
  if (images.empty()) throw ShapeError("stack_images: there are no images to make a batch of");
  const Shape& one = images.front()->shape();
  const auto count = static_cast<std::int64_t>(images.size());
  for (const Tensor* image : images) {
    if (!(image->shape() == one))
      throw ShapeError(text("stack_images: images are ", one.text(), " and ", image->shape().text()));
  }
  const std::int64_t planes = one[2], channels = semantics.channels;
  if (planes != channels && !(planes == 3 && channels == 1))
    throw ShapeError(text("stack_images: images have ", planes, " planes, the network takes ", channels));
  std::array<float, 3> scale{};
  for (std::size_t c = 0; c < 3; ++c) scale[c] = 1.0f / semantics.std[c];
  Tensor batch = Tensor::uninitialized({count, one[0], one[1], channels});
  float* const out = batch.mutable_host().data();
  const std::int64_t pixels = one[0] * one[1];
  parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const float* const in = images[static_cast<std::size_t>(n)]->host().data();
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < channels; ++c) {
          const auto colour = static_cast<std::size_t>(c % 3);
          out[(n * pixels + p) * channels + c] = (in[p * planes + c] - semantics.mean[colour]) * scale[colour];
        }
      }
    }
  });
  return batch;
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
    const Tensor batch = stack_images(piece, net.semantics);
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

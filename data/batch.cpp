#include "data/batch.h"

#include "base/error.h"
#include "tensor/parallel.h"

namespace vitrine {

Tensor stack_images(const std::vector<const Tensor*>& images, const InputNormalisation& normalisation) {
  if (images.empty()) throw ShapeError("stack_images: there are no images to make a batch of");
  const Shape& one = images.front()->shape();
  const auto count = static_cast<std::int64_t>(images.size());
  for (const Tensor* image : images) {
    if (!(image->shape() == one))
      throw ShapeError(text("stack_images: images are ", one.text(), " and ", image->shape().text()));
  }
  const std::int64_t held = one[2], channels = normalisation.channels;
  if (held != channels && !(held == 3 && channels == 1))
    throw ShapeError(text("stack_images: images have ", held, " channels, the network takes ", channels));
  std::array<float, 3> scale{};
  for (std::size_t c = 0; c < 3; ++c) scale[c] = 1.0f / normalisation.std[c];
  Tensor batch = Tensor::uninitialized({count, one[0], one[1], channels});
  float* const out = batch.mutable_host().data();
  const std::int64_t pixels = one[0] * one[1];
  parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const float* const in = images[static_cast<std::size_t>(n)]->host().data();
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < channels; ++c) {
          const auto colour = static_cast<std::size_t>(c % 3);
          out[(n * pixels + p) * channels + c] = (in[p * held + c] - normalisation.mean[colour]) * scale[colour];
        }
      }
    }
  });
  return batch;
}

Tensor one_hot(std::span<const int> labels, int classes) {
  Tensor targets = Tensor::zeros({static_cast<std::int64_t>(labels.size()), classes});
  const auto out = targets.mutable_host();
  for (std::size_t n = 0; n < labels.size(); ++n)
    out[n * static_cast<std::size_t>(classes) + static_cast<std::size_t>(labels[n])] = 1.0f;
  return targets;
}

}  // namespace vitrine

#include "data/batch.h"

#include "base/error.h"
#include "data/view_kernels.h"
#include "tensor/parallel.h"

namespace vitrine {

InputWriter::InputWriter(const Shape& image, const InputNormalisation& normalisation)
    : height_(image[0]), width_(image[1]), held_(image[2]), channels_(normalisation.channels) {
  if (held_ != channels_ && !(held_ == 3 && channels_ == 1))
    throw ShapeError(text("stack_images: images have ", held_, " channels, the network takes ", channels_));
  for (std::int64_t i = 0; i < width_ * channels_; ++i) {
    const auto colour = static_cast<std::size_t>(i % channels_ % 3);
    mean_.push_back(normalisation.mean[colour]);
    scale_.push_back(1.0f / normalisation.std[colour]);
  }
}

Shape InputWriter::batch_shape(std::size_t count) const {
  return {static_cast<std::int64_t>(count), height_, width_, channels_};
}

void InputWriter::write(const float* image, float* out) const {
  const kernels::ViewKernels& k = kernels::view_kernels();
  const std::int64_t row = width_ * channels_;
  for (std::int64_t y = 0; y < height_; ++y, image += width_ * held_, out += row) {
    const float* values = image;
    if (!takes_all_channels()) {
      for (std::int64_t x = 0; x < width_; ++x) out[x] = image[x * held_];
      values = out;
    }
    k.normalise(values, mean_.data(), scale_.data(), row, out);
  }
}

Tensor stack_images(const std::vector<const Tensor*>& images, const InputNormalisation& normalisation) {
  if (images.empty()) throw ShapeError("stack_images: there are no images to make a batch of");
  const Shape& one = images.front()->shape();
  for (const Tensor* image : images) {
    if (!(image->shape() == one))
      throw ShapeError(text("stack_images: images are ", one.text(), " and ", image->shape().text()));
  }
  const InputWriter writer(one, normalisation);
  Tensor batch = Tensor::uninitialized(writer.batch_shape(images.size()));
  float* const out = batch.mutable_host().data();
  const auto count = static_cast<std::int64_t>(images.size());
  const std::int64_t size = batch.size() / count;
  parallel_for(count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n)
      writer.write(images[static_cast<std::size_t>(n)]->host().data(), out + n * size);
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

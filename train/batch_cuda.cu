#include "train/batch_cuda.h"

#include "tensor/cuda/launch.h"

namespace vitrine::cuda {

void begin_step(const StepPlan* plans, const std::int32_t* position, StepPlan* now) {
  for_each("step", 1, [=] VITRINE_HD(std::int64_t) { *now = plans[*position]; });
}

void make_batch(const ImageSource& source, const SamplePlan* samples, const std::int32_t* position, std::int64_t batch,
                std::int64_t N, bool mixes, float* views, float* images, float* targets) {
  const ImageSource s = source;
  const std::int64_t pixels = s.H * s.W, size = pixels * s.channels;
  for_each("augmentation", N * pixels, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t n = i / pixels, y = i % pixels / s.W, x = i % s.W;
    const SamplePlan& sample = samples[*position * batch + n];
    const float* const image = s.images + sample.image * pixels * s.planes;
    const SourcePixel from(sample.view.affine, s.H, s.W, y, x);
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const float value = value_of(sample.view, from, image, s.W, s.planes, y, x, c);
      views[i * s.channels + c] = (value - s.mean[static_cast<std::size_t>(c % 3)]) * s.scale[static_cast<std::size_t>(c % 3)];
    }
  });
  for_each("mixup", mixes ? N * size : 0, [=] VITRINE_HD(std::int64_t i) {
    const Mix mix = samples[*position * batch + i / size].mix;
    images[i] = mix.lambda * views[i] + (1.0f - mix.lambda) * views[mix.partner * size + i % size];
  });
  for_each("mixup", N * s.classes, [=] VITRINE_HD(std::int64_t i) {
    const SamplePlan* const first = samples + *position * batch;
    const SamplePlan& sample = first[i / s.classes];
    const float own = sample.label == i % s.classes ? 1.0f : 0.0f;
    const float other = first[sample.mix.partner].label == i % s.classes ? 1.0f : 0.0f;
    targets[i] = mixes ? sample.mix.lambda * own + (1.0f - sample.mix.lambda) * other : own;
  });
}

void end_step(const float* loss, std::int32_t* position, float* losses) {
  for_each("step", 1, [=] VITRINE_HD(std::int64_t) {
    losses[*position] = *loss;
    *position += 1;
  });
}

}  // namespace vitrine::cuda

#include "train/device/batch_cuda.h"

#include <cstring>

#include "tensor/cuda/launch.h"

namespace vitrine::cuda {

void begin_step(const StepDraws* draws, const std::int32_t* position, StepDraws* now) {
  constexpr std::int64_t kWord = sizeof(std::uint32_t), kWords = sizeof(StepDraws) / kWord;
  static_assert(sizeof(StepDraws) % kWord == 0 && std::is_trivially_copyable_v<StepDraws>);
  for_each("step", kWords, [=] VITRINE_HD(std::int64_t i) {
    const auto* const from = reinterpret_cast<const unsigned char*>(draws + *position);
    std::memcpy(reinterpret_cast<unsigned char*>(now) + i * kWord, from + i * kWord, kWord);
  });
}

void make_batch(const ImageSource& source, const SamplePlan* samples, const std::int32_t* position, const BatchShare& share,
                bool mixes, const BatchMemory& memory) {
  const ImageSource s = source;
  const BatchShare part = share;
  const BatchMemory to = memory;
  const std::int64_t pixels = s.H * s.W, size = pixels * s.channels;
  for_each("augmentation", part.count * pixels, [=] VITRINE_HD(std::int64_t i) {
    const std::int64_t n = i / pixels, y = i % pixels / s.W, x = i % s.W;
    const SamplePlan& sample = samples[*position * part.batch + n];
    const float* const image = s.images + sample.image * pixels * s.held;
    const SourcePixel from(sample.view.affine, s.H, s.W, y, x);
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const float value = value_of(sample.view, from, image, s.W, s.held, y, x, c);
      to.views[i * s.channels + c] =
          (value - s.mean[static_cast<std::size_t>(c % 3)]) * s.scale[static_cast<std::size_t>(c % 3)];
    }
  });
  for_each("mixup", part.own * size, [=] VITRINE_HD(std::int64_t i) {
    const Mix mix = samples[*position * part.batch + part.first + i / size].mix;
    const float own = to.views[part.first * size + i];
    to.images[i] = mixes ? mix.lambda * own + (1.0f - mix.lambda) * to.views[mix.partner * size + i % size] : own;
  });
  for_each("mixup", part.own * s.classes, [=] VITRINE_HD(std::int64_t i) {
    const SamplePlan* const first = samples + *position * part.batch;
    const SamplePlan& sample = first[part.first + i / s.classes];
    const float own = sample.label == i % s.classes ? 1.0f : 0.0f;
    const float other = first[sample.mix.partner].label == i % s.classes ? 1.0f : 0.0f;
    to.targets[i] = mixes ? sample.mix.lambda * own + (1.0f - sample.mix.lambda) * other : own;
  });
}

namespace {

// Parts of a long array, each with an array of its own.
struct Parts {
  static constexpr int kMost = 96;
  float* apart[kMost];
  std::int64_t first[kMost], size[kMost];
  int count = 0;
  std::int64_t most = 0;
};

// launch(parts) for all parts, as many at a time as a launch's arguments hold.
template <class Launch>
void for_parts(const std::vector<float*>& apart, const std::vector<std::int64_t>& sizes, Launch launch) {
  Parts parts;
  std::int64_t first = 0;
  for (std::size_t t = 0; t < sizes.size(); ++t) {
    parts.apart[parts.count] = apart[t];
    parts.first[parts.count] = first;
    parts.size[parts.count++] = sizes[t];
    parts.most = parts.most > sizes[t] ? parts.most : sizes[t];
    first += sizes[t];
    if (parts.count < Parts::kMost && t + 1 < sizes.size()) continue;
    launch(parts);
    parts = {};
  }
}

constexpr std::int64_t kPart = 4096;  // elements of a block

void pack_parts(const Parts& parts, float* to) {
  const std::int64_t blocks = (parts.most + kPart - 1) / kPart;
  for_blocks("gradients", parts.count * blocks, 256, 0, [=] VITRINE_HD(const Block& block) {
    const std::int64_t t = block.index / blocks, begin = block.index % blocks * kPart;
    block.each([&](int thread) {
      for (std::int64_t i = begin + thread; i < parts.size[t] && i < begin + kPart; i += block.threads)
        to[parts.first[t] + i] = parts.apart[t][i];
    });
  });
}

void unpack_parts(const Parts& parts, const float* all, int ranks, std::int64_t total) {
  const std::int64_t blocks = (parts.most + kPart - 1) / kPart;
  for_blocks("gradients", parts.count * blocks, 256, 0, [=] VITRINE_HD(const Block& block) {
    const std::int64_t t = block.index / blocks, begin = block.index % blocks * kPart;
    block.each([&](int thread) {
      for (std::int64_t i = begin + thread; i < parts.size[t] && i < begin + kPart; i += block.threads) {
        const float* const from = all + parts.first[t] + i;
        float sum = from[0];
        for (int rank = 1; rank < ranks; ++rank) sum = sum + from[rank * total];
        parts.apart[t][i] = sum;
      }
    });
  });
}

}  // namespace

void pack(const std::vector<const float*>& sources, const std::vector<std::int64_t>& sizes, float* to) {
  std::vector<float*> apart;
  for (const float* source : sources) apart.push_back(const_cast<float*>(source));  // that are only read
  for_parts(apart, sizes, [to](const Parts& parts) { pack_parts(parts, to); });
}

void unpack_sums(const float* all, int ranks, std::int64_t total, const std::vector<std::int64_t>& sizes,
                 const std::vector<float*>& sums) {
  for_parts(sums, sizes, [=](const Parts& parts) { unpack_parts(parts, all, ranks, total); });
}

void end_step(const float* loss, std::int32_t* position, float* losses) {
  for_each("step", 1, [=] VITRINE_HD(std::int64_t) {
    losses[*position] = *loss;
    *position += 1;
  });
}

}  // namespace vitrine::cuda

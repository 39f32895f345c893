#include "audit/lineage.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "data/augment.h"
#include "data/mixup.h"
#include "nn/efficientnet/prediction.h"
#include "train/control.h"

namespace vitrine {
namespace {

// Views and mixes of a batch, as training_batch draws them.
class BatchDraws {
 public:
  BatchDraws(const LineageRun& run, const LineageBatch& batch) : run_(run), batch_(batch) {
    if (run.options.mixup > 0)
      mixes_ = drawn_mixes(static_cast<std::int64_t>(batch.count), run.options.mixup, run.options.seed, epoch(),
                           static_cast<std::uint32_t>(batch.first), mixup_mode_from_name(run.options.mixup_mode));
  }

  View view(std::size_t slot) const {
    const Shape& image = batch_.data.images.front().shape();
    if (!run_.options.augmentation) return {};
    return drawn_view(augment_options(run_.options), image[0], image[1], run_.options.seed, epoch(),
                      static_cast<std::uint32_t>(batch_.first + slot));
  }

  // The slots that are mixed in one, and their shares.
  std::vector<std::pair<std::size_t, float>> mixed(std::size_t slot) const {
    if (mixes_.empty()) return {{slot, 1.0f}};
    const Mix& mix = mixes_[slot];
    return {{slot, mix.lambda}, {static_cast<std::size_t>(mix.partner), 1.0f - mix.lambda}};
  }

 private:
  std::uint32_t epoch() const { return static_cast<std::uint32_t>(batch_.epoch); }

  const LineageRun& run_;
  const LineageBatch& batch_;
  std::vector<Mix> mixes_;
};

// The pixels of an image of H x W that pixel (y, x) of its view is made of.
std::vector<ImagePixel> view_pixels(const View& view, std::int64_t H, std::int64_t W, std::int64_t y, std::int64_t x) {
  if (view.affine.identity) return {{y, x, 1}};
  const SourcePixel from(view.affine, H, W, y, x);
  const std::array<ImagePixel, 4> corners{{{from.y0, from.x0, (1 - from.wy) * (1 - from.wx)},
                                           {from.y0, from.x1, (1 - from.wy) * from.wx},
                                           {from.y1, from.x0, from.wy * (1 - from.wx)},
                                           {from.y1, from.x1, from.wy * from.wx}}};
  std::vector<ImagePixel> pixels;
  for (const ImagePixel& corner : corners) {
    const auto found =
        std::find_if(pixels.begin(), pixels.end(), [&](const ImagePixel& p) { return p.y == corner.y && p.x == corner.x; });
    if (found == pixels.end()) {
      pixels.push_back(corner);
    } else {
      found->weight += corner.weight;
    }
  }
  return pixels;
}

PixelUse use_of(const LineageRun& run, const LineageBatch& batch, const BatchDraws& draws, std::size_t slot, float share,
                std::int64_t y, std::int64_t x) {
  const Shape& image = batch.data.images.front().shape();
  const std::int64_t H = image[0], W = image[1];
  PixelUse use{slot, batch.sample(slot), share, draws.view(slot), {}, {}};
  use.pixels = view_pixels(use.view, H, W, y, x);
  const bool fills = control_from_name(run.options.control) == Control::background;
  bool asks_all = false;
  for (ImagePixel& p : use.pixels) {
    p.is_mean = fills && in_disc(p.y, p.x, H, W);
    asks_all = asks_all || p.is_mean;
    if (!p.is_mean) use.crop_pixels.push_back({p.y, p.x});
  }
  if (!asks_all) return use;
  use.crop_pixels.clear();
  for (std::int64_t v = 0; v < H; ++v) {
    for (std::int64_t u = 0; u < W; ++u) {
      if (!in_disc(v, u, H, W)) use.crop_pixels.push_back({v, u});
    }
  }
  return use;
}

// The channel of the crops that channel c of the network shows: a network of one channel takes the first of three.
std::string channel_of(const LineageRun& run, std::int64_t c) {
  const std::vector<std::string> channels = input_configuration(run.options.inputs).channels;
  return channels[static_cast<std::size_t>(c) % channels.size()];
}

void check_range(const char* what, std::int64_t value, std::int64_t count) {
  if (value < 0 || value >= count) throw UsageError(text(what, " is ", value, ", expected 0 to ", count - 1));
}

float input_at(const Tensor& images, std::size_t slot, std::int64_t c, std::int64_t y, std::int64_t x) {
  const Shape& s = images.shape();
  return images.host()[static_cast<std::size_t>(((static_cast<std::int64_t>(slot) * s[1] + y) * s[2] + x) * s[3] + c)];
}

}  // namespace

PixelLineage trace_pixel(const LineageRun& run, const LineageBatch& batch, std::int64_t slot, std::int64_t c, std::int64_t y,
                         std::int64_t x) {
  const Shape& image = batch.data.images.front().shape();
  const InputNormalisation normalisation = input_normalisation(run.semantics);
  check_range("--slot", slot, static_cast<std::int64_t>(batch.count));
  check_range("the channel of --pixel", c, normalisation.channels);
  check_range("the row of --pixel", y, image[0]);
  check_range("the column of --pixel", x, image[1]);
  PixelLineage pixel;
  pixel.slot = static_cast<std::size_t>(slot);
  pixel.c = c;
  pixel.y = y;
  pixel.x = x;
  pixel.channel = channel_of(run, c);
  pixel.mean = normalisation.mean[static_cast<std::size_t>(c % 3)];
  pixel.deviation = normalisation.std[static_cast<std::size_t>(c % 3)];
  const BatchDraws draws(run, batch);
  for (const auto& [from, share] : draws.mixed(pixel.slot)) pixel.uses.push_back(use_of(run, batch, draws, from, share, y, x));
  const Tensor images = inputs_of(run, batch).images;
  pixel.trained = input_at(images, pixel.slot, c, y, x);
  pixel.batch = hash_of(images);
  return pixel;
}

float rebuilt_pixel(const LineageRun& run, const LineageBatch& batch, const PixelLineage& pixel,
                    const std::vector<std::vector<float>>& values) {
  LineageBatch known = batch;
  const Shape shape = batch.data.images.front().shape();
  const Tensor nothing = Tensor::full(shape, std::numeric_limits<float>::quiet_NaN());
  std::vector<Tensor> images(batch.data.images.size(), nothing);
  for (std::size_t u = 0; u < pixel.uses.size(); ++u) {
    const PixelUse& use = pixel.uses[u];
    Tensor& image = images[static_cast<std::size_t>(batch.slots[use.slot])];
    Tensor filled = image.clone();  // a sample that is mixed with itself, seen in two ways, has both sets of pixels
    const auto to = filled.mutable_host();
    for (std::size_t n = 0; n < use.crop_pixels.size(); ++n) {
      const auto [y, x] = use.crop_pixels[n];
      to[static_cast<std::size_t>((y * shape[1] + x) * shape[2] + pixel.c)] = values.at(u).at(n);
    }
    image = std::move(filled);
  }
  known.data.images = std::move(images);
  if (control_from_name(run.options.control) == Control::background)
    apply(Control::background, run.splits, run.options.seed, false, known.data);
  return input_at(inputs_of(run, known).images, pixel.slot, pixel.c, pixel.y, pixel.x);
}

std::vector<float> crop_values(const LineageRun& run, const PixelUse& use, const std::string& channel) {
  const CropChannels crop = load_crop(run.manifest, use.sample);
  for (const auto& [name, all] : crop.channels) {
    if (name != channel) continue;
    std::vector<float> values;
    for (const auto& [y, x] : use.crop_pixels) values.push_back(all.at(static_cast<std::size_t>(y * crop.width + x)));
    return values;
  }
  throw DataError(text("the crop ", use.sample.file, " has no channel '", channel, "'"));
}

std::vector<TouchedInput> touched_inputs(const LineageRun& run, const LineageBatch& batch, const std::string& sample_id,
                                         const std::string& channel, const std::vector<WeightedPixel>& pixels) {
  std::vector<TouchedInput> inputs;
  const Shape& image = batch.data.images.front().shape();
  const std::int64_t H = image[0], W = image[1];
  std::vector<double> weight(static_cast<std::size_t>(H * W));  // of the image's pixels
  const bool fills = control_from_name(run.options.control) == Control::background;
  double outside = 0, around = 0;
  for (const WeightedPixel& p : pixels) {
    if (fills && in_disc(p.y, p.x, H, W)) continue;
    weight.at(static_cast<std::size_t>(p.y * W + p.x)) += p.weight;
    outside += p.weight;
  }
  for (std::int64_t at = 0; fills && at < H * W; ++at) around += in_disc(at / W, at % W, H, W) ? 0 : 1;
  for (std::int64_t at = 0; fills && at < H * W; ++at) {
    if (in_disc(at / W, at % W, H, W)) weight[static_cast<std::size_t>(at)] = outside / around;
  }
  const BatchDraws draws(run, batch);
  for (std::size_t slot = 0; slot < batch.count; ++slot) {
    for (const auto& [from, share] : draws.mixed(slot)) {
      if (batch.sample(from).sample_id != sample_id || share == 0) continue;
      const View view = draws.view(from);
      for (std::int64_t at = 0; at < H * W; ++at) {
        double sum = 0;
        for (const ImagePixel& p : view_pixels(view, H, W, at / W, at % W))
          sum += p.weight * weight[static_cast<std::size_t>(p.y * W + p.x)];
        for (std::int64_t c = 0; sum != 0 && c < input_normalisation(run.semantics).channels; ++c) {
          if (channel_of(run, c) == channel)
            inputs.push_back({slot, sample_id, c, at / W, at % W, static_cast<double>(share) * sum});
        }
      }
    }
  }
  return inputs;
}

std::string bits_text(float value) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto bits = std::bit_cast<std::uint32_t>(value);
  std::string out = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[bits >> shift & 15];
  return out;
}

}  // namespace vitrine

#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "tensor/isa.h"

namespace vitrine {
namespace {

constexpr std::int64_t kPixelBytes = kernels::kPixelBytes;

void check_sizes(std::int64_t height, std::int64_t width, std::int64_t to_height, std::int64_t to_width) {
  if (height >= 1 && width >= 1 && to_height >= 1 && to_width >= 1) return;
  throw ShapeError(text("resize: ", height, " x ", width, " to ", to_height, " x ", to_width, "; all sizes must be positive"));
}

// How many outputs take from one stored row at most, in the order in which they begin.
std::int64_t most_open(const Taps& taps, bool downward) {
  const auto count = static_cast<std::int64_t>(taps.outputs.size());
  const auto output = [&](std::int64_t j) -> const OutputTaps& {
    return taps.outputs[static_cast<std::size_t>(downward ? j : count - 1 - j)];
  };
  std::int64_t most = 0;
  for (std::int64_t j = 0, open = 0; j < count; ++j) {
    while (output(open).first + output(open).count <= output(j).first) ++open;
    most = std::max(most, j - open + 1);
  }
  return most;
}

ByteImage resampled(const ByteImage& image, const Cut& cut, Filter filter) {
  Resampler resampler(image.height, image.width, {}, cut, filter);
  const Region& needed = resampler.needed();
  const std::int64_t width = needed.right - needed.left;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width * kPixelBytes + kernels::kRowPadding));
  for (std::int64_t y = needed.top; y < needed.bottom; ++y) {
    const std::uint8_t* from = image.rgb.data() + (y * image.width + needed.left) * 3;
    for (std::int64_t x = 0; x < width; ++x) std::memcpy(row.data() + x * kPixelBytes, from + x * 3, 3);
    resampler.row(row.data());
  }
  return resampler.take();
}

}  // namespace

Cut central_square(std::int64_t height, std::int64_t width, std::int64_t resized, std::int64_t crop) {
  check_sizes(height, width, resized, crop);
  const double ratio = static_cast<double>(resized) / static_cast<double>(std::min(height, width));
  const auto scaled = [&](std::int64_t size) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(size) * ratio));
  };
  Cut cut{scaled(height), scaled(width), 0, 0, crop, crop};
  if (cut.height < crop || cut.width < crop)
    throw ShapeError(text("crop: ", crop, " x ", crop, " does not fit into ", cut.height, " x ", cut.width));
  cut.top = (cut.height - crop) / 2;
  cut.left = (cut.width - crop) / 2;
  return cut;
}

Resampler::Resampler(std::int64_t height, std::int64_t width, const Turn& turn, const Cut& cut, Filter filter)
    : kernels_(
          for_this_machine(kernels::scalar::resize_kernels, kernels::avx2::resize_kernels, kernels::avx512::resize_kernels)),
      transposed_(turn.transposed),
      downward_(!turn.rows_flipped) {
  check_sizes(height, width, cut.cut_height, cut.cut_width);
  const std::int64_t rows = transposed_ ? width : height, columns = transposed_ ? height : width;  // of what is looked at
  const bool rows_flipped = transposed_ ? turn.columns_flipped : turn.rows_flipped;
  const bool columns_flipped = transposed_ ? turn.rows_flipped : turn.columns_flipped;
  Taps vertical = taps_of({rows, cut.height, cut.top, cut.cut_height, rows_flipped}, filter);
  Taps horizontal = taps_of({columns, cut.width, cut.left, cut.cut_width, columns_flipped}, filter);
  const std::int64_t shorter = rows - cut.height, narrower = columns - cut.width;
  const bool rows_first = !(shorter > 0 && shorter > 2 * narrower);
  along_first_ = transposed_ ? !rows_first : rows_first;
  along_ = transposed_ ? std::move(vertical) : std::move(horizontal);
  down_ = transposed_ ? std::move(horizontal) : std::move(vertical);
  needed_ = {down_.begin, down_.end, along_.begin, along_.end};
  at_ = needed_.top;
  const auto outputs = static_cast<std::int64_t>(along_.outputs.size());
  sum_bytes_ = kPixelBytes * (along_first_ ? outputs : needed_.right - needed_.left);
  slots_ = most_open(down_, downward_);
  sums_.resize(static_cast<std::size_t>(slots_ * sum_bytes_));
  line_.resize(static_cast<std::size_t>(outputs * kPixelBytes));
  finished_.resize(static_cast<std::size_t>(sum_bytes_ + kernels::kRowPadding));
  result_ = {cut.cut_height, cut.cut_width,
             std::vector<std::uint8_t>(static_cast<std::size_t>(cut.cut_height * cut.cut_width * 3))};
}

void Resampler::row(const std::uint8_t* pixels) {
  if (at_ >= needed_.bottom) throw InternalError(text("row ", at_, " of a picture is not needed"));
  const std::uint8_t* values = pixels;
  if (along_first_) {
    kernels_.across(pixels, needed_.left, along_.outputs.data(), static_cast<std::int64_t>(along_.outputs.size()),
                    along_.weight.data(), line_.data());
    values = line_.data();
  }
  const auto count = static_cast<std::int64_t>(down_.outputs.size());
  for (std::int64_t j = first_open_; j < count; ++j) {
    const std::int64_t o = downward_ ? j : count - 1 - j;
    const OutputTaps& taps = down_.outputs[static_cast<std::size_t>(o)];
    if (taps.first > at_) break;
    std::uint32_t* sum = sums_.data() + j % slots_ * sum_bytes_;
    kernels_.add(sum, values, down_.weight[static_cast<std::size_t>(taps.weights + at_ - taps.first)], sum_bytes_);
    if (taps.first + taps.count > at_ + 1) continue;
    kernels_.finish(sum, finished_.data(), sum_bytes_);
    finish(o);
    first_open_ = j + 1;
  }
  ++at_;
}

// finished_ holds what the stored columns gave.
void Resampler::finish(std::int64_t output) {
  if (along_first_) return keep(output, finished_.data());
  kernels_.across(finished_.data(), needed_.left, along_.outputs.data(), static_cast<std::int64_t>(along_.outputs.size()),
                  along_.weight.data(), line_.data());
  keep(output, line_.data());
}

void Resampler::keep(std::int64_t output, const std::uint8_t* pixels) {
  const std::int64_t step = transposed_ ? result_.width * 3 : 3;
  std::uint8_t* to = result_.rgb.data() + output * (transposed_ ? 3 : result_.width * 3);
  for (std::size_t i = 0; i < along_.outputs.size(); ++i) {
    std::memcpy(to, pixels, 3);
    to += step;
    pixels += kPixelBytes;
  }
}

ByteImage Resampler::take() {
  if (at_ != needed_.bottom) throw InternalError(text("row ", at_, " of a picture is missing"));
  return std::move(result_);
}

ByteImage resize(const ByteImage& image, std::int64_t height, std::int64_t width, Filter filter) {
  check_sizes(image.height, image.width, height, width);
  return resampled(image, {height, width, 0, 0, height, width}, filter);
}

ByteImage resize_and_crop(const ByteImage& image, std::int64_t resized, std::int64_t crop, Filter filter) {
  return resampled(image, central_square(image.height, image.width, resized, crop), filter);
}

Tensor to_unit_range(const ByteImage& image) {
  Tensor tensor = Tensor::uninitialized({image.height, image.width, 3});
  const auto out = tensor.mutable_host();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(image.rgb[i]) / 255.0f;
  return tensor;
}

bool is_grey(const ByteImage& image) {
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    if (image.rgb[i] != image.rgb[i + 1] || image.rgb[i] != image.rgb[i + 2]) return false;
  }
  return true;
}

}  // namespace vitrine

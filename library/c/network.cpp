#include "library/c/network.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "library/c/call.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/image_layout.h"
#include "weights/checkpoint_file.h"

namespace vitrine::c {
namespace {

constexpr std::int64_t kValuesAtATime = std::int64_t{1} << 26;  // of a batch, copied: 256 MiB

EfficientNet opened(const std::filesystem::path& path, const Opening& o) {
  const TensorFile file = read_checkpoint(path, o.averaged ? WeightSet::averaged : WeightSet::plain);
  for (const std::string& remark : file.remarks) add_note(remark);
  return load_efficientnet(file, o.architecture, o.family, o.semantics, shown(path));
}

std::vector<std::string> class_names_of(const EfficientNet& net) {
  std::vector<std::string> names = shown_class_names(net.trained_on, net.classes);
  names.resize(static_cast<std::size_t>(net.classes));  // unknown ones are empty
  return names;
}

// Images `first` and the `count` - 1 after it, [count, rows, columns, channels].
Tensor piece_of(const Images& images, std::int64_t first, std::int64_t count) {
  const std::int64_t image = images.rows * images.columns * images.channels;
  const std::span<const float> values{images.values + first * image, static_cast<std::size_t>(count * image)};
  if (!images.channels_first) return Tensor::from({count, images.rows, images.columns, images.channels}, values);
  return channels_last(Tensor::from({count, images.channels, images.rows, images.columns}, values));
}

void require_finite(const Images& images) {
  const std::int64_t image = images.channels * images.rows * images.columns;
  for (std::int64_t n = 0; n < images.count; ++n) {
    const float* const values = images.values + n * image;
    const float* const found = std::find_if_not(values, values + image, [](float v) { return std::isfinite(v); });
    if (found != values + image)
      throw DataError(
          text("value ", found - values, " of image ", n, " is ", shortest(*found), "; all values must be finite numbers"));
  }
}

// What a network that was trained on crops is shown here and was not there.
void note_mismatch(const TrainedOn& t, const Photograph& photograph, bool grey) {
  if (!t.on_crops()) return;
  if (photograph.height != t.height || photograph.width != t.width)
    add_note(text("the picture has ", photograph.height, " x ", photograph.width,
                  " pixels, the network was trained on crops of ", t.height, " x ", t.width,
                  ": it is resized, which changes the scale"));
  if (t.one_channel() && !grey)
    add_note(
        text("the picture has colours, the network was trained on ", printable(t.inputs), " alone, in three equal channels"));
  if (!t.one_channel() && !t.inputs.empty() && grey)
    add_note(text("the picture is grey, the network was trained on the three channels ", printable(t.inputs)));
}

}  // namespace

// An Inference for one call: one that nobody uses, or another with the same weights.
class Network::Lent {
 public:
  explicit Lent(const Network& network) : network_(network) {
    const std::scoped_lock lock(network_.mutex_);
    if (network_.idle_.empty()) {
      network_.idle_.reserve(network_.made_ + 1);  // so that giving back never allocates
      inference_ = std::make_unique<Inference>(network_.weights_.sharing_weights());
      ++network_.made_;
    } else {
      inference_ = std::move(network_.idle_.back());
      network_.idle_.pop_back();
    }
  }
  ~Lent() {
    const std::scoped_lock lock(network_.mutex_);
    network_.idle_.push_back(std::move(inference_));
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  Inference& operator*() const { return *inference_; }

 private:
  const Network& network_;
  std::unique_ptr<Inference> inference_;
};

Network::Network(const std::filesystem::path& path, const Opening& opening)
    : net_(opened(path, opening)), weights_(net_), class_names_(class_names_of(net_)) {
  if (const std::string flaw = flaw_of_values(net_); !flaw.empty()) add_note(text("the checkpoint ", flaw));
}

Network::~Network() = default;

void Network::run(const Images& images, std::span<float> logits) const {
  require_finite(images);
  const TrainedOn& t = net_.trained_on;
  if (t.on_crops() && (images.rows != t.height || images.columns != t.width))
    add_note(text("the images have ", images.rows, " x ", images.columns, " pixels, the network was trained on ", t.height,
                  " x ", t.width));
  const Lent inference(*this);
  const std::int64_t image = images.channels * images.rows * images.columns;
  const std::int64_t most = std::clamp(kValuesAtATime / image, std::int64_t{1}, images.count);
  for (std::int64_t first = 0; first < images.count; first += most) {
    const std::int64_t count = std::min(most, images.count - first);
    const Tensor piece = piece_of(images, first, count);
    const Tensor result = (*inference).run(piece);
    refuse_non_finite(net_, piece, result);
    std::ranges::copy(result.host(), logits.begin() + first * net_.classes);
  }
}

PhotographRequest Network::photograph_request() const {
  const Semantics& s = net_.semantics;
  if (s.channels != 3 && s.channels != 1)
    throw UsageError(text("photographs have 3 channels, the network takes ", s.channels, "; pass floats to vitrine_run"));
  if (net_.trained_on.height != net_.trained_on.width)
    throw UsageError(text("photographs are cut to squares, the network was trained on crops of ", net_.trained_on.height, " x ",
                          net_.trained_on.width, "; pass floats to vitrine_run"));
  if (s.input_size > kMostInputPixels / s.input_size)
    throw UsageError(text("the network is evaluated at ", s.input_size, " x ", s.input_size, " pixels, at most ",
                          kMostInputPixels, " are allowed; set input_size when you open it"));
  PhotographRequest request = vitrine::photograph_request(s);
  request.sandbox = false;
  return request;
}

void Network::predict(const Photograph& photograph, std::span<double> probabilities) const {
  const bool grey = is_grey(photograph.image);
  if (net_.semantics.channels == 1 && !grey)
    throw DataError("the picture has colours, the network takes one grey channel; pass a grey picture");
  if (!photograph.note.empty()) add_note(text("the picture was ", photograph.note));
  note_mismatch(net_.trained_on, photograph, grey);
  const Lent inference(*this);
  std::ranges::copy(classify_square(*inference, net_, photograph.image), probabilities.begin());
}

}  // namespace vitrine::c

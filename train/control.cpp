#include "train/control.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "data/permutation.h"

namespace vitrine {
namespace {

Tensor without_disc(const Tensor& image) {
  const Shape& s = image.shape();
  const std::int64_t H = s[0], W = s[1], C = s[2];
  Tensor out = image.clone();
  const auto values = out.mutable_host();
  for (std::int64_t c = 0; c < C; ++c) {
    double sum = 0;
    std::int64_t count = 0;
    const auto each = [&](const auto& visit) {
      for (std::int64_t y = 0; y < H; ++y) {
        for (std::int64_t x = 0; x < W; ++x) visit(in_disc(y, x, H, W), values[static_cast<std::size_t>((y * W + x) * C + c)]);
      }
    };
    each([&](bool inside, float v) {
      if (inside) return;
      sum += static_cast<double>(v);
      ++count;
    });
    const auto mean = static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(1, count)));
    each([&](bool inside, float& v) {
      if (inside) v = mean;
    });
  }
  return out;
}

Tensor moved_on(const Tensor& image) {
  const auto C = static_cast<std::size_t>(image.shape()[2]);
  Tensor out = Tensor::uninitialized(image.shape());
  const auto from = image.host();
  const auto to = out.mutable_host();
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i / C * C + (i % C + 1) % C];
  return out;
}

// The labels of these subjects, dealt anew among them.
void deal(const std::vector<std::string>& subjects, const std::map<std::string, std::string>& labels, std::uint64_t seed,
          std::uint32_t part, std::map<std::string, std::string>& dealt) {
  const std::vector<int> order =
      permutation({.seed = seed, .purpose = Purpose::permute, .sample = part}, static_cast<int>(subjects.size()));
  for (std::size_t i = 0; i < subjects.size(); ++i)
    dealt[subjects[i]] = labels.at(subjects[static_cast<std::size_t>(order[i])]);
}

}  // namespace

bool in_disc(std::int64_t y, std::int64_t x, std::int64_t H, std::int64_t W) {
  const double v = (static_cast<double>(2 * y + 1) - static_cast<double>(H)) / static_cast<double>(H);
  const double u = (static_cast<double>(2 * x + 1) - static_cast<double>(W)) / static_cast<double>(W);
  return v * v + u * u < 1;
}

Control control_from_name(const std::string& name) {
  return static_cast<Control>(chosen_name("--control", name, {"none", "permuted-labels", "background", "swapped-channels"}));
}

std::map<std::string, std::string> permuted_labels(const Splits& splits, std::uint64_t seed) {
  std::map<std::string, std::string> dealt;
  deal(splits.test, splits.labels, seed, 0, dealt);
  for (std::size_t f = 0; f < splits.folds.size(); ++f)
    deal(splits.folds[f].validation, splits.labels, seed, static_cast<std::uint32_t>(f + 1), dealt);
  return dealt;
}

void apply(Control control, const Splits& splits, std::uint64_t seed, bool predicts, Dataset& data) {
  if (control == Control::permuted_labels) {
    const std::map<std::string, std::string> labels = permuted_labels(splits, seed);
    for (std::size_t i = 0; i < data.samples.size(); ++i) {
      data.samples[i].label = labels.at(data.samples[i].subject_id);
      data.labels[i] = static_cast<int>(std::ranges::find(data.classes, data.samples[i].label) - data.classes.begin());
    }
  }
  for (Tensor& image : data.images) {
    if (control == Control::background) image = without_disc(image);
    if (control == Control::swapped_channels && predicts) image = moved_on(image);
  }
}

}  // namespace vitrine

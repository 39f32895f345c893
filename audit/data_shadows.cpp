#include "audit/data_shadows.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/augment.h"
#include "data/view.h"
#include "layers/bounded.h"
#include "layers/shadow_list.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine::audit {
namespace {

std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

// Fisher and Yates: place i takes one of those up to it, from the last place on.
template <class T>
void shuffle(std::vector<T>& items, const Draw& draw) {
  for (std::size_t left = items.size(); left > 1; --left)
    std::swap(items[left - 1], items[draw.below(narrow(items.size() - left), narrow(left))]);
}

std::vector<std::size_t> of_class(const Dataset& data, std::size_t c) {
  std::vector<std::size_t> members;
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    if (static_cast<std::size_t>(data.labels[i]) == c) members.push_back(i);
  }
  return members;
}

// With replacement: a class, then one of its samples.
std::vector<std::size_t> drawn(const std::vector<std::vector<std::size_t>>& classes, std::size_t most, std::uint64_t seed,
                               std::uint32_t epoch) {
  std::vector<std::size_t> order;
  for (std::size_t place = 0; place < most * classes.size(); ++place) {
    const Draw draw{seed, Purpose::oversample, epoch, narrow(place)};
    const auto& members = classes[draw.below(0, narrow(classes.size()))];
    order.push_back(members[draw.below(1, narrow(members.size()))]);
  }
  return order;
}

// Rotation, zoom about a point, flips, one after the other; the warp comes last.
Affine drawn_geometry(const AugmentOptions& o, std::int64_t H, std::int64_t W, Draw draw) {
  Affine m;
  const auto happens = [&](Purpose purpose, std::uint32_t i, double probability) {
    draw.purpose = purpose;
    return draw.uniform(i) < probability;
  };
  if (o.max_rotate_degrees > 0 && happens(Purpose::rotate, 0, o.affine_probability)) {
    const double angle = draw.uniform(1, -o.max_rotate_degrees, o.max_rotate_degrees) * std::numbers::pi / 180;
    const double cosine = cos_portable(angle), sine = sin_portable(angle);
    m = {.a = cosine, .b = -sine, .c = sine, .d = cosine, .identity = false};
  }
  if (o.max_zoom > 1 && happens(Purpose::zoom, 0, o.affine_probability)) {
    const double scale = draw.uniform(1, 1.0, o.max_zoom);
    const double y = (draw.uniform(2) - 0.5) * static_cast<double>(H - 1),
                 x = (draw.uniform(3) - 0.5) * static_cast<double>(W - 1);
    m = {.a = m.a / scale,
         .b = m.b / scale,
         .c = m.c / scale,
         .d = m.d / scale,
         .ty = y - y / scale,
         .tx = x - x / scale,
         .identity = false};
  }
  if (o.flip_horizontal && happens(Purpose::flip, 0, 0.5)) {  // columns are read the other way round
    m.b = -m.b, m.d = -m.d;
    m.identity = false;
  }
  if (o.flip_vertical && happens(Purpose::flip, 1, 0.5)) {
    m.a = -m.a, m.c = -m.c;
    m.identity = false;
  }
  if (o.max_warp <= 0) return m;
  const double s = happens(Purpose::warp, 0, o.affine_probability) ? draw.uniform(1, -o.max_warp, o.max_warp) : 0;
  const double t = happens(Purpose::warp, 2, o.affine_probability) ? draw.uniform(3, -o.max_warp, o.max_warp) : 0;
  return s != 0 || t != 0 ? warped(m, s, t, H, W) : m;
}

Lighting drawn_light(const AugmentOptions& o, Draw draw) {
  Lighting light;
  if (o.max_lighting <= 0) return light;
  draw.purpose = Purpose::brightness;
  if (draw.uniform(0) < o.lighting_probability) {
    const double p = draw.uniform(1, 0.5 * (1 - o.max_lighting), 0.5 * (1 + o.max_lighting));
    light.shift = log_portable(p / (1 - p));
    light.identity = false;
  }
  draw.purpose = Purpose::contrast;
  if (draw.uniform(0) < o.lighting_probability) {
    const double range = -log_portable(1 - o.max_lighting);
    light.scale = exp_portable(draw.uniform(1, -range, range));
    light.identity = false;
  }
  return light;
}

// Of the pixels of one crop, seen so.
struct SeenImage {
  Tensor crop;
  View view;

  float value(std::int64_t y, std::int64_t x, std::int64_t c) const {
    const Shape& s = crop.shape();
    return value_of(view, SourcePixel(view.affine, s[0], s[1], y, x), crop.host().data(), s[1], s[2], y, x, c);
  }
};

}  // namespace

DataShadows::DataShadows(const TrainOptions& options, const Dataset& data) : options_(options), data_(data) {
  for (const Tensor& crop : data.images) crops_.push_back(hash_of(crop));
}

void DataShadows::make_order(std::uint32_t epoch) {
  if (order_of_ == epoch) return;
  order_of_ = epoch;
  std::vector<std::vector<std::size_t>> classes;
  std::vector<std::uint32_t> numbers;  // of the classes that are there
  std::size_t most = 0;
  for (std::size_t c = 0; c < data_.classes.size(); ++c) {
    auto members = of_class(data_, c);
    most = std::max(most, members.size());
    if (members.empty()) continue;
    numbers.push_back(narrow(c));
    classes.push_back(std::move(members));
  }
  std::vector<std::size_t> order;
  const Balance balance = balance_of(options_);
  if (balance == Balance::draw) {
    order = drawn(classes, most, options_.seed, epoch);
  } else if (balance == Balance::none) {
    order.resize(data_.labels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
  } else {
    for (std::size_t c = 0; c < classes.size(); ++c) {  // `most` of each: whole rounds, then some that are drawn
      const std::vector<std::size_t>& members = classes[c];
      for (std::size_t i = 0; i < most - most % members.size(); ++i) order.push_back(members[i % members.size()]);
      std::vector<std::size_t> rest = members;
      shuffle(rest, {.seed = options_.seed, .purpose = Purpose::oversample, .epoch = epoch, .op = numbers[c]});
      order.insert(order.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(most % members.size()));
    }
  }
  if (balance != Balance::draw) shuffle(order, {.seed = options_.seed, .purpose = Purpose::shuffle, .epoch = epoch});
  order_.assign(order.begin(), order.end());
}

std::vector<DataShadows::Mixed> DataShadows::mixes(const StepFacts& step) const {
  std::vector<Mixed> all(step.samples.size());
  if (options_.mixup <= 0) return all;
  std::vector<std::size_t> partners(all.size());
  std::iota(partners.begin(), partners.end(), std::size_t{0});
  shuffle(partners, {options_.seed, Purpose::mixup_partner, step.epoch, step.first});
  const bool together = options_.mixup_mode == "batch";
  for (std::size_t n = 0; n < all.size(); ++n) {
    const Draw draw{options_.seed, Purpose::mixup_lambda, step.epoch, step.first + narrow(together ? 0 : n)};
    const double share = draw.beta(0, options_.mixup, options_.mixup);
    all[n] = {static_cast<float>(together || share >= 0.5 ? share : 1 - share), partners[n]};
  }
  return all;
}

View DataShadows::view_of(std::uint32_t place) const {
  if (!options_.augmentation) return {};
  const Shape& s = data_.images.front().shape();
  const Draw base{.seed = options_.seed, .epoch = order_of_, .sample = place};
  const AugmentOptions views = augment_options(options_);
  return {drawn_geometry(views, s[0], s[1], base), drawn_light(views, base)};
}

Shadow DataShadows::image(const StepFacts& step, const Batch& batch, const Semantics& semantics, std::size_t slot,
                          const Mixed& mix) const {
  const auto seen = [&](std::size_t n) {
    return SeenImage{data_.images[static_cast<std::size_t>(step.samples[n])], view_of(step.first + narrow(n))};
  };
  const std::int64_t size = batch.images.size() / batch.images.shape()[0];
  const Shape& s = batch.images.shape();
  const auto values = batch.images.host().subspan(slot * static_cast<std::size_t>(size), static_cast<std::size_t>(size));
  const Tensor computed = Tensor::from({s[1], s[2], s[3]}, values);
  return shadow_of("image", computed, 1,
                   [own = seen(slot), other = seen(mix.partner), mix, semantics, mixes = options_.mixup > 0, W = s[2],
                    C = s[3]](std::int64_t i) {
                     const std::int64_t c = i % C, x = i / C % W, y = i / C / W;
                     const auto colour = static_cast<std::size_t>(c % 3);
                     const float scale = 1.0f / semantics.std[colour];
                     const auto input = [&](const SeenImage& image) {
                       return (image.value(y, x, image.crop.shape()[2] == C ? c : 0) - semantics.mean[colour]) * scale;
                     };
                     if (!mixes) return exactly(static_cast<double>(input(own)));
                     const float a = mix.share * input(own), b = (1.0f - mix.share) * input(other);
                     return exactly(static_cast<double>(a + b));
                   });
}

// Each crop's class is the one that its manifest names, unless the run is a control with other labels (train/control.h).
Shadow DataShadows::targets(const StepFacts& step, const Batch& batch, std::size_t slot, const Mixed& mix) const {
  const std::size_t C = data_.classes.size();
  std::vector<double> seen, expected;
  const auto is = [&](std::size_t n, std::size_t c) {
    const auto place = static_cast<std::size_t>(step.samples[n]);
    const bool is_it = options_.control == "none" ? data_.samples[place].label == data_.classes[c]
                                                  : static_cast<std::size_t>(data_.labels[place]) == c;
    return is_it ? 1.0f : 0.0f;
  };
  double sum = 0;
  for (std::size_t c = 0; c < C; ++c) {
    seen.push_back(static_cast<double>(batch.targets.host()[slot * C + c]));
    sum += seen.back();
    const float own = mix.share * is(slot, c), other = (1.0f - mix.share) * is(mix.partner, c);
    expected.push_back(static_cast<double>(options_.mixup > 0 ? own + other : is(slot, c)));
  }
  seen.push_back(std::abs(sum - 1) <= 0x1p-22 ? 1 : sum);
  expected.push_back(1);
  return fixed_numbers("targets", seen, expected);
}

std::vector<NamedShadow> DataShadows::of_batch(const StepFacts& step, const Batch& batch, const Semantics& semantics,
                                               bool every_slot) {
  make_order(step.epoch);
  std::vector<NamedShadow> all;
  const std::vector<double> samples(step.samples.begin(), step.samples.end());
  const auto first = std::min<std::size_t>(step.first, order_.size());
  std::vector<double> expected(order_.begin() + static_cast<std::ptrdiff_t>(first), order_.end());
  expected.resize(std::min(expected.size(), static_cast<std::size_t>(options_.batch_size)));
  if (expected.size() != samples.size()) expected.assign(samples.size(), -1);
  all.push_back({"batch", 0, fixed_numbers("samples", samples, expected)});
  const std::vector<Mixed> mixed = mixes(step);
  const auto count = samples.size();
  for (std::size_t slot = 0; slot < count; ++slot) {
    const auto turn =
        (slot + count * static_cast<std::size_t>(kSlots) - static_cast<std::size_t>(step.number * kSlots) % count) % count;
    if (!every_slot && turn >= static_cast<std::size_t>(kSlots)) continue;
    const std::string node = "batch/slot " + std::to_string(slot);
    const auto place = static_cast<std::size_t>(step.samples[slot]);
    all.push_back({node, narrow(slot),
                   fixed_numbers("crop written over", {hash_of(data_.images[place]) == crops_[place] ? 0.0 : 1.0}, {0})});
    all.push_back({node, narrow(slot), image(step, batch, semantics, slot, mixed[slot])});
    all.push_back({node, narrow(slot), targets(step, batch, slot, mixed[slot])});
  }
  return all;
}

}  // namespace vitrine::audit

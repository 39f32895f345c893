#include "nn/efficientnet/first_conv.h"

#include "base/error.h"

namespace vitrine {
namespace {

constexpr std::int64_t kMostChannels = 64;

float mean_of(const std::array<float, 3>& v) { return (v[0] + v[1] + v[2]) / 3.0f; }

}  // namespace

FirstConv first_conv_from_name(const std::string& name) {
  if (name == "replicate") return FirstConv::replicate;
  if (name == "sum") return FirstConv::sum;
  if (name == "extend") return FirstConv::extend;
  throw UsageError(text("--first-conv is '", name, "'; choose replicate, sum or extend"));
}

Tensor adapted_first_conv(const Tensor& weight, std::int64_t channels, FirstConv rule) {
  const Shape& s = weight.shape();
  if (s.rank() != 4 || s[2] != 3 || channels < 1 || channels > kMostChannels) {
    throw ShapeError(text("the first convolution ", s.text(), " cannot take ", channels, " channels; [R, S, 3, K] and 1 to ",
                          kMostChannels, " are expected"));
  }
  Tensor out = Tensor::uninitialized({s[0], s[1], channels, s[3]});
  const auto in = weight.host();
  const auto values = out.mutable_host();
  const auto at = [&](std::int64_t tap, std::int64_t c, std::int64_t k) {
    return static_cast<double>(in[static_cast<std::size_t>((tap * 3 + c) * s[3] + k)]);
  };
  const auto n = static_cast<double>(channels);
  for (std::int64_t tap = 0, i = 0; tap < s[0] * s[1]; ++tap) {
    for (std::int64_t j = 0; j < channels; ++j) {
      for (std::int64_t k = 0; k < s[3]; ++k, ++i) {
        const double w =
            rule == FirstConv::sum ? (at(tap, 0, k) + at(tap, 1, k) + at(tap, 2, k)) / n : at(tap, j % 3, k) * 3 / n;
        values[static_cast<std::size_t>(i)] = static_cast<float>(w);
      }
    }
  }
  return out;
}

void adapt_channels(EfficientNet& net, std::int64_t channels, FirstConv rule) {
  if (rule == FirstConv::replicate) return;
  if (net.semantics.channels != 3)
    throw UsageError(text("the network already has ", net.semantics.channels, " input channels; leave --first-conv out"));
  if (channels < 1 || channels > kMostChannels)
    throw UsageError(text("--channels is ", channels, "; choose 1 to ", kMostChannels));
  net.stem.weight.value = adapted_first_conv(net.stem.weight.value, channels, rule);
  net.semantics.channels = channels;
  if (channels == 3) return;
  net.semantics.mean.fill(mean_of(net.semantics.mean));
  net.semantics.std.fill(mean_of(net.semantics.std));
}

}  // namespace vitrine

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
  if (s.rank() != 4 || s[2] < 1 || channels < 1 || channels > kMostChannels) {
    throw ShapeError(text("the first convolution ", s.text(), " cannot take ", channels, " channels; [R, S, C, K] and 1 to ",
                          kMostChannels, " are expected"));
  }
  const std::int64_t old = s[2];
  Tensor out = Tensor::uninitialized({s[0], s[1], channels, s[3]});
  const auto in = weight.host();
  const auto values = out.mutable_host();
  const auto at = [&](std::int64_t tap, std::int64_t c, std::int64_t k) {
    return static_cast<double>(in[static_cast<std::size_t>((tap * old + c) * s[3] + k)]);
  };
  const auto n = static_cast<double>(channels);
  for (std::int64_t tap = 0, i = 0; tap < s[0] * s[1]; ++tap) {
    for (std::int64_t j = 0; j < channels; ++j) {
      for (std::int64_t k = 0; k < s[3]; ++k, ++i) {
        double sum = 0;
        for (std::int64_t c = 0; c < old; ++c) sum += at(tap, c, k);
        const double w = rule == FirstConv::sum ? sum / n : at(tap, j % old, k) * static_cast<double>(old) / n;
        values[static_cast<std::size_t>(i)] = static_cast<float>(w);
      }
    }
  }
  return out;
}

void adapt_channels(EfficientNet& net, std::int64_t channels, FirstConv rule) {
  if (rule == FirstConv::replicate) return;
  if (channels < 1 || channels > kMostChannels)
    throw UsageError(text("--channels is ", channels, "; choose 1 to ", kMostChannels));
  net.stem.weight.value = adapted_first_conv(net.stem.weight.value, channels, rule);
  net.semantics.channels = channels;
  if (channels == 3) return;
  net.semantics.mean.fill(mean_of(net.semantics.mean));
  net.semantics.std.fill(mean_of(net.semantics.std));
}

void adapt_to_inputs(EfficientNet& net, std::int64_t given, FirstConv rule, const std::string& inputs) {
  adapt_channels(net, given, rule);
  const std::int64_t channels = net.semantics.channels;
  // One channel may be given to three, or to one; three need three.
  if (channels == 3 || channels == given) return;
  throw UsageError(text("the weights take ", channels, channels == 1 ? " channel" : " channels", ", --inputs ", inputs, " has ",
                        given, "; pass --first-conv extend or sum to adapt the first convolution, or other weights"));
}

}  // namespace vitrine

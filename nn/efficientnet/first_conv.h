// The first convolution of ImageNet weights for images that are not RGB.
//
// replicate  the network keeps its three channels; a grey image is given three times (what transfer learning usually does)
// sum        w'[j] = (w[red] + w[green] + w[blue]) / n for each of n channels: the same plane in all of them gives what it would
//            give replicated
// extend     w'[j] = w[j mod 3] * 3 / n: channels keep a colour's filters, the size of the sum stays
#pragma once

#include <string>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

enum class FirstConv { replicate, sum, extend };
FirstConv first_conv_from_name(const std::string& name);  // UsageError naming them

// [R, S, 3, K] to [R, S, channels, K]. ShapeError unless the weight has three channels and 1 <= channels <= 64.
Tensor adapted_first_conv(const Tensor& weight, std::int64_t channels, FirstConv rule);

// Gives `net` that many input channels; with other than three the input normalisation becomes the mean over the colours.
// replicate does nothing. UsageError when the network has not three channels.
void adapt_channels(EfficientNet& net, std::int64_t channels, FirstConv rule);

}  // namespace vitrine

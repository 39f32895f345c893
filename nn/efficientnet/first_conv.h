// The first convolution of weights for other input channels than those they were trained with.
//
// replicate  the network keeps its channels; one grey channel is given to all of them (what transfer learning usually does)
// sum        w'[j] = (w[0] + ... + w[c - 1]) / n for each of n channels from c: the same channel in all of them gives what it would give in all
//            of the old ones
// extend     w'[j] = w[j mod c] * c / n: channels keep an old one's filters, the size of the sum stays
#pragma once

#include <string>

#include "nn/efficientnet/efficientnet.h"

namespace vitrine {

enum class FirstConv { replicate, sum, extend };
FirstConv first_conv_from_name(const std::string& name);  // UsageError naming them

// [R, S, c, K] to [R, S, channels, K]. ShapeError unless 1 <= channels <= 64.
Tensor adapted_first_conv(const Tensor& weight, std::int64_t channels, FirstConv rule);

// Gives `net` that many input channels; with other than three the input normalisation becomes the mean over the colours. replicate does
// nothing.
void adapt_channels(EfficientNet& net, std::int64_t channels, FirstConv rule);

// Makes `net` read every one of `given` input channels, by `rule`. UsageError when replicate would leave some unread, naming the rules.
void adapt_to_inputs(EfficientNet& net, std::int64_t given, FirstConv rule, const std::string& inputs);

}  // namespace vitrine

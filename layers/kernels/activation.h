// The activations of EfficientNets: swish (b0 to b7), ReLU6 (lite).
#pragma once

namespace vitrine {

enum class Activation { swish, relu6 };

}  // namespace vitrine

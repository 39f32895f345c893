// What a checkpoint's tensors do not say, but its numbers depend on: padding, batch-norm constants, how pixels become inputs.
//
// Two networks share the name EfficientNet-B0: TensorFlow's (SAME padding, epsilon 1e-3) and PyTorch's (symmetric, 1e-5). Their
// tensors have the same names and shapes, so the semantics travel in the metadata of Vitrine's own files and are asked for
// everywhere else (docs/checkpoints.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "layers/blocks/mbconv.h"
#include "nn/efficientnet/scaling.h"
#include "weights/key_tables.h"

namespace vitrine {

enum class Interpolation { bilinear, bicubic };

struct Semantics {
  std::int64_t channels = 3;  // of the input; 3 are red, green, blue where the weights come from photographs
  PaddingRule padding = PaddingRule::symmetric;
  std::int64_t static_size = 0;  // same_static: the input size, pixels, for which the paddings were fixed
  double bn_eps = 1e-5;
  double bn_momentum = 0.1;                           // PyTorch's sense: weight of the new batch
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f};  // of the training images, for values in [0, 1]
  std::array<float, 3> std{0.229f, 0.224f, 0.225f};
  Interpolation interpolation = Interpolation::bicubic;
  std::int64_t resize = 256;      // photographs: shorter side, pixels, before
  std::int64_t input_size = 224;  // the centre crop of this size
};

// Of a family's published weights.
Semantics published_semantics(Family family, const Architecture& architecture);

// What the user says about a file that differs from its family's published weights; empty and 0 leave a value as it is.
struct SemanticsOverrides {
  std::string padding;        // symmetric | same | same-static:<input size>
  std::string norm;           // imagenet | half (mean and deviation 0.5)
  std::string interpolation;  // bilinear | bicubic
  std::int64_t resize = 0, input_size = 0;
};

// UsageError naming the option and what it may be.
Semantics with(const SemanticsOverrides& overrides, Semantics semantics);

std::string padding_text(const Semantics& semantics);  // as --padding spells it
std::string interpolation_text(Interpolation interpolation);

// Into and out of a file's `vitrine.*` metadata. Reading: WeightsError naming the key. Files of before 2026-11-24 lack
// interpolation, resize and input size: they get those of `architecture`.
void write_semantics(const Semantics& semantics, std::map<std::string, std::string>& metadata);
Semantics read_semantics(const std::map<std::string, std::string>& metadata, const Architecture& architecture,
                         const std::string& file_name);

// The metadata's value. WeightsError when it is missing.
const std::string& required_metadata(const std::map<std::string, std::string>& metadata, const std::string& key,
                                     const std::string& file_name);

}  // namespace vitrine

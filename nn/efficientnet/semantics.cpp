#include "nn/efficientnet/semantics.h"

#include <cmath>
#include <string_view>

#include "base/error.h"
#include "base/number.h"

namespace vitrine {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr std::int64_t kLargestSize = 8192;  // pixels
constexpr std::array<float, 3> kHalf{0.5f, 0.5f, 0.5f};

// How the publishers evaluate photographs: shorter side, crop (docs/checkpoints.md gives the sources).
struct EvaluationSize {
  std::string_view architecture;
  std::int64_t resize, crop;
};
constexpr EvaluationSize kTorchvision[] = {{"b0", 256, 224}, {"b1", 256, 240}, {"b2", 288, 288}, {"b3", 320, 300},
                                           {"b4", 384, 380}, {"b5", 456, 456}, {"b6", 528, 528}, {"b7", 600, 600}};
constexpr EvaluationSize kTimm[] = {{"b0", 256, 224}, {"b1", 256, 256}, {"b2", 288, 288}, {"b3", 320, 320}, {"b4", 384, 384}};

// timm's tf_efficientnet_*: the crop is this share of the resized shorter side; lite3 and lite4 are evaluated bilinearly and
// larger than TensorFlow's own release trained them.
struct TfEvaluation {
  std::string_view architecture;
  std::int64_t crop;
  double share;
  Interpolation interpolation;
};
constexpr TfEvaluation kTf[] = {{"b0", 224, 0.875, Interpolation::bicubic},    {"b1", 240, 0.882, Interpolation::bicubic},
                                {"b2", 260, 0.890, Interpolation::bicubic},    {"b3", 300, 0.904, Interpolation::bicubic},
                                {"b4", 380, 0.922, Interpolation::bicubic},    {"b5", 456, 0.934, Interpolation::bicubic},
                                {"b6", 528, 0.942, Interpolation::bicubic},    {"b7", 600, 0.949, Interpolation::bicubic},
                                {"lite0", 224, 0.875, Interpolation::bicubic}, {"lite1", 240, 0.882, Interpolation::bicubic},
                                {"lite2", 260, 0.890, Interpolation::bicubic}, {"lite3", 300, 0.904, Interpolation::bilinear},
                                {"lite4", 380, 0.920, Interpolation::bilinear}};

template <std::size_t N>
void take_size(const EvaluationSize (&rows)[N], const Architecture& a, Semantics& s) {
  for (const EvaluationSize& row : rows) {
    if (row.architecture != a.name) continue;
    s.resize = row.resize;
    s.input_size = row.crop;
  }
}

void take_tf_size(const Architecture& a, Semantics& s) {
  for (const TfEvaluation& row : kTf) {
    if (row.architecture != a.name) continue;
    s.input_size = row.crop;
    s.resize = static_cast<std::int64_t>(std::floor(static_cast<double>(row.crop) / row.share));
    s.interpolation = row.interpolation;
  }
}

void set_default_size(const Architecture& a, Semantics& s) {
  s.input_size = a.resolution;
  s.resize = static_cast<std::int64_t>(std::floor(a.resolution / 0.875));
}

std::string three(const std::array<float, 3>& v) { return shortest(v[0]) + "," + shortest(v[1]) + "," + shortest(v[2]); }

bool parse_size(std::string_view digits, std::int64_t& size) {
  return parse_number(digits, size) && size >= 1 && size <= kLargestSize;
}

// False when `value` is no padding rule.
bool parse_padding(std::string_view value, Semantics& s) {
  constexpr std::string_view kStatic = "same-static:";
  s.static_size = 0;
  if (value == "symmetric" || value == "same") {
    s.padding = value == "same" ? PaddingRule::same : PaddingRule::symmetric;
    return true;
  }
  s.padding = PaddingRule::same_static;
  return value.starts_with(kStatic) && parse_size(value.substr(kStatic.size()), s.static_size);
}

bool parse_interpolation(std::string_view value, Interpolation& interpolation) {
  interpolation = value == "bilinear" ? Interpolation::bilinear : Interpolation::bicubic;
  return value == "bilinear" || value == "bicubic";
}

[[noreturn]] void refuse(const std::string& file, const std::string& key, const std::string& value, std::string_view expected) {
  throw WeightsError(text(file, ": the metadata '", key, "' is '", printable(value), "', ", expected, " expected"));
}

double read_positive(const Metadata& metadata, const std::string& key, double largest, const std::string& file) {
  const std::string& s = required_metadata(metadata, key, file);
  double value = 0;
  if (!parse_number(s, value) || !(value > 0 && value <= largest)) {
    refuse(file, key, s, text("a number above 0 and up to ", largest, " is"));
  }
  return value;
}

std::array<float, 3> read_three(const Metadata& metadata, const std::string& key, bool positive, const std::string& file) {
  const std::string& s = required_metadata(metadata, key, file);
  std::array<float, 3> values{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t end = i < 2 ? s.find(',', at) : s.size();
    double value = 0;
    if (end == std::string::npos || !parse_number(std::string_view(s).substr(at, end - at), value) || !std::isfinite(value) ||
        (positive && value <= 0)) {
      refuse(file, key, s, positive ? "three numbers above 0 are" : "three numbers are");
    }
    values[i] = static_cast<float>(value);
    at = end + 1;
  }
  return values;
}

void read_size(const Metadata& metadata, const std::string& key, std::int64_t& size, const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return;
  if (!parse_size(found->second, size)) refuse(file, key, found->second, text("a size from 1 to ", kLargestSize, " is"));
}

}  // namespace

Semantics published_semantics(Family family, const Architecture& architecture) {
  Semantics s;
  set_default_size(architecture, s);
  const bool large = architecture.name == "b5" || architecture.name == "b6" || architecture.name == "b7";
  switch (family) {
    case Family::torchvision:
      take_size(kTorchvision, architecture, s);
      if (large) {  // converted from efficientnet-pytorch, yet padded symmetrically
        s.bn_eps = 1e-3;
        s.bn_momentum = 0.01;
      }
      break;
    case Family::timm:  // efficientnet_lite*: trained by timm itself, with PyTorch's padding
      if (architecture.lite) take_tf_size(architecture, s);
      take_size(kTimm, architecture, s);
      s.interpolation = Interpolation::bicubic;
      break;
    case Family::timm_tf:
      s.padding = PaddingRule::same;
      s.bn_eps = 1e-3;
      take_tf_size(architecture, s);
      break;
    case Family::tensorflow:  // centre crop of size / (size + 32), then the resize
      s.padding = PaddingRule::same;
      s.bn_eps = 1e-3;
      s.bn_momentum = 0.01;
      s.resize = architecture.resolution + 32;
      break;
    case Family::efficientnet_pytorch:
      s.padding = PaddingRule::same_static;
      s.static_size = architecture.resolution;
      s.bn_eps = 1e-3;
      s.bn_momentum = 0.01;
      break;
  }
  if (architecture.lite && family != Family::timm) {  // TensorFlow's weights, whichever names they travel under
    if (s.padding == PaddingRule::symmetric) s.padding = PaddingRule::same;
    s.bn_eps = 1e-3;
    s.bn_momentum = family == Family::timm_tf ? 0.1 : 0.01;
    s.mean = s.std = kHalf;
    if (family == Family::tensorflow) {  // 127 and 128 on 0 to 255
      s.mean.fill(127.0f / 255.0f);
      s.std.fill(128.0f / 255.0f);
    }
  }
  return s;
}

Semantics with(const SemanticsOverrides& o, Semantics s) {
  if (!o.padding.empty() && !parse_padding(o.padding, s)) {
    throw UsageError(text("--padding is '", o.padding, "'; choose symmetric, same or same-static:<input size in pixels>"));
  }
  if (!o.interpolation.empty() && !parse_interpolation(o.interpolation, s.interpolation)) {
    throw UsageError(text("--interpolation is '", o.interpolation, "'; choose bilinear or bicubic"));
  }
  if (o.norm == "half") {
    s.mean = s.std = kHalf;
  } else if (o.norm == "imagenet") {
    s.mean = Semantics{}.mean;
    s.std = Semantics{}.std;
  } else if (!o.norm.empty()) {
    throw UsageError(text("--norm is '", o.norm, "'; choose imagenet or half"));
  }
  const auto size = [](const char* option, std::int64_t value, std::int64_t& target) {
    if (value == 0) return;
    if (value < 32 || value > kLargestSize) throw UsageError(text(option, " is ", value, "; choose 32 to ", kLargestSize));
    target = value;
  };
  size("--input-size", o.input_size, s.input_size);
  size("--resize", o.resize, s.resize);
  if (s.resize < s.input_size && (o.resize != 0 || o.input_size != 0)) {
    if (o.resize != 0) throw UsageError(text("--resize is ", s.resize, ", smaller than the input size ", s.input_size));
    s.resize = s.input_size;
  }
  return s;
}

std::string padding_text(const Semantics& s) {
  switch (s.padding) {
    case PaddingRule::symmetric: return "symmetric";
    case PaddingRule::same: return "same";
    case PaddingRule::same_static: break;
  }
  return "same-static:" + std::to_string(s.static_size);
}

std::string interpolation_text(Interpolation interpolation) {
  return interpolation == Interpolation::bilinear ? "bilinear" : "bicubic";
}

void write_semantics(const Semantics& s, Metadata& metadata) {
  metadata["vitrine.channels"] = std::to_string(s.channels);
  metadata["vitrine.padding"] = padding_text(s);
  metadata["vitrine.bn_eps"] = shortest(s.bn_eps);
  metadata["vitrine.bn_momentum"] = shortest(s.bn_momentum);
  metadata["vitrine.mean"] = three(s.mean);
  metadata["vitrine.std"] = three(s.std);
  metadata["vitrine.interpolation"] = interpolation_text(s.interpolation);
  metadata["vitrine.resize"] = std::to_string(s.resize);
  metadata["vitrine.input_size"] = std::to_string(s.input_size);
}

Semantics read_semantics(const Metadata& metadata, const Architecture& architecture, const std::string& file) {
  Semantics s;
  set_default_size(architecture, s);
  const std::string& padding = required_metadata(metadata, "vitrine.padding", file);
  if (!parse_padding(padding, s)) refuse(file, "vitrine.padding", padding, "symmetric, same or same-static:<input size> is");
  s.bn_eps = read_positive(metadata, "vitrine.bn_eps", 1, file);
  s.bn_momentum = read_positive(metadata, "vitrine.bn_momentum", 1, file);
  s.mean = read_three(metadata, "vitrine.mean", false, file);
  s.std = read_three(metadata, "vitrine.std", true, file);
  const auto interpolation = metadata.find("vitrine.interpolation");
  if (interpolation != metadata.end() && !parse_interpolation(interpolation->second, s.interpolation)) {
    refuse(file, "vitrine.interpolation", interpolation->second, "bilinear or bicubic is");
  }
  read_size(metadata, "vitrine.channels", s.channels, file);
  if (s.channels > 64) refuse(file, "vitrine.channels", std::to_string(s.channels), "1 to 64 is");
  read_size(metadata, "vitrine.resize", s.resize, file);
  read_size(metadata, "vitrine.input_size", s.input_size, file);
  return s;
}

const std::string& required_metadata(const Metadata& metadata, const std::string& key, const std::string& file) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw WeightsError(text(file, ": the metadata '", key, "' is missing; the file was not written by Vitrine"));
  }
  return found->second;
}

}  // namespace vitrine

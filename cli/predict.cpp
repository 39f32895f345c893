#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "cli/commands.h"
#include "data/resize.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/imagenet_classes.h"
#include "nn/efficientnet/inference.h"
#include "report/photograph.h"
#include "train/step.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

// [N, C, H, W] to [N, H, W, C].
Tensor channels_last(const Tensor& x) {
  const std::int64_t n = x.shape()[0], channels = x.shape()[1], h = x.shape()[2], w = x.shape()[3];
  Tensor y = Tensor::uninitialized({n, h, w, channels});
  const auto in = x.host();
  const auto out = y.mutable_host();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t p = 0; p < h * w; ++p) {
        out[static_cast<std::size_t>((i * h * w + p) * channels + c)] =
            in[static_cast<std::size_t>((i * channels + c) * h * w + p)];
      }
    }
  }
  return y;
}

void predict_tensor(EfficientNet& net, const PredictCommand& command) {
  if (command.output.empty()) throw UsageError("--tensor needs -o, the safetensors file that will hold `logits`");
  TensorFile file;
  try {
    file = read_safetensors(command.tensor);
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  }
  const StoredTensor* input = file.find("input");
  if (input == nullptr) throw DataError(text(command.tensor, ": the tensor 'input' is missing, expected [N, 3, H, W]"));
  if (input->shape.rank() != 4 || input->shape[1] != net.semantics.channels) {
    throw DataError(text(command.tensor, ": the tensor 'input' has shape ", input->shape.text(), ", expected [N, ",
                         net.semantics.channels, ", H, W]"));
  }
  const Tensor logits = Inference(net).run(channels_last(input->to_float()));
  write_safetensors(command.output, {{StoredTensor::from("logits", logits)}, {}});
}

std::vector<std::string> split_at(const std::string& s, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < s.size();) {
    const std::size_t end = std::min(s.find(separator, at), s.size());
    parts.push_back(s.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// Of --classes, of the file's metadata, or ImageNet's for a network of 1,000 classes; none otherwise.
std::vector<std::string> class_names(const PredictCommand& command, const std::string& in_file, std::int64_t classes) {
  if (command.classes.empty()) {
    const std::vector<std::string> names = in_file.empty() && classes == 1000 ? imagenet_classes() : split_at(in_file, ',');
    return static_cast<std::int64_t>(names.size()) == classes ? names : std::vector<std::string>();
  }
  std::string bytes;
  try {
    bytes = read_file(command.classes, 16u << 20);
  } catch (const FileError& error) {
    throw DataError(error.what());
  }
  const std::vector<std::string> names = split_at(bytes, '\n');
  if (static_cast<std::int64_t>(names.size()) != classes) {
    throw DataError(text(command.classes, ": it has ", names.size(), " class names, the network ", classes, " classes"));
  }
  return names;
}

Tensor network_input(const std::string& path, const Semantics& semantics) {
  report::Picture picture = report::read_photograph(path);
  const ByteImage photograph{picture.height, picture.width, std::move(picture.pixels)};
  const Filter filter = semantics.interpolation == Interpolation::bilinear ? Filter::bilinear : Filter::bicubic;
  return to_unit_range(resize_and_crop(photograph, semantics.resize, semantics.input_size, filter));
}

void predict_images(EfficientNet& net, const PredictCommand& command, const std::string& names_in_file) {
  const std::vector<std::string> names = class_names(command, names_in_file, net.classes);
  if (net.semantics.channels != 3)
    throw UsageError(
        text("photographs have 3 channels, the network takes ", net.semantics.channels, "; pass --tensor instead"));
  std::string csv = csv_line({"image", "rank", "class", "name", "probability"});
  Inference inference(net);
  for (const std::string& path : command.images) {
    const std::vector<double> p = predict(inference, net.semantics, {network_input(path, net.semantics)}, 1).front();
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    std::printf("%s\n", path.c_str());
    for (std::size_t rank = 0; rank < std::min(order.size(), static_cast<std::size_t>(command.top)); ++rank) {
      const std::size_t c = order[rank];
      const std::string name = names.empty() ? std::string() : names[c];
      std::printf("  %zu  %s  class %zu  %s\n", rank + 1, fixed(p[c], 4).c_str(), c, name.c_str());
      csv += csv_line({path, std::to_string(rank + 1), std::to_string(c), name, shortest(p[c])});
    }
  }
  if (!command.output.empty()) write_file(command.output, csv);
}

}  // namespace

void run_predict(const PredictCommand& command) {
  if (command.images.empty() == command.tensor.empty()) throw UsageError("predict needs --images or --tensor, one of the two");
  if (command.top < 1) throw UsageError(text("--top is ", command.top, ", expected at least 1"));
  const TensorFile file = read_checkpoint(command.weights);
  EfficientNet net = load_efficientnet(file, command.arch, command.from, command.semantics, command.weights);
  warn_about_values(net, command.weights);
  net.to(command.device.choose_for_prediction());
  if (command.tensor.empty()) {
    const auto names = file.metadata.find("vitrine.class_names");
    predict_images(net, command, names == file.metadata.end() ? std::string() : names->second);
  } else {
    predict_tensor(net, command);
  }
}

}  // namespace vitrine::cli

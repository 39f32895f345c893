// The files of `vitrine explain`: pictures, a table, the maps as numbers.
#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/number.h"
#include "cli/explain.h"
#include "report/overlay.h"

namespace vitrine::cli {
namespace {

constexpr int kTile = 192, kGap = 6;  // pixels

std::string cell(const std::optional<double>& value) { return value ? shortest(*value) : "n/a"; }

// The layer's cells as squares, in [0, 1], on the pixels of the crop.
std::vector<float> cells_on_pixels(const Saliency& s, std::int64_t height, std::int64_t width) {
  const float largest = s.largest();
  std::vector<float> pixels;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const float value = s.map[static_cast<std::size_t>((y * s.height / height) * s.width + x * s.width / width)];
      pixels.push_back(largest > 0 ? value / largest : 0);
    }
  }
  return pixels;
}

}  // namespace

std::optional<double> Explained::above_layer(const EfficientNet& net) const {
  return cascade[static_cast<std::size_t>(parts_above(net, saliency.layer) - 1)];
}

std::string Explained::remark() const {
  if (saliency.is_zero()) return "zero map";
  if (does_not_depend_on_weights(cascade)) return "does not depend on the weights";
  return saliency.is_coarse() ? "coarse map" : "";
}

std::string explained_png(const Explained& e, const CropChannels& crop) {
  const int height = static_cast<int>(crop.height), width = static_cast<int>(crop.width);
  const int zoom = std::max(1, kTile / width);
  const std::vector<float> pixels = pixel_map(e.saliency, crop.height, crop.width);
  std::vector<report::Picture> upper, lower;
  for (const auto& [name, values] : crop.channels) {
    upper.push_back(report::rgb_of(report::grey_picture(values.data(), width, height, zoom)));
    lower.push_back(report::overlay_picture(values.data(), pixels.data(), width, height, zoom));
  }
  upper.push_back(report::colour_picture(cells_on_pixels(e.saliency, crop.height, crop.width).data(), width, height, zoom));
  lower.push_back(report::colour_picture(pixels.data(), width, height, zoom));
  return report::png_bytes(
      report::one_below_another({report::side_by_side(upper, kGap), report::side_by_side(lower, kGap)}, kGap));
}

std::string explained_csv(const std::vector<Explained>& all, const std::vector<std::string>& classes, SaliencyMethod method) {
  std::vector<std::string> header{"sample_id", "subject_id", "lesion_id", "slice", "fold", "label", "predicted"};
  for (const std::string& name : classes) header.push_back("prob_" + name);
  for (const char* name : {"loss", "class", "logit", "method", "layer", "map_height", "map_width", "map_largest"})
    header.push_back(name);
  const std::vector<std::string>& parts = network_parts();
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) header.push_back("correlation_" + *part);
  header.insert(header.end(), {"remark", "picture"});
  std::string csv = csv_line(header);
  const auto class_name = [&](int index) { return classes[static_cast<std::size_t>(index)]; };
  for (const Explained& e : all) {
    const Prediction& p = e.candidate.prediction;
    std::vector<std::string> row{p.sample_id,
                                 p.subject_id,
                                 std::to_string(p.lesion_id),
                                 std::to_string(p.slice),
                                 e.candidate.fold < 0 ? "" : std::to_string(e.candidate.fold),
                                 class_name(p.label),
                                 class_name(e.candidate.predicted())};
    for (const double probability : p.probability) row.push_back(shortest(probability));
    row.insert(row.end(), {shortest(e.candidate.loss()), class_name(e.of_class), shortest(e.saliency.logit), name_of(method),
                           e.saliency.layer, std::to_string(e.saliency.height), std::to_string(e.saliency.width),
                           shortest(e.saliency.largest())});
    for (const std::optional<double>& correlation : e.cascade) row.push_back(cell(correlation));
    row.insert(row.end(), {e.remark(), e.picture()});
    csv += csv_line(row);
  }
  return csv;
}

TensorFile explained_maps(const std::vector<Explained>& all, const std::vector<CropChannels>& crops, SaliencyMethod method) {
  TensorFile file;
  file.metadata = {{"method", name_of(method)}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Saliency& s = all[i].saliency;
    const std::string& id = all[i].candidate.prediction.sample_id;
    const std::int64_t height = crops[i].height, width = crops[i].width;
    file.tensors.push_back(StoredTensor::from(id + "/cells", Tensor::from({s.height, s.width}, s.map)));
    file.tensors.push_back(StoredTensor::from(id + "/pixels", Tensor::from({height, width}, pixel_map(s, height, width))));
  }
  return file;
}

}  // namespace vitrine::cli

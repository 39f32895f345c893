#include "imaging/lineage_chain.h"

#include <algorithm>

#include "base/error.h"
#include "imaging/steps/spline.h"

namespace vitrine::imaging {
namespace {

// Index and weight of the voxels that stand for one blurred voxel along an axis: the weights inside the volume, made to sum to 1.
std::vector<std::pair<std::int64_t, double>> blurred_line(std::int64_t at, const std::vector<double>& weight, std::int64_t n) {
  std::vector<std::pair<std::int64_t, double>> line;
  const auto reach = static_cast<std::int64_t>(weight.size()) - 1;
  double sum = 0;
  for (std::int64_t i = std::max<std::int64_t>(0, at - reach); i <= std::min(n - 1, at + reach); ++i) {
    line.emplace_back(i, weight[static_cast<std::size_t>(std::abs(i - at))]);
    sum += line.back().second;
  }
  for (auto& [i, w] : line) w /= sum;
  return line;
}

}  // namespace

CropChain::CropChain(const SubjectLineage& lineage, const std::string& column, int lesion, std::int64_t slice)
    : lineage_(lineage),
      series_(lineage.of_column(column)),
      crop_(lineage.of_crop(lesion, slice)),
      across_(crop_taps(crop_.square.centre_i, crop_.square.side_mm / lineage.grid.spacing[0], lineage.size)),
      down_(crop_taps(crop_.square.centre_j, crop_.square.side_mm / lineage.grid.spacing[1], lineage.size)),
      map_(lineage.grid, series_.stored, series_.transform),
      blur_weights_{{{1}, {1}, {1}}} {
  if (series_.interpolated) blur_ = blur_fwhm(series_.stored, lineage.grid, series_.transform);
  for (std::size_t c = 0; c < 3; ++c) {
    if (blur_[c] > 0) blur_weights_[c] = imaging::blur_weights(blur_[c], series_.stored.spacing[c]);
  }
  if (series_.bias) field_.emplace(*series_.bias, lineage.grid.spacing);
}

GridVoxel CropChain::grid_voxel(std::int64_t i, std::int64_t j) const {
  GridVoxel v;
  v.i = i;
  v.j = j;
  const SliceWindow& w = crop_.window;
  if (!crop_.weight.empty()) v.feather = crop_.weight[static_cast<std::size_t>((j - w.j) * w.columns + i - w.i)];
  const std::int64_t k = crop_.square.slice;
  if (series_.interpolated) {
    v.index = map_.at(i, j, k);
    v.is_seen = series_.stored.holds(v.index);
  } else {
    v.index = {static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)};
  }
  return v;
}

template <class Visit>
void CropChain::each_grid_voxel(const CropPixel& pixel, const Visit& visit) const {
  const CropTap &row = down_.at(static_cast<std::size_t>(pixel.y)), &column = across_.at(static_cast<std::size_t>(pixel.x));
  for (std::size_t r = 0; r < row.weight.size(); ++r) {
    const std::int64_t j = row.first + static_cast<std::int64_t>(r);
    if (j < 0 || j >= lineage_.grid.size[1]) continue;
    for (std::size_t c = 0; c < column.weight.size(); ++c) {
      const std::int64_t i = column.first + static_cast<std::int64_t>(c);
      if (i < 0 || i >= lineage_.grid.size[0]) continue;
      GridVoxel v = grid_voxel(i, j);
      v.weight = row.weight[r] * column.weight[c];
      visit(v);
    }
  }
}

VoxelBox CropChain::box(const std::vector<CropPixel>& pixels) const {
  const auto& size = series_.stored.size;
  std::array<std::int64_t, 3> low = size, high{-1, -1, -1};
  for (const CropPixel& pixel : pixels) {
    each_grid_voxel(pixel, [&](const GridVoxel& v) {
      if (!v.is_seen) return;
      const LinearPlace place = linear_place(v.index, size);
      for (std::size_t c = 0; c < 3; ++c) {
        low[c] = std::min(low[c], std::max<std::int64_t>(0, place.low[c] - reach(c)));
        high[c] = std::max(high[c], std::min(size[c] - 1, place.low[c] + place.next[c] + reach(c)));
      }
    });
  }
  if (high[0] < 0) return {};
  return {low, {high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1}};
}

void CropChain::add_weights(const GridVoxel& v, VoxelWeights& weights) const {
  if (!v.is_seen || v.feather == 0) return;
  const LinearPlace place = linear_place(v.index, series_.stored.size);
  std::array<std::vector<std::pair<std::int64_t, double>>, 3> along;
  for (std::size_t c = 0; c < 3; ++c) {
    for (const bool second : {false, true}) {
      const double share = second ? place.weight[c] : 1 - place.weight[c];
      if (share == 0) continue;
      const std::int64_t at = place.low[c] + (second ? place.next[c] : 0);
      for (const auto& [i, w] : blurred_line(at, blur_weights_[c], series_.stored.size[c])) along[c].emplace_back(i, share * w);
    }
  }
  for (const auto& [k, wk] : along[2]) {
    for (const auto& [j, wj] : along[1]) {
      for (const auto& [i, wi] : along[0]) weights[{i, j, k}] += v.weight * static_cast<double>(v.feather) * wk * wj * wi;
    }
  }
}

VoxelWeights CropChain::weights(const CropPixel& pixel) const {
  VoxelWeights weights;
  each_grid_voxel(pixel, [&](const GridVoxel& v) { add_weights(v, weights); });
  std::erase_if(weights, [](const auto& entry) { return entry.second == 0; });
  return weights;
}

std::vector<std::pair<CropPixel, double>> CropChain::touched(const VoxelIndex& voxel) const {
  std::map<std::pair<std::int64_t, std::int64_t>, double> seen;  // the voxel's part of each voxel of the grid
  const SliceWindow& w = crop_.window;
  for (std::int64_t j = w.j; j < w.j + w.rows; ++j) {
    for (std::int64_t i = w.i; i < w.i + w.columns; ++i) {
      GridVoxel v = grid_voxel(i, j);
      bool near = v.is_seen;
      for (std::size_t c = 0; near && c < 3; ++c)
        near = std::abs(v.index[c] - static_cast<double>(voxel[c])) <= static_cast<double>(reach(c) + 1);
      if (!near) continue;
      v.weight = 1;
      VoxelWeights weights;
      add_weights(v, weights);
      if (const auto found = weights.find(voxel); found != weights.end() && found->second != 0) seen[{i, j}] = found->second;
    }
  }
  std::vector<std::pair<CropPixel, double>> pixels;
  if (seen.empty()) return pixels;
  for (CropPixel p; p.y < lineage_.size; ++p.y) {
    for (p.x = 0; p.x < lineage_.size; ++p.x) {
      double weight = 0;
      each_grid_voxel(p, [&](const GridVoxel& v) {
        if (const auto found = seen.find({v.i, v.j}); found != seen.end()) weight += v.weight * found->second;
      });
      if (weight != 0) pixels.emplace_back(p, weight);
    }
  }
  return pixels;
}

VolumePart CropChain::blurred(VolumePart part) const {
  if (part.box.empty() || blur_ == Vec3{}) return part;
  Volume volume{series_.stored,
                std::move(part.data)};  // spacing counts; the box ends where the volume does, or beyond the blur's reach
  volume.geometry.size = part.box.size;
  for (std::size_t c = 0; c < 3; ++c) {
    if (blur_[c] > 0) blur_along(volume, c, blur_[c]);
  }
  part.data = std::move(volume.data);
  return part;
}

std::vector<GridVoxel> CropChain::chain(const CropPixel& pixel, const VolumePart& part) const {
  std::vector<GridVoxel> voxels;
  const std::array<std::int64_t, 3> stride{1, part.box.size[0], part.box.size[0] * part.box.size[1]};
  each_grid_voxel(pixel, [&](GridVoxel v) {
    if (v.is_seen) {
      const LinearPlace place = linear_place(v.index, series_.stored.size);
      std::array<std::int64_t, 3> next;
      std::int64_t at = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        next[c] = place.next[c] * stride[c];
        at += (place.low[c] - part.box.low[c]) * stride[c];
      }
      const float* base = part.data.data() + at;
      v.interpolated = series_.interpolated ? trilinear(base, place.weight, next) : *base;
    }
    if (field_) v.field = field_->at(v.i, v.j, crop_.square.slice);
    const float corrected = field_ ? without_bias(v.interpolated, v.field) : v.interpolated;
    v.shown = series_.normalisation.shown(corrected);
    v.shown *= v.feather;
    if (series_.interpolated) v.shown *= v.is_seen ? 1.0F : 0.0F;
    voxels.push_back(v);
  });
  return voxels;
}

float CropChain::value(const CropPixel& pixel, const std::vector<GridVoxel>& chain) const {
  std::size_t next = 0;
  return crop_pixel(down_.at(static_cast<std::size_t>(pixel.y)), across_.at(static_cast<std::size_t>(pixel.x)), lineage_.grid,
                    [&](std::int64_t, std::int64_t) { return chain.at(next++).shown; });
}

}  // namespace vitrine::imaging

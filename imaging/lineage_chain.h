// From one pixel of a crop's channel to the voxels of the series that it was made of, and back to its value, with preparation's arithmetic.
//
// Chain      pixel = sum over voxels of the axial grid of crop weight * shown;  shown = clip(normalised(interpolated / field), 0, 1) * feather,
//            0 where the series has nothing to say;  interpolated = the voxel itself, or linear between eight voxels of the series, which are
//            first blurred where the grid is coarser (imaging/volume.h)
// Weights    of a voxel in a pixel: crop weight * feather * interpolation weight * blur weight, summed over the grid's voxels: what the pixel
//            would gain by a unit of it on the normalised scale where nothing is clipped
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imaging/formats/volume_part.h"
#include "imaging/lineage.h"
#include "imaging/steps/index_map.h"

namespace vitrine::imaging {

struct CropPixel {
  std::int64_t y = 0, x = 0;
  auto operator<=>(const CropPixel&) const = default;
};

using VoxelIndex = std::array<std::int64_t, 3>;
using VoxelWeights = std::map<VoxelIndex, double>;

// A voxel of the axial grid that a pixel averages, and what is applied to it. Its slice is the crop's.
struct GridVoxel {
  std::int64_t i = 0, j = 0;
  double weight = 0;    // in the pixel
  float feather = 1;    // imaging/steps/feather.h
  bool is_seen = true;  // the series covers it
  Vec3 index{};         // fractional, in the series in LPS order
  float field = 1;      // of the bias correction
  float interpolated = 0, shown = 0;
};

class CropChain {
 public:
  // Both outlive this. DataError when the lineage has no such series or crop.
  CropChain(const SubjectLineage& lineage, const std::string& column, int lesion, std::int64_t slice);

  const SeriesLineage& series() const { return series_; }
  const Vec3& blur_mm() const { return blur_; }  // full width at half maximum along the axes of the series; 0: none

  // The voxels that the pixels are made of, indices of the series in LPS order.
  VoxelBox box(const std::vector<CropPixel>& pixels) const;
  VoxelWeights weights(const CropPixel& pixel) const;
  // Every pixel that the voxel has a weight in.
  std::vector<std::pair<CropPixel, double>> touched(const VoxelIndex& voxel) const;

  // The values of a box, blurred as resample blurs the series: right in the part of `box(pixels)` that interpolation asks for.
  VolumePart blurred(VolumePart part) const;
  // What the pixel averages, with the values along the chain; `blurred_part` holds the box of the pixel.
  std::vector<GridVoxel> chain(const CropPixel& pixel, const VolumePart& blurred_part) const;
  float value(const CropPixel& pixel, const std::vector<GridVoxel>& chain) const;

 private:
  template <class Visit>
  void each_grid_voxel(const CropPixel& pixel, const Visit& visit) const;  // visit(GridVoxel, without field and values)
  void add_weights(const GridVoxel& voxel, VoxelWeights& weights) const;
  GridVoxel grid_voxel(std::int64_t i, std::int64_t j) const;
  std::int64_t reach(std::size_t axis) const { return static_cast<std::int64_t>(blur_weights_[axis].size()) - 1; }

  const SubjectLineage& lineage_;
  const SeriesLineage& series_;
  const CropLineage& crop_;
  std::vector<CropTap> across_, down_;
  IndexMap map_;
  Vec3 blur_{};
  std::array<std::vector<double>, 3> blur_weights_;  // of 0, 1, 2 ... voxels; {1}: no blur
  std::optional<BiasFieldAt> field_;
};

}  // namespace vitrine::imaging

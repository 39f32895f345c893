// What the value of a crop's pixel depends on and nobody can work out again in a moment: written when the crop is made, so that
// `vitrine audit lineage` gets from the pixel to the voxels of the files (docs/lineage.md).
//
// OUT/lineage/<subject>.safetensors, some 3 kB for each series, and for a crop at the edge of the brain as many bytes as four for each voxel
// of its square; its SHA-256 stands in the subject's record. All numbers are exact:
//   grid                 [18] float64: size, spacing, origin, direction of the axial grid
//   <series>.geometry    [18] the same of the series as it was read, in LPS order
//   <series>.transform   [9]  angles, translation, centre: from the grid to the series
//   <series>.scale       [4]  mean, deviation, offset, scale of its normalisation
//   <series>.field       [n]  coefficients of its bias field; not there where the table says that the series was corrected before
//   <series>.field_box   [9]  low, high, knot, mean_log, scale of BiasModel
//   <crop>.square        [5]  lesion, slice, centre_i, centre_j, side_mm of LesionSlice
//   <crop>.weight        [rows, columns] float32: feathering (imaging/steps/feather.h) in the part of the slice that the crop averages; not
//                             there where it is 1 everywhere
// and in the metadata: subject_id, size (pixels), normalisation, series, interpolated (the series that are), crops
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/steps/bias_field.h"
#include "imaging/steps/crop.h"
#include "imaging/steps/normalize.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// How a series became a channel.
struct SeriesLineage {
  std::string column;        // t1c, flair, t2
  Geometry stored;           // in LPS order
  RigidTransform transform;  // from the axial grid to it
  bool interpolated = true;  // false: T1c on its own grid, whose voxels are taken as they are
  std::optional<BiasModel> bias;
  Normalized normalisation;  // without its volume
};

// The part of a slice of the grid whose voxels a crop averages, cut where the grid ends.
struct SliceWindow {
  std::int64_t i = 0, j = 0;           // its first voxel
  std::int64_t columns = 0, rows = 0;  // along i and j
};

struct CropLineage {
  LesionSlice square;
  SliceWindow window;
  std::vector<float> weight;  // of feathering, i fastest; empty: 1 everywhere
};

struct SubjectLineage {
  std::string subject_id;
  Geometry grid;
  int size = 64;  // pixels of a crop's side
  std::vector<SeriesLineage> series;
  std::vector<CropLineage> crops;

  const SeriesLineage& of_column(const std::string& column) const;   // DataError when there is none
  const CropLineage& of_crop(int lesion, std::int64_t slice) const;  // DataError when there is none
};

SliceWindow slice_window(const LesionSlice& square, const Geometry& grid, int size);
CropLineage crop_lineage(const LesionSlice& square, const Volume& feather_weight, int size);

// Where it lies, relative to the output folder.
std::string lineage_name(const std::string& subject_id);
std::string lineage_bytes(const SubjectLineage& lineage);
// DataError for a file that is missing, malformed, of another subject, or has another SHA-256 than `sha256`.
SubjectLineage read_lineage(const std::filesystem::path& out, const std::string& subject_id, const std::string& sha256);

}  // namespace vitrine::imaging

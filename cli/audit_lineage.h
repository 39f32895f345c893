// `vitrine audit lineage` and `vitrine audit leaks`: the batch's half (audit/lineage.h) and the volumes' half (imaging/lineage_source.h) joined.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/lineage.h"
#include "audit/lineage_leaks.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/commands.h"

namespace vitrine::cli {

void add_audit_lineage(Command audit, Chosen& chosen);

// The crop pixels of one use, rebuilt from the files of the volumes.
struct UseOrigin {
  std::string ends_at_crop;        // why there are no voxels; empty where there are
  std::vector<float> values;       // of use.crop_pixels
  std::string file, changed;       // changed: why the file is not the one that was prepared; empty when it is
  std::vector<std::string> lines;  // as text: series and constants, then the voxels with their weights in the view
  Json json = Json::object();
};
// DataError for a preparation without lineage, and for files that are not there or lie on another grid.
UseOrigin volume_origin(const Manifest& manifest, const PixelUse& use, const std::string& channel);

// What a voxel has a weight in.
struct VoxelTouches {
  std::string subject_id, channel;
  struct Crop {
    std::string sample_id;
    std::vector<WeightedPixel> pixels;
  };
  std::vector<Crop> crops;  // in the manifest's order; those that it touches
};
// i, j, k as the file stores them. DataError for a file that is no series of the cohort, UsageError for a voxel outside it.
VoxelTouches voxel_touches(const Manifest& manifest, const std::string& file, const std::array<std::int64_t, 3>& voxel);

// Hashes of the volumes' files and voxels that preparation has recorded; none, with the reason, for crops that were not cut from volumes.
std::vector<Fingerprint> volume_fingerprints(const Manifest& manifest, std::string& left_out);

struct LineageCommand {
  std::string run, pixel, voxel;
  int fold = 0;
  std::optional<std::int64_t> step;
  std::int64_t slot = 0;
  bool json = false;
};
void run_audit_voxel(const LineageCommand& command);  // cli/audit_lineage_voxel.cpp

// Whole numbers with commas between, as many as `count`. UsageError naming the option.
std::vector<std::int64_t> numbers_of(const std::string& words, const char* option, const char* expected, std::size_t count);

}  // namespace vitrine::cli

#include "imaging/subject_files.h"

#include "base/error.h"
#include "base/number.h"
#include "imaging/steps/grid.h"

namespace vitrine::imaging {
namespace {

constexpr double kObliqueDegrees = 5;  // from here on it is noted

}  // namespace

ReadVolume SubjectFiles::series(const std::string& column, const std::string& name, const std::filesystem::path& path) {
  ReadVolume file = read_series(path);
  remember(column, name, path, file);
  return file;
}

ReadVolume SubjectFiles::mask(const std::string& column, const std::string& name, const std::filesystem::path& path,
                              const Geometry& grid) {
  const auto on_grid = [&](const VolumeClaim& claim) {  // before a voxel is read
    Notes later;
    check_same_grid(claim.geometry, grid, name, "T1c", later);
  };
  ReadVolume file = read_volume(path, on_grid);
  check_same_grid(file.volume.geometry, grid, name, "T1c", result_.notes);
  file.volume.geometry = grid;
  remember(column, name, path, file);
  return file;
}

void SubjectFiles::remember(const std::string& column, const std::string& name, const std::filesystem::path& path,
                            const ReadVolume& file) {
  if (const auto found = expected_.find(column); found != expected_.end() && found->second != file.file_sha256)
    throw DataError(text(path, " changed while the subject was prepared; run the same command again"));
  for (const auto& [other, hash] : result_.voxels_sha256) {
    if (hash == file.voxels_sha256)
      throw DataError(
          text("the ", column, " file ", path, " holds the same voxels as the ", other, " file; give each its own"));
  }
  result_.voxels_sha256[column] = file.voxels_sha256;
  Json& step = result_.steps[column];
  const Geometry& g = file.volume.geometry;
  step["format"] = file.facts.format;
  step["stored_as"] = file.order.code;
  step["degrees_off"] = file.order.most_degrees_off();
  step["size"] = Json::array({g.size[0], g.size[1], g.size[2]});
  step["spacing_mm"] = Json::array({g.spacing[0], g.spacing[1], g.spacing[2]});
  step["origin_mm"] = Json::array({g.origin[0], g.origin[1], g.origin[2]});
  step["remarks"] = file.remarks;
  for (const Note& n : file.notes) {
    if (n.warning) result_.notes.push_back(n);
  }
  if ((column == "flair" || column == "t2") && file.order.most_degrees_off() > kObliqueDegrees)
    note(result_.notes, text(name, " is oblique: an axis lies ", fixed(file.order.most_degrees_off(), 1),
                             " degrees off the patient's; it was resampled to the axial grid"));
}

}  // namespace vitrine::imaging

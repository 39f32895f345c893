#include "cli/mri/volume_files.h"

#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "imaging/formats/nifti.h"

namespace vitrine::cli {
namespace {

constexpr double kGridTolerance = 0.5, kSilentShift = 0.02;  // voxels at the corners

std::string size_text(const imaging::Geometry& g) { return text(g.size[0], " x ", g.size[1], " x ", g.size[2]); }

imaging::ReadVolume read_mask(const std::string& path, const imaging::Geometry& grid, const std::string& what,
                              const std::string& grid_name, imaging::Notes& notes) {
  imaging::ReadVolume file = imaging::read_volume(path);
  check_grid(file.volume.geometry, grid, what, grid_name, notes);
  file.volume.geometry = grid;
  return file;
}

}  // namespace

void check_nifti_output(const std::string& option, const std::string& name, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& others) {
  if (!name.ends_with(".nii") && !name.ends_with(".nii.gz"))
    throw UsageError(text(option, " is '", printable(name), "', a name that ends in .nii or .nii.gz was expected"));
  check_output(name, inputs);
  for (const std::string& other : others) {
    if (std::filesystem::path(other).lexically_normal() == std::filesystem::path(name).lexically_normal())
      throw UsageError(text("two outputs are named '", printable(name), "'; give each its own file"));
  }
}

void check_grid(const imaging::Geometry& found, const imaging::Geometry& expected, const std::string& found_name,
                const std::string& expected_name, imaging::Notes& notes) {
  const double off = imaging::corner_distance(found, expected);
  if (off > kGridTolerance)
    throw DataError(text(found_name, " lies on another grid than ", expected_name, ": ", size_text(found),
                         " voxels (to the left, back, top) against ", size_text(expected),
                         std::isfinite(off) ? text(", corners up to ", fixed(off, 2), " voxels apart") : std::string(),
                         "; resample it to that grid"));
  if (off > kSilentShift)
    imaging::warn(notes, text(found_name, " lies ", fixed(off, 2), " voxels off the grid of ", expected_name,
                              "; it was taken to lie on it"));
}

imaging::Mask read_brain_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                              imaging::Notes& notes) {
  const std::string what = text("the brain mask ", std::filesystem::path(path));
  imaging::ReadVolume file = read_mask(path, grid, what, grid_name, notes);
  return imaging::understood_brain_mask(std::move(file.volume), file.order, what, notes);
}

imaging::LesionMask read_lesion_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                                     imaging::Notes& notes) {
  const std::string what = text("the lesion mask ", std::filesystem::path(path));
  imaging::ReadVolume file = read_mask(path, grid, what, grid_name, notes);
  return imaging::understood_lesion_mask(std::move(file.volume), file.order, what, notes);
}

imaging::Mask any_lesion(imaging::LesionMask mask) {
  for (float& v : mask.labels.data) v = v != 0 ? 1.0f : 0.0f;
  return std::move(mask.labels);
}

void write_beside(const std::string& output, imaging::Volume volume, const imaging::ReadVolume& file) {
  imaging::write_nifti(output, imaging::in_stored_order(std::move(volume), file.order, file.stored));
}

void tell(const imaging::Notes& notes, bool quiet) {
  Progress progress(quiet);
  for (const imaging::Note& n : notes) n.warning ? progress.warn(n.text) : progress.line(n.text);
}

}  // namespace vitrine::cli

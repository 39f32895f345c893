#include "cli/mri/volume_files.h"

#include "base/error.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "imaging/formats/nifti.h"
#include "imaging/steps/grid.h"

namespace vitrine::cli {
namespace {

imaging::ReadVolume read_mask(const std::string& path, const imaging::Geometry& grid, const std::string& what,
                              const std::string& grid_name, imaging::Notes& notes) {
  imaging::ReadVolume file = imaging::read_volume(path);
  imaging::check_same_grid(file.volume.geometry, grid, what, grid_name, notes);
  file.volume.geometry = grid;
  return file;
}

}  // namespace

namespace {

void refuse_same_output(const std::string& name, const std::string& other) {
  std::error_code none;
  const auto place = [&](const std::string& n) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(n, none), none);
  };
  if (!other.empty() && place(name) == place(other))
    throw UsageError(text("two outputs are named '", printable(name), "'; give each its own file"));
}

}  // namespace

void check_nifti_output(const std::string& option, const std::string& name, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& others) {
  if (!name.ends_with(".nii") && !name.ends_with(".nii.gz"))
    throw UsageError(text(option, " is '", printable(name), "', a name that ends in .nii or .nii.gz was expected"));
  check_output(name, inputs);
  for (const std::string& other : others) refuse_same_output(name, other);
}

void check_record(const std::string& name, const std::vector<std::string>& inputs, const std::vector<std::string>& others) {
  if (name.empty()) return;
  check_output(name, inputs);
  for (const std::string& other : others) refuse_same_output(name, other);
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

void write_mask_beside(const std::string& output, imaging::Mask mask, const imaging::ReadVolume& file) {
  imaging::write_mask_nifti(output, imaging::in_stored_order(std::move(mask), file.order, file.stored));
}

void tell(const imaging::Notes& notes, ProgressMode mode) {
  Progress progress(mode);
  for (const imaging::Note& n : notes) n.warning ? progress.warn(n.text) : progress.line(n.text);
}

}  // namespace vitrine::cli

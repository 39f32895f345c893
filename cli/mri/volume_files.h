// Volumes and masks that a command under `mri` is given, and volumes that it writes beside them.
#pragma once

#include <string>
#include <vector>

#include "base/progress.h"
#include "imaging/formats/read_volume.h"
#include "imaging/notes.h"
#include "imaging/steps/mask.h"

namespace vitrine::cli {

// UsageError unless the name ends in .nii or .nii.gz, or when it is one of `inputs` or of the `others` that are written.
void check_nifti_output(const std::string& option, const std::string& name, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& others = {});

// `name` may be empty: no record was asked for. UsageError when it is another output too, and as check_output throws.
void check_record(const std::string& name, const std::vector<std::string>& inputs, const std::vector<std::string>& others);

// Masks on the grid of a series, which `grid_name` names. DataError when they are on another one (imaging/steps/grid.h
// check_same_grid), and for what imaging/steps/mask.h refuses.
imaging::Mask read_brain_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                              imaging::Notes& notes);
imaging::LesionMask read_lesion_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                                     imaging::Notes& notes);
// 1 where a lesion is.
imaging::Mask any_lesion(imaging::LesionMask mask);

// On the file's own grid and in its order of voxels.
void write_beside(const std::string& output, imaging::Volume volume, const imaging::ReadVolume& file);
void write_mask_beside(const std::string& output, imaging::Mask mask, const imaging::ReadVolume& file);

// Warnings always, notes unless `mode` is none: one line each on standard error.
void tell(const imaging::Notes& notes, ProgressMode mode);

}  // namespace vitrine::cli

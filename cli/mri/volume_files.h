// Volumes and masks that a command under `mri` is given, and volumes that it writes beside them.
#pragma once

#include <string>
#include <vector>

#include "imaging/formats/read_volume.h"
#include "imaging/notes.h"
#include "imaging/steps/mask.h"

namespace vitrine::cli {

// UsageError unless the name ends in .nii or .nii.gz, or when it is one of `inputs` or of the `others` that are written.
void check_nifti_output(const std::string& option, const std::string& name, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& others = {});

// Masks on the grid of a series, which `grid_name` names. DataError with both sizes, or how far the corners lie apart, when they are on another
// one (half a voxel), and for what imaging/steps/mask.h refuses. More than 0.02 voxels off is a warning.
imaging::Mask read_brain_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                              imaging::Notes& notes);
imaging::LesionMask read_lesion_mask(const std::string& path, const imaging::Geometry& grid, const std::string& grid_name,
                                     imaging::Notes& notes);
// 1 where a lesion is.
imaging::Mask any_lesion(imaging::LesionMask mask);

// DataError as above for a volume that is read already.
void check_grid(const imaging::Geometry& found, const imaging::Geometry& expected, const std::string& found_name,
                const std::string& expected_name, imaging::Notes& notes);

// On the file's own grid and in its order of voxels.
void write_beside(const std::string& output, imaging::Volume volume, const imaging::ReadVolume& file);

// Warnings always, notes unless `quiet`: one line each on standard error.
void tell(const imaging::Notes& notes, bool quiet);

}  // namespace vitrine::cli

// Anatomy: the healthy head that simulated patients are made from, as fractions of tissue per voxel.
//
// Two sources: a real T1 head with its brain-extracted twin (Debian's mricron-data: ch2.nii.gz and ch2bet.nii.gz, the
// Colin27 average, Holmes et al. 1998, doi 10.1097/00004728-199803000-00032), or a procedural head that needs no file.
// docs/simulator.md states the rules by which intensities become tissue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

// Places in a voxel's record. The first six are tissues (what is missing to 255 is air or cortical bone, without signal);
// the last two are regions: inside the skull, and the brain itself.
enum Tissue : std::size_t { csf, grey_matter, white_matter, fat, muscle, vessel, intracranial, brain };
inline constexpr std::size_t kTissues = 6;

using TissueBytes = std::array<std::uint8_t, 8>;  // fractions in 1/255

struct Anatomy {
  std::string name;  // "ch2", "procedural", or the file name of another head
  Geometry geometry;
  std::vector<TissueBytes> voxels;
  Vec3 head_low{}, head_high{};    // mm, LPS: bounding box of everything that is not air
  Vec3 brain_low{}, brain_high{};  // mm, LPS: bounding box of the brain

  Vec3 brain_centre() const;
  // Fractions at a fractional voxel index, linear in each axis to 1/255; zero outside the grid.
  TissueBytes at_index(const Vec3& index) const;
  // Whether a point (mm, LPS) lies in the ellipsoid that holds the cerebellum, placed relative to the brain's box.
  bool in_cerebellum(const Vec3& point) const;
};

// `choice`: empty (the installed ch2 if there is one, else procedural), "procedural", or the path of a T1 head NIfTI whose
// brain-extracted twin lies beside it (name + "bet"). DataError for a head or twin that is missing, unreadable, of another
// grid, or without a brain. `spacing_mm` is the voxel size of the procedural head.
Anatomy load_anatomy(const std::filesystem::path& choice, double spacing_mm);

// Nested ellipsoids for scalp, skull and brain; a cortex folded by plane waves; ventricles, deep grey matter, cerebellum,
// brainstem, falx and eyes.
Anatomy procedural_head(double spacing_mm);

// Fills the four corners of the boxes from the voxels; DataError when there is no brain.
void find_boxes(Anatomy& anatomy);

}  // namespace vitrine::imaging

// The template's head bent to a patient's: a smooth shift of every point that makes the volume's intensities most likely, class by class.
//
// Model      an intensity comes from one of the classes of head_classes.h, mixed by the template's shares at the point that a voxel maps to; each class
//            has a histogram of its own, estimated in turn with the shift and with a smooth field of the receive coils
// Shift      the slope of the log likelihood along the template, averaged by a Gaussian, over the average of its square (Gauss-Newton): 20, 12 and 8 mm on voxels of 4 mm,
//            then 5 mm on voxels of 2 mm; the shift is smoothed after each step,
//            and shrinks: without evidence it goes back to the affine map
// Surface    the last two stages ask of each voxel only whether it shows brain tissue: 85 % do inside the surface, 15 % in the ring around it. Sheets
//            thinner than some 4 mm (dura, vessels) count as ring; below the brain the histograms decide
// Bright     what is brighter than any brain tissue (enhancing lesions, vessels, fat) may be anything: it moves no surface
// Fluid      on T1 tissue is what is brighter than halfway from the darkest of the template's CSF to grey matter
// Reference  Ashburner & Friston 2005, doi 10.1016/j.neuroimage.2005.02.018; Lucas & Kanade 1981; Thirion 1998, doi 10.1016/S1361-8415(98)80022-4
#pragma once

#include <optional>

#include "imaging/brain/head_classes.h"
#include "imaging/brain/head_registration.h"

namespace vitrine::imaging {

struct TissueLevels {
  double mean = 0, deviation = 0;  // of the corrected intensities
};

struct HeadFit {
  AffineMap to_template;        // points of the patient to points of the template, before the shift
  std::array<Volume, 3> shift;  // mm along the template's axes, on a grid of about 4 mm around the brain
  Volume field;                 // of the receive coils, mean 1 in the brain, on the same grid
  IntensityScale scale;
  std::vector<ClassShares> likelihood;  // [bin][class]
  std::array<TissueLevels, kHeadClasses> levels{};
  double tissue_information = 0;  // nats: how much an intensity says about CSF, grey and white matter inside the brain

  std::array<float, kIntensityBins> tissue{};     // how much a bin looks like brain tissue: 1 yes, 0 no
  std::array<bool, kIntensityBins> bright{};      // brighter than any tissue
  std::array<float, kIntensityBins> base_odds{};  // how much likelier a bin is in the base of the head than in the brain

  std::optional<bool> bright_csf;                                                                     // when it is known
  bool csf_is_bright() const { return bright_csf.value_or(levels[kCsf].mean > levels[kGrey].mean); }  // as on T2
  double brightest_tissue() const;  // what is brighter is no brain that is well
  Vec3 on_template(const Vec3& patient) const;
};

// `coarse` and `fine`: the volume in voxels of about 4 mm and of about 2 mm; `bright_csf`: nothing when the volume shall tell. Interrupted.
HeadFit fit_head(const HeadTemplate& head, const AffineMap& from_template, const Volume& coarse, const Volume& fine,
                 std::optional<bool> bright_csf = {});

}  // namespace vitrine::imaging

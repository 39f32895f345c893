// What a point of the template can be, and which intensities each of these shows in the volume at hand.
//
// Classes    inside the brain CSF, grey and white matter, by the template's shares; outside a ring of meninges, CSF and skull (to 8 mm from the
//            brain's surface), then scalp and what follows; below the brain one class for all that the base of a head holds
// Contrast   none is assumed: the intensities of a class are a histogram that the volume itself fills, as in Ashburner & Friston 2005,
//            doi 10.1016/j.neuroimage.2005.02.018, and in Viola & Wells 1997, doi 10.1023/A:1007958904918
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "imaging/template/head_template.h"

namespace vitrine::imaging {

enum HeadClass : std::size_t { kCsf, kGrey, kWhite, kRing, kScalp, kBase, kHeadClasses };

using ClassShares = std::array<float, kHeadClasses>;  // they sum to 1

inline constexpr float kSurfaceWidth = 1.5f;  // mm, half the width over which brain becomes ring

ClassShares class_shares(const HeadPoint& point, float surface_width = kSurfaceWidth);
// The change of each with the distance from the surface, per mm.
ClassShares class_slopes(const HeadPoint& point, float surface_width = kSurfaceWidth);

inline constexpr std::size_t kIntensityBins = 64;

// Intensities in bins of equal width from `low` to `high`; what lies beyond counts in the outermost bins.
struct IntensityScale {
  float low = 0, high = 1;
  // The place on the scale of bins, 0 to 63.
  float place(float intensity) const;
};

// Sums of class shares for each bin of intensity, and the probabilities that follow.
class ClassHistograms {
 public:
  void clear() { counts_.fill({}); }
  void add(float place, const ClassShares& shares);
  // Mutual information of class and intensity, in nats.
  double information() const;
  // The probability of each bin within each class, smoothed by a Gaussian of `bins`; [bin][class].
  std::vector<ClassShares> probabilities(double bins) const;
  double total() const;

 private:
  std::array<std::array<double, kHeadClasses>, kIntensityBins> counts_{};
};

}  // namespace vitrine::imaging

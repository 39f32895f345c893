// What a point of the template can be, and which intensities each of these shows in the volume at hand.
//
// Classes    inside the brain CSF, grey and white matter, by the template's shares; outside by the distance from its surface: meninges with CSF
//            (to 3 mm), skull (to 8 mm), scalp (to 16 mm), what follows; below the brain one class for all that the base of a head holds
// Contrast   none is assumed: the intensities of a class are a histogram that the volume itself fills, as in Ashburner & Friston 2005,
//            doi 10.1016/j.neuroimage.2005.02.018
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "imaging/brain/head_template.h"

namespace vitrine::imaging {

enum HeadClass : std::size_t { kCsf, kGrey, kWhite, kMeninges, kSkull, kScalp, kBeyond, kBase, kHeadClasses };

using ClassShares = std::array<float, kHeadClasses>;  // they sum to 1

inline constexpr float kSurfaceWidth = 1.5f;  // mm, half the width over which brain becomes meninges

ClassShares class_shares(const HeadPoint& point);
// Their change with the distance from the surface, per mm, and with the shares of grey and white matter.
struct ClassSlopes {
  ClassShares by_distance, by_grey, by_white;
};
ClassShares class_shares(const HeadPoint& point, ClassSlopes& slopes);

inline constexpr std::size_t kIntensityBins = 64;

// Intensities in bins of equal width from `low` to `high`; what lies beyond counts in the outermost bins.
struct IntensityScale {
  float low = 0, high = 1;
  // The place on the scale of bins, 0 to 63.
  float place(float intensity) const;
};

// Mutual information (nats) of rows and columns, from a table of counts, row after row, that sum to `all`. 0 for an empty one.
double mutual_information(std::span<const double> counts, std::size_t columns, double all);

// Sums of class shares for each bin of intensity, and the probabilities that follow.
class ClassHistograms {
 public:
  void clear() { counts_.fill({}); }
  void add(float place, const ClassShares& shares);
  // Mutual information of class and intensity, in nats; 0 for nothing counted.
  double information() const;
  // The probability of each bin within each class, smoothed by a Gaussian of `bins`; [bin][class].
  std::vector<ClassShares> probabilities(double bins) const;

 private:
  std::array<double, kIntensityBins * kHeadClasses> counts_{};  // [bin][class]
};

}  // namespace vitrine::imaging

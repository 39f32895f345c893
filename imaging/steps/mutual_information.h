// Mutual information of two volumes under a rigid motion, with its derivatives.
//
// Samples    points of one volume, each with the bin of its value, which never changes: that volume is not interpolated
// Target     the other volume, linear between voxels; its values fall into bins through cubic B-spline windows (Mattes et al. 2003,
//            doi 10.1109/TMI.2003.809072), so that the measure is differentiable
// Measure    NMI = (H(A) + H(B)) / H(A, B) (Studholme et al. 1999, doi 10.1016/S0031-3203(98)00091-0) or MI = H(A) + H(B) - H(A, B), in nats
// Overlap    a sample outside the target's voxel centres has no part in it; within 3 mm of the border (at most a voxel) its weight falls to 0
// Same bits  samples are cut into kChunks parts whatever the number of threads; histograms and sums are added part by part in double
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

inline constexpr int kBins = 48;

// Values to bins: low and what is below it to the first, high and what is above it to the last.
struct BinRange {
  float low = 0, high = 1;
};

struct Samples {
  Vec3 centre{};                             // mm, LPS
  std::vector<std::array<float, 3>> offset;  // mm from the centre
  std::vector<std::uint8_t> bin;             // below kBins
};

// y = rotation * offset + place: where a sample lies in the target's space (mm, LPS).
struct Pose {
  Matrix3 rotation{1, 0, 0, 0, 1, 0, 0, 0, 1};
  Vec3 place{};
};

enum class Measure { normalised, plain };

struct Similarity {
  double nmi = 1;      // 1 to 2
  double mi = 0;       // nats
  double overlap = 0;  // summed weight of the samples that took part, over their number
};

// Of the measure: with respect to the place (per mm) and to the elements of the rotation.
struct SimilarityDerivatives {
  Vec3 place{};
  Matrix3 rotation{};
};

class MutualInformation {
 public:
  // Both are kept by reference and must outlive this. The target has at least 2 voxels along every axis.
  MutualInformation(const Samples& samples, const Volume& target, BinRange range);

  Similarity at(const Pose& pose) const;
  Similarity at(const Pose& pose, Measure measure, SimilarityDerivatives& derivatives) const;
  std::size_t size() const { return samples_.bin.size(); }

 private:
  struct Seen {  // a sample in the target
    float bin, weight;
    std::array<float, 3> slope;  // of the bin, per voxel
  };
  using Histogram = std::vector<double>;  // [bin of the sample][bin of the target], the latter with a bin to spare at each end

  template <bool kSlopes>
  double fill(const Pose& pose, Histogram& histogram) const;
  SimilarityDerivatives gathered(const std::vector<double>& per_cell) const;

  const Samples& samples_;
  const Volume& target_;
  BinRange range_;
  mutable std::vector<Seen> seen_;
};

}  // namespace vitrine::imaging

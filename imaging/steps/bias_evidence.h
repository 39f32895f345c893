// What speaks for the bias field of a brain: cells of one tissue, pairs of them, and their sums over blocks (imaging/steps/bias_field.h).
#pragma once

#include <array>
#include <vector>

#include "imaging/steps/spline_field.h"
#include "imaging/volume.h"

namespace vitrine::imaging {

// Means over cells of whole voxels, about `cell_mm` wide along each axis, of those voxels that lie in the brain, not in `left_out` (may be
// empty) and above 0. A cell of which fewer than half are such is none.
struct BiasCells {
  BiasCells(const Volume& volume, const Mask& brain, const Mask& left_out, double cell_mm);

  std::array<std::int64_t, 3> size{};       // of the grid of cells
  std::array<std::vector<double>, 3> axes;  // centres along each axis, mm from the volume's corner
  Vec3 low{}, high{};                       // box of the brain, likewise
  std::vector<std::size_t> place;           // of each cell in the grid; rising
  std::vector<Vec3> centre;
  double median = 0;           // of the cells' means, in the volume's units
  std::vector<double> value;   // mean, in units of the median
  std::vector<double> weight;  // share of voxels used times purity: (1.3 noise / variance)^2, at most 1
  double used_share = 0;       // of the brain's voxels

  std::vector<double> at_cells(const std::vector<double>& on_grid) const;

 private:
  void weigh_purity(const std::vector<double>& variance, const std::vector<double>& count, std::int64_t voxels_per_cell);
};

// Sums of evidence over blocks of 16 mm: the field varies little over one.
class BiasBlocks {
 public:
  explicit BiasBlocks(const BiasCells& cells);
  void add(const Vec3& at, double weight, double value);
  NormalEquations value_equations(const SplineField& spline) const;  // scaled to a total weight of 1
  // Of differences over `way`, half of it on each side; adds to `into`, and gives the weight.
  double add_differences(const SplineField& spline, const Vec3& way, NormalEquations& into) const;

 private:
  struct Sum {
    double weight = 0, value = 0;
    Vec3 place{};
  };
  Vec3 low_{};
  std::array<std::int64_t, 3> size_{};
  std::vector<Sum> sums_;
};

// Cells that lie 3 and 6 cells apart along an axis.
class BiasPairs {
 public:
  explicit BiasPairs(const BiasCells& cells);
  // The field's differences, where those of the logarithms that `log_field` leaves are small beside `scale`; total weight 1.
  NormalEquations equations(const SplineField& spline, const std::vector<double>& log_field, double scale) const;

 private:
  struct Pair {
    std::size_t from, to;  // cells
    double weight, difference;
  };
  const BiasCells& cells_;
  struct Family {
    Vec3 way;
    std::vector<Pair> pairs;
  };
  std::vector<Family> families_;
};

}  // namespace vitrine::imaging

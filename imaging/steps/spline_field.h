// Smooth functions over a box: tensor products of cubic B-splines, with a penalty on bending, and least squares over their coefficients.
//
// Basis      uniform knots along each axis, whole spans of about `knot_mm` over the box; spans + 3 functions an axis. Points beyond the
//            box take the value of the nearest point of it.
// Bending    the mean over the box of the squared second derivatives, mixed ones twice (Wahba 1990, doi 10.1137/1.9781611970128): in
//            mm^-4; exact by Gauss's rule of four points. Constants and linear functions cost nothing.
// Order      every sum runs in the order of rows and coefficients, in double
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

class SplineField {
 public:
  // `low` and `high`: corners of the box in mm, along the axes of a grid.
  SplineField(const Vec3& low, const Vec3& high, double knot_mm);

  std::size_t size() const { return functions_[0] * functions_[1] * functions_[2]; }

  // A linear functional of the field: sum of weight[n] * coefficient[place[n]].
  struct Row {
    std::vector<std::size_t> place;  // rising
    std::vector<double> weight;
  };
  Row value_row(const Vec3& p) const;
  Row difference_row(const Vec3& from, const Vec3& to) const;  // value at `to` less value at `from`

  const std::vector<double>& bending() const { return bending_; }  // size() x size(), symmetric

  // Values at the points (x[i], y[j], z[k]), i fastest.
  std::vector<double> on_grid(const std::vector<double>& coefficients, const std::array<std::vector<double>, 3>& points) const;

 private:
  struct Place {
    std::size_t first = 0;  // of four functions
    std::array<double, 4> weight{};
  };
  Place place(double x, std::size_t axis) const;

  Vec3 low_{}, knot_{};
  std::array<std::size_t, 3> spans_{}, functions_{};
  std::vector<double> bending_;
};

// Weighted least squares: sum of weight * (row . c - value)^2.
class NormalEquations {
 public:
  explicit NormalEquations(std::size_t size) : size_(size), matrix_(size * size), right_(size) {}
  void add(const SplineField::Row& row, double weight, double value);
  void scale(double factor);
  void add(const NormalEquations& other, double factor);
  // The coefficients that minimise it plus stiffness * c . bending . c; a trillionth of the mean diagonal keeps it definite.
  std::vector<double> solved(const std::vector<double>& bending, double stiffness) const;

 private:
  std::size_t size_;
  std::vector<double> matrix_;  // lower triangle
  std::vector<double> right_;
};

}  // namespace vitrine::imaging

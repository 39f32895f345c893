#include "imaging/steps/spline_field.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"

namespace vitrine::imaging {
namespace {

using Four = std::array<double, 4>;

// The four cubic B-splines that live on a span, at u in [0, 1], and their derivatives by u.
std::array<Four, 3> splines(double u) {
  const double v = 1 - u;
  return {{{v * v * v / 6, (3 * u * u * u - 6 * u * u + 4) / 6, (-3 * u * u * u + 3 * u * u + 3 * u + 1) / 6, u * u * u / 6},
           {-v * v / 2, (3 * u * u - 4 * u) / 2, (-3 * u * u + 2 * u + 1) / 2, u * u / 2},
           {v, 3 * u - 2, -3 * u + 1, u}}};
}

constexpr Four kGaussPoints{0.06943184420297371, 0.33000947820757187, 0.6699905217924281, 0.9305681557970263},
    kGaussWeights{0.17392742256872693, 0.32607257743127307, 0.32607257743127307, 0.17392742256872693};

// Mean products of the functions of one axis, of their first and of their second derivatives.
std::array<std::vector<double>, 3> mean_products(std::size_t spans, double knot) {
  const std::size_t n = spans + 3;
  std::array<std::vector<double>, 3> out;
  double unit = 1;  // knot^(-2 * derivative)
  for (std::size_t derivative = 0; derivative < 3; ++derivative, unit /= knot * knot) {
    out[derivative].assign(n * n, 0);
    for (std::size_t span = 0; span < spans; ++span) {
      for (std::size_t g = 0; g < 4; ++g) {
        const Four b = splines(kGaussPoints[g])[derivative];
        for (std::size_t r = 0; r < 4; ++r) {
          for (std::size_t c = 0; c < 4; ++c)
            out[derivative][(span + r) * n + span + c] += kGaussWeights[g] * b[r] * b[c] * unit / static_cast<double>(spans);
        }
      }
    }
  }
  return out;
}

}  // namespace

SplineField::SplineField(const Vec3& low, const Vec3& high, double knot_mm) : low_(low) {
  std::array<std::array<std::vector<double>, 3>, 3> products;  // of an axis, of a derivative
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double extent = high[axis] - low[axis];
    spans_[axis] = static_cast<std::size_t>(std::max(1.0, std::ceil(extent / knot_mm - 1e-9)));
    knot_[axis] = extent / static_cast<double>(spans_[axis]);
    functions_[axis] = spans_[axis] + 3;
    products[axis] = mean_products(spans_[axis], knot_[axis]);
  }
  struct Term {
    std::array<std::size_t, 3> derivative;
    double factor;
  };
  constexpr std::array<Term, 6> kTerms{
      {{{2, 0, 0}, 1}, {{0, 2, 0}, 1}, {{0, 0, 2}, 1}, {{1, 1, 0}, 2}, {{1, 0, 1}, 2}, {{0, 1, 1}, 2}}};
  const std::size_t n = size(), nx = functions_[0], ny = functions_[1], nz = functions_[2];
  bending_.assign(n * n, 0);
  for (std::size_t r = 0; r < n; ++r) {
    const std::size_t rx = r % nx, ry = r / nx % ny, rz = r / (nx * ny);
    for (std::size_t c = 0; c < n; ++c) {
      const std::size_t cx = c % nx, cy = c / nx % ny, cz = c / (nx * ny);
      for (const Term& t : kTerms) {
        bending_[r * n + c] += t.factor * products[0][t.derivative[0]][rx * nx + cx] *
                               products[1][t.derivative[1]][ry * ny + cy] * products[2][t.derivative[2]][rz * nz + cz];
      }
    }
  }
}

SplineField::Place SplineField::place(double x, std::size_t axis) const {
  const auto spans = static_cast<double>(spans_[axis]);
  const double at = std::clamp((x - low_[axis]) / knot_[axis], 0.0, spans);
  const double span = std::min(std::floor(at), spans - 1);
  return {static_cast<std::size_t>(span), splines(at - span)[0]};
}

SplineField::Row SplineField::value_row(const Vec3& p) const {
  const std::array<Place, 3> at{place(p[0], 0), place(p[1], 1), place(p[2], 2)};
  Row row;
  row.place.reserve(64);
  row.weight.reserve(64);
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t j = 0; j < 4; ++j) {
      for (std::size_t i = 0; i < 4; ++i) {
        row.place.push_back(((at[2].first + k) * functions_[1] + at[1].first + j) * functions_[0] + at[0].first + i);
        row.weight.push_back(at[2].weight[k] * at[1].weight[j] * at[0].weight[i]);
      }
    }
  }
  return row;
}

SplineField::Row SplineField::difference_row(const Vec3& from, const Vec3& to) const {
  const Row a = value_row(from), b = value_row(to);
  Row row;
  std::size_t i = 0, j = 0;
  while (i < a.place.size() || j < b.place.size()) {
    const bool has_a = i < a.place.size() && (j == b.place.size() || a.place[i] <= b.place[j]),
               has_b = j < b.place.size() && (i == a.place.size() || b.place[j] <= a.place[i]);
    row.place.push_back(has_a ? a.place[i] : b.place[j]);
    row.weight.push_back((has_b ? b.weight[j] : 0) - (has_a ? a.weight[i] : 0));
    i += has_a ? 1 : 0;
    j += has_b ? 1 : 0;
  }
  return row;
}

std::vector<double> SplineField::on_grid(const std::vector<double>& coefficients,
                                         const std::array<std::vector<double>, 3>& points) const {
  std::array<std::vector<Place>, 3> places;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const double x : points[axis]) places[axis].push_back(place(x, axis));
  }
  const std::size_t nx = functions_[0], plane_size = nx * functions_[1];
  std::vector<double> plane(plane_size), row(nx), out;
  out.reserve(points[0].size() * points[1].size() * points[2].size());
  for (const Place& z : places[2]) {
    check_interrupt("preparation");
    for (std::size_t c = 0; c < plane_size; ++c) {
      plane[c] = 0;
      for (std::size_t n = 0; n < 4; ++n) plane[c] += z.weight[n] * coefficients[(z.first + n) * plane_size + c];
    }
    for (const Place& y : places[1]) {
      for (std::size_t c = 0; c < nx; ++c) {
        row[c] = 0;
        for (std::size_t n = 0; n < 4; ++n) row[c] += y.weight[n] * plane[(y.first + n) * nx + c];
      }
      for (const Place& x : places[0]) {
        double value = 0;
        for (std::size_t n = 0; n < 4; ++n) value += x.weight[n] * row[x.first + n];
        out.push_back(value);
      }
    }
  }
  return out;
}

void NormalEquations::add(const SplineField::Row& row, double weight, double value) {
  for (std::size_t r = 0; r < row.place.size(); ++r) {
    const double scaled = weight * row.weight[r];
    if (scaled == 0) continue;
    right_[row.place[r]] += scaled * value;
    double* line = matrix_.data() + row.place[r] * size_;
    for (std::size_t c = 0; c <= r; ++c) line[row.place[c]] += scaled * row.weight[c];
  }
}

void NormalEquations::scale(double factor) {
  for (double& v : matrix_) v *= factor;
  for (double& v : right_) v *= factor;
}

void NormalEquations::add(const NormalEquations& other, double factor) {
  for (std::size_t i = 0; i < matrix_.size(); ++i) matrix_[i] += factor * other.matrix_[i];
  for (std::size_t i = 0; i < right_.size(); ++i) right_[i] += factor * other.right_[i];
}

// Cholesky: matrix = L L'.
std::vector<double> NormalEquations::solved(const std::vector<double>& bending, double stiffness) const {
  const std::size_t n = size_;
  std::vector<double> l = matrix_, x = right_;
  double trace = 0;
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c <= r; ++c) l[r * n + c] += stiffness * bending[r * n + c];
    trace += l[r * n + r];
  }
  const double least = 1e-12 * trace / static_cast<double>(n);
  for (std::size_t r = 0; r < n; ++r) {
    check_interrupt("preparation");
    for (std::size_t c = 0; c <= r; ++c) {
      double sum = l[r * n + c] + (r == c ? least : 0);
      for (std::size_t k = 0; k < c; ++k) sum -= l[r * n + k] * l[c * n + k];
      if (r == c && !(sum > 0)) throw NumericalError("the bias field's equations are singular; check the volume and its mask");
      l[r * n + c] = r == c ? std::sqrt(sum) : sum / l[c * n + c];
    }
    for (std::size_t k = 0; k < r; ++k) x[r] -= l[r * n + k] * x[k];
    x[r] /= l[r * n + r];
  }
  for (std::size_t r = n; r-- > 0;) {
    x[r] /= l[r * n + r];
    for (std::size_t k = 0; k < r; ++k) x[k] -= l[r * n + k] * x[r];
  }
  return x;
}

}  // namespace vitrine::imaging

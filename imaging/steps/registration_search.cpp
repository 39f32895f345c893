#include "imaging/steps/registration_search.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "imaging/steps/rigid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr DescentOptions kStartDescent{3, 15, 0.3, 30}, kMediumDescent{1, 5, 0.05, 40}, kFineDescent{0.3, 2, 0.005, 60};
constexpr std::size_t kRefinedAtStart = 8, kRefinedAtMedium = 3;
constexpr double kApartAtStartMm = 8, kApartAtMediumMm = 4;
constexpr double kRadiusMm = 60;        // a rotation counts as what it moves a point this far from the centre
constexpr double kEnoughOverlap = 0.3;  // below this share a start is valued less: few samples agree by chance

double radians(double degrees) { return degrees * std::numbers::pi / 180; }

// R = Rz(c) Rx(a) Ry(b), as RigidTransform, and its derivatives.
struct Turn {
  Matrix3 rotation;
  std::array<Matrix3, 3> slope;

  explicit Turn(const Vec3& angles) {
    std::array<double, 3> c, s;
    for (std::size_t i = 0; i < 3; ++i) c[i] = cos_portable(angles[i]), s[i] = sin_portable(angles[i]);
    const Matrix3 x{1, 0, 0, 0, c[0], -s[0], 0, s[0], c[0]}, dx{0, 0, 0, 0, -s[0], -c[0], 0, c[0], -s[0]};
    const Matrix3 y{c[1], 0, s[1], 0, 1, 0, -s[1], 0, c[1]}, dy{-s[1], 0, c[1], 0, 0, 0, -c[1], 0, -s[1]};
    const Matrix3 z{c[2], -s[2], 0, s[2], c[2], 0, 0, 0, 1}, dz{-s[2], -c[2], 0, c[2], -s[2], 0, 0, 0, 0};
    rotation = product(product(z, x), y);
    slope = {product(product(z, dx), y), product(product(z, x), dy), product(product(dz, x), y)};
  }
};

Pose moved(const Pose& base, const Turn& turn, const Vector6& p) {
  return {product(turn.rotation, base.rotation), {base.place[0] + p[3], base.place[1] + p[4], base.place[2] + p[5]}};
}

Vec3 angles_of(const Vector6& p) { return {p[0] / kRadiusMm, p[1] / kRadiusMm, p[2] / kRadiusMm}; }

// The largest move of the corners of a cube of a head's size.
double apart(const Pose& a, const Pose& b) {
  double most = 0;
  for (int corner = 0; corner < 8; ++corner) {
    const Vec3 u{corner & 1 ? kRadiusMm : -kRadiusMm, corner & 2 ? kRadiusMm : -kRadiusMm, corner & 4 ? kRadiusMm : -kRadiusMm};
    const Vec3 p = times(a.rotation, u), q = times(b.rotation, u);
    most = std::max(most, length({p[0] + a.place[0] - q[0] - b.place[0], p[1] + a.place[1] - q[1] - b.place[1],
                                  p[2] + a.place[2] - q[2] - b.place[2]}));
  }
  return most;
}

// Every start with every rotation of the grid, best first.
std::vector<Candidate> tried(const MutualInformation& metric, const std::vector<Candidate>& starts) {
  std::vector<std::pair<double, Candidate>> rated;
  for (const Candidate& start : starts) {
    for (int n = 0; n < 125; ++n) {
      const Vec3 angles{radians(15.0 * (n % 5 - 2)), radians(15.0 * (n / 5 % 5 - 2)), radians(15.0 * (n / 25 - 2))};
      Candidate c = start;
      c.pose = moved(start.pose, Turn(angles), {});
      const Similarity s = metric.at(c.pose);
      c.nmi = s.nmi;
      if (s.overlap > 0) rated.emplace_back((s.nmi - 1) * std::min(1.0, s.overlap / kEnoughOverlap), std::move(c));
    }
  }
  std::stable_sort(rated.begin(), rated.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Candidate> out;
  for (auto& [rating, candidate] : rated) out.push_back(std::move(candidate));
  return out;
}

// The first `count` of `candidates` (best first) that move a head by at least `apart_mm` against each other.
std::vector<Candidate> distinct(const std::vector<Candidate>& candidates, std::size_t count, double apart_mm) {
  std::vector<Candidate> out;
  for (const Candidate& c : candidates) {
    if (out.size() == count) break;
    const auto is_near = [&](const Candidate& other) { return apart(c.pose, other.pose) < apart_mm; };
    if (std::none_of(out.begin(), out.end(), is_near)) out.push_back(c);
  }
  return out;
}

Candidate refined(const MutualInformation& metric, const Candidate& from, const DescentOptions& options) {
  const auto function = [&](const Vector6& p, Vector6& gradient) {
    const Turn turn(angles_of(p));
    SimilarityDerivatives d;
    const Similarity s = metric.at(moved(from.pose, turn, p), Measure::normalised, d);
    for (std::size_t i = 0; i < 3; ++i) {
      const Matrix3 slope = product(turn.slope[i], from.pose.rotation);
      double sum = 0;
      for (std::size_t e = 0; e < 9; ++e) sum += slope[e] * d.rotation[e];
      gradient[i] = -sum / kRadiusMm;
      gradient[3 + i] = -d.place[i];
    }
    return -s.nmi;
  };
  const Minimum m = descend(function, {}, options);
  Candidate out = from;
  out.pose = moved(from.pose, Turn(angles_of(m.at)), m.at);
  out.nmi = -m.value;
  out.iterations += m.iterations;
  out.evaluations += m.evaluations;
  out.stop = m.stop;
  return out;
}

std::vector<Candidate> all_refined(const MutualInformation& metric, const std::vector<Candidate>& from,
                                   const DescentOptions& options) {
  std::vector<Candidate> out;
  for (const Candidate& c : from) out.push_back(refined(metric, c, options));
  std::stable_sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) { return a.nmi > b.nmi; });
  return out;
}

// Left to right along the sampled volume's first axis; its other axes, along which it may be blurred, stay.
void mirror(Samples& samples, const Geometry& g) {
  const std::array<float, 3> n{static_cast<float>(g.direction[0]), static_cast<float>(g.direction[3]),
                               static_cast<float>(g.direction[6])};
  for (auto& u : samples.offset) {
    const float along = 2 * (u[0] * n[0] + u[1] * n[1] + u[2] * n[2]);
    for (std::size_t c = 0; c < 3; ++c) u[c] -= along * n[c];
  }
}

// a - b + c
Vec3 shifted(const Vec3& a, const Vec3& b, const Vec3& c) {
  return {a[0] - b[0] + c[0], a[1] - b[1] + c[1], a[2] - b[2] + c[2]};
}

}  // namespace

std::vector<Candidate> registration_starts(const RegistrationPair& pair) {
  const RegistrationInput &from = pair.sampled(), &to = pair.target();
  const Vec3& centre = pair.centre();
  const std::pair<const char*, Vec3> places[] = {
      {"headers", centre},
      {"centres", shifted(centre, centre_of(from.volume.geometry), centre_of(to.volume.geometry))},
      {"mass", shifted(centre, from.mass, to.mass)},
      {"crown", shifted(centre, from.crown, to.crown)}};
  std::vector<Candidate> out;
  for (const auto& [name, place] : places) {
    Candidate c;
    c.pose.place = place;
    c.start = name;
    out.push_back(c);
  }
  return out;
}

std::vector<Candidate> searched(const RegistrationPair& pair, const std::vector<Candidate>& starts, bool mirrored) {
  const auto level_at = [&](const Pose& pose, const LevelOptions& options) {
    RegistrationLevel level = pair.level(pose, options);
    if (mirrored) mirror(level.samples, pair.sampled().volume.geometry);
    return level;
  };
  std::vector<Candidate> candidates;
  {
    const RegistrationLevel level = level_at(starts.front().pose, kStartLevel);
    const MutualInformation metric(level.samples, level.target, level.range);
    candidates = tried(metric, starts);
    if (candidates.empty()) return candidates;
    candidates = all_refined(metric, distinct(candidates, kRefinedAtStart, kApartAtStartMm), kStartDescent);
  }
  const RegistrationLevel level = level_at(candidates.front().pose, kMediumLevel);
  const MutualInformation metric(level.samples, level.target, level.range);
  return all_refined(metric, distinct(candidates, kRefinedAtMedium, kApartAtMediumMm), kMediumDescent);
}

Candidate finished(const RegistrationLevel& level, const Candidate& from) {
  return refined(MutualInformation(level.samples, level.target, level.range), from, kFineDescent);
}

}  // namespace vitrine::imaging

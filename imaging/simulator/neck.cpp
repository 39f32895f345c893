#include "imaging/simulator/neck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

// mm. A neck of 38 cm around; vertebrae of 18 mm with their disc.
constexpr double kHalfAcross = 58, kHalfDeep = 62, kCentreAhead = 12, kSkin = 2, kFatDepth = 7;
constexpr double kBodyAhead = 17, kBodyRadius = 11, kVertebra = 18, kDisc = 4, kCanal = 9, kAirwayAhead = 42, kAirway = 9;
constexpr double kVesselAside = 25, kVesselAhead = 27, kVessel = 4.5;
constexpr double kJaw = 30;          // below the head's last slice, over which jaw and nape run out
constexpr double kCordDepth = 0.66;  // of the brain's box from front to back: the foramen magnum of ch2
constexpr double kEdge = 1;          // mm of partial volume

double inside(double depth) { return std::clamp(0.5 + depth / kEdge, 0.0, 1.0); }

double apart(double x, double y) { return std::sqrt(x * x + y * y); }

void over(std::array<double, kTissues>& v, Tissue tissue, double share) {
  for (double& x : v) x *= 1 - share;
  v[tissue] += share;
}

}  // namespace

NeckAndPlexus::NeckAndPlexus(const Anatomy& anatomy) : anatomy_(anatomy) {
  const Geometry& g = anatomy.geometry;
  double lowest = std::numeric_limits<double>::infinity();
  for (const double i : {0.0, static_cast<double>(g.size[0] - 1)}) {
    for (const double k : {0.0, static_cast<double>(g.size[2] - 1)}) lowest = std::min(lowest, g.to_physical({i, 0, k})[2]);
  }
  // The first two slices are left out: the linear interpolation needs both of its sides.
  top_ = std::max(lowest, anatomy.head_low[2]) + 2 * *std::max_element(g.spacing.begin(), g.spacing.end());
  cord_ = {0.5 * (anatomy.brain_low[0] + anatomy.brain_high[0]),
           anatomy.brain_low[1] + kCordDepth * (anatomy.brain_high[1] - anatomy.brain_low[1]), top_};
}

TissueBytes NeckAndPlexus::neck_at(const Vec3& p) const {
  const double below = top_ - p[2];
  const double x = p[0] - cord_[0], ahead = cord_[1] - p[1];
  const double radius = apart(x / kHalfAcross, (ahead - kCentreAhead) / kHalfDeep);
  const double depth = (1 - radius) * std::min(kHalfAcross, kHalfDeep);
  if (depth < -kEdge) {
    TissueBytes out{};
    if (below >= kJaw) return out;
    const double shrunk = 1 - below / 90;  // jaw and nape become narrower
    const TissueBytes last = anatomy_.at_index(
        anatomy_.geometry.to_index({cord_[0] + x / shrunk, cord_[1] - (ahead - kCentreAhead) / shrunk - kCentreAhead, top_}));
    if (last[intracranial] > 0) return out;
    out[fat] = last[fat];
    out[muscle] = last[muscle];
    return out;
  }
  std::array<double, kTissues> v{};
  over(v, muscle, inside(depth));
  // Planes of fat between the muscles: where a wave around and along the neck is near zero.
  const double wave =
      cos_portable(0.16 * x) + cos_portable(0.19 * ahead) + 0.5 * cos_portable(0.07 * (x + ahead) + 0.05 * p[2]);
  over(v, fat, inside(depth) * std::clamp(1 - std::abs(wave) / 0.18, 0.0, 1.0) * 0.8);
  over(v, fat, inside(depth - kSkin) * inside(kFatDepth - depth));
  const double body = inside(kBodyRadius - apart(x, ahead - kBodyAhead));
  const double along = below - kVertebra * std::floor(below / kVertebra);
  const double disc = inside(kDisc - along);
  for (double& share : v) share *= 1 - body;
  v[fat] += body * (1 - disc) * 0.45;  // marrow between bone
  v[muscle] += body * (0.2 + 0.3 * disc);
  over(v, csf, inside(kCanal - apart(x, ahead)));
  const double cord = inside((1 - apart(x / 6.5, ahead / 4.5)) * 4.5);
  over(v, white_matter, cord * 0.65);
  over(v, grey_matter, cord * 0.35);
  for (double& share : v) share *= 1 - inside(kAirway - apart(x, ahead - kAirwayAhead));
  for (const double side : {-1.0, 1.0}) over(v, vessel, inside(kVessel - apart(x - side * kVesselAside, ahead - kVesselAhead)));
  TissueBytes out{};
  for (std::size_t t = 0; t < kTissues; ++t) out[t] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(v[t], 0.0, 1.0)));
  return out;
}

double NeckAndPlexus::plexus_at(const Vec3& p) const {
  // The trigones on ch2, 22 mm aside, 40 mm behind and 10 mm above the commissure, as shares of the brain's box.
  constexpr Vec3 kCentre{0.16, 0.63, 0.55}, kHalf{0.025, 0.06, 0.035};
  double square = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double share = (p[c] - anatomy_.brain_low[c]) / (anatomy_.brain_high[c] - anatomy_.brain_low[c]);
    const double x = ((c == 0 ? std::abs(share - 0.5) : share) - kCentre[c]) / kHalf[c];
    square += x * x;
  }
  return square < 1 ? 1 : 0;
}

}  // namespace vitrine::imaging

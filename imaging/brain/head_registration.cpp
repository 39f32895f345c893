#include "imaging/brain/head_registration.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/brain/head_classes.h"
#include "imaging/brain/head_outline.h"
#include "imaging/brain/running_means.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/rigid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

// Translation in mm; then, each as the mm that it moves a point 60 mm away: three turns, three logarithms of scale, three shears.
using Pose = std::array<double, 12>;
constexpr double kArm = 60;
constexpr Vec3 kTemplateCentre{0, 16, 6};  // of the brain, mm

AffineMap map_of(const Pose& pose) {
  const RigidTransform turn{{pose[3] / kArm, pose[4] / kArm, pose[5] / kArm}, {}, {}};
  const auto grow = [&](std::size_t c) { return exp_portable(pose[6 + c] / kArm); };
  const Matrix3 shape{grow(0), pose[9] / kArm, pose[10] / kArm, 0, grow(1), pose[11] / kArm, 0, 0, grow(2)};
  AffineMap map;
  map.matrix = product(turn.rotation(), shape);
  const Vec3 moved = times(map.matrix, kTemplateCentre);
  for (std::size_t c = 0; c < 3; ++c) map.shift[c] = pose[c] - moved[c];
  return map;
}

// What a node can be: CSF with meninges, grey and white matter, soft tissue around, bone, air.
constexpr std::size_t kKinds = 6;
using KindShares = std::array<float, kernels::kShareColumns>;  // those beyond kKinds are 0
static_assert(kKinds <= kernels::kShareColumns);
constexpr double kReach = 30;        // mm around the brain: skull, scalp and some air
constexpr double kLowest = -62;      // mm: what lies lower is neck
constexpr std::size_t kLevels = 32;  // bins of intensity

struct Nodes {
  std::vector<KindShares> shares;
  std::array<std::vector<double>, 3> place;  // in the template, mm
};

KindShares kinds(const HeadPoint& p) {
  const ClassShares c = class_shares(p);
  const float around = 1 - (c[kCsf] + c[kGrey] + c[kWhite] + c[kMeninges]);
  const float soft = around * std::min(p.soft, 1.0f), air = around * std::min(p.air, 1 - std::min(p.soft, 1.0f));
  return {c[kCsf] + c[kMeninges], c[kGrey], c[kWhite], soft, around - soft - air, air, 0, 0};
}

// Every `step`-th node on every axis, the same places for every pose: neither a small nor a large head can choose what it is judged by.
Nodes nodes_of(const HeadTemplate& head, std::int64_t step) {
  Nodes nodes;
  for (std::int64_t k = 0; k < head.size[2]; k += step) {
    for (std::int64_t j = 0; j < head.size[1]; j += step) {
      for (std::int64_t i = 0; i < head.size[0]; i += step) {
        const HeadPoint& p = head.nodes[static_cast<std::size_t>((k * head.size[1] + j) * head.size[0] + i)];
        const Vec3 place{head.first[0] + head.spacing * static_cast<double>(i),
                         head.first[1] + head.spacing * static_cast<double>(j),
                         head.first[2] + head.spacing * static_cast<double>(k)};
        if (p.distance >= kReach || place[2] <= kLowest) continue;
        nodes.shares.push_back(kinds(p));
        for (std::size_t c = 0; c < 3; ++c) nodes.place[c].push_back(place[c]);
      }
    }
  }
  return nodes;
}

// The patient's intensities on the scale of bins, averaged over what a node stands for.
Volume levels_of(const Volume& volume, double sigma_mm) {
  Volume levels = sigma_mm > 0 ? smoothed(volume, sigma_mm) : volume;
  const auto low = static_cast<float>(quantile(levels.data, 0.005));
  const float high = std::max(head_quantile(levels, 0.97), low + 1e-6f);
  for (float& v : levels.data) v = std::clamp((v - low) / (high - low), 0.0f, 1.0f) * (static_cast<float>(kLevels - 1) - 1e-3f);
  return levels;
}

class Matching {
 public:
  Matching(Nodes nodes, Volume levels) : shares_(std::move(nodes.shares)), levels_(std::move(levels)) {
    if (shares_.empty()) throw InternalError("the head template has no node near the brain");
    constexpr std::size_t kAbreast = kernels::kPlacesAbreast;
    stride_ = (shares_.size() + kAbreast - 1) / kAbreast * kAbreast;
    for (std::vector<double>& along : nodes.place) {
      along.resize(stride_);
      places_.insert(places_.end(), along.begin(), along.end());
    }
  }

  // Mutual information of kind and intensity over the nodes inside the field of view, in nats.
  double information(const Pose& pose) const { return measured(pose).information; }
  double value(const Pose& pose) const {
    const Measured m = measured(pose);
    return m.information - kOutside * (1 - m.covered) - penalty(pose);
  }

 private:
  struct Measured {
    double information = 0, covered = 0;
  };
  static constexpr double kOutside = 0.3;  // nats for a head that lies outside of the field of view

  Measured measured(const Pose& pose) const {
    const AffineMap map = map_of(pose);
    std::array<double, kLevels * kernels::kShareColumns> counts{};
    const auto inside = static_cast<double>(kernels::prep_kernels().shared_counts(
        mapped(levels_, map), places_.data(), static_cast<std::int64_t>(stride_), static_cast<std::int64_t>(shares_.size()),
        shares_.front().data(), counts.data()));
    return {mutual_information(counts, kernels::kShareColumns, inside), inside / static_cast<double>(shares_.size())};
  }

  static double penalty(const Pose& pose) {
    const double size = (pose[6] + pose[7] + pose[8]) / (3 * kArm);
    double sum = ((size + 0.06) / 0.1) * ((size + 0.06) / 0.1);
    for (std::size_t c = 6; c < 9; ++c) sum += (pose[c] / kArm - size) * (pose[c] / kArm - size) / (0.07 * 0.07);
    for (std::size_t c = 3; c < 6; ++c) sum += (pose[c] / kArm / 0.35) * (pose[c] / kArm / 0.35);
    for (std::size_t c = 9; c < 12; ++c) sum += (pose[c] / kArm / 0.06) * (pose[c] / kArm / 0.06);
    return 0.002 * sum;
  }

  std::vector<KindShares> shares_;
  std::vector<double> places_;  // x of all, y, z, each stride_ long
  std::size_t stride_ = 0;
  Volume levels_;
};

struct Candidate {
  Pose pose;
  double value;
};

// The highest value along one direction: steps that double while it rises, then a parabola through the best three.
void search_line(const Matching& matching, Candidate& best, const Pose& direction, double step) {
  const auto at = [&](double t) {
    Pose p = best.pose;
    for (std::size_t c = 0; c < p.size(); ++c) p[c] += t * direction[c];
    return p;
  };
  double here = 0, value = best.value, ahead = step, next = matching.value(at(ahead)), behind = -step;
  double last = matching.value(at(behind));
  if (last > next) {
    std::swap(ahead, behind);
    std::swap(next, last);
  }
  for (int grown = 0; next > value && grown < 6; ++grown) {
    behind = here;
    last = value;
    here = ahead;
    value = next;
    ahead = here + 2 * (here - behind);
    next = matching.value(at(ahead));
  }
  const double a = here - behind, b = here - ahead, down = a * (value - next) - b * (value - last);
  Candidate found{at(here), value};
  if (std::abs(down) > 1e-12) {
    const double vertex = here - 0.5 * (a * a * (value - next) - b * b * (value - last)) / down;
    const Pose p = at(vertex);
    const double v = matching.value(p);
    if (v > found.value) found = {p, v};
  }
  if (found.value > best.value) best = found;
}

// Powell's method: a sweep over directions, then along what the sweep has moved.
void climb(const Matching& matching, Candidate& best, std::size_t parameters, double step, int sweeps) {
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    check_interrupt("brain extraction");
    const Candidate before = best;
    const double size = step / std::sqrt(1.0 + sweep);
    for (std::size_t c = 0; c < parameters; ++c) {
      Pose direction{};
      direction[c] = 1;
      if (parameters == 7 && c == 6) direction[7] = direction[8] = 1;  // one size
      search_line(matching, best, direction, size);
    }
    Pose moved{};
    double way = 0;
    for (std::size_t c = 0; c < moved.size(); ++c) {
      moved[c] = best.pose[c] - before.pose[c];
      way = std::max(way, std::abs(moved[c]));
    }
    if (best.value - before.value < 1e-5 || way < 0.02) break;
    search_line(matching, best, moved, 1);
  }
}

// Where the template's centre may lie: below the top of the head and in the middle of the field of view.
std::vector<Vec3> likely_centres(const Volume& volume) {
  const Geometry& g = volume.geometry;
  const float level = foreground_level(volume);
  std::vector<Vec3> places;
  std::vector<float> heights;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
        if (volume.data[at] <= level) continue;
        places.push_back(g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        heights.push_back(static_cast<float>(places.back()[2]));
      }
    }
  }
  const double top = quantile(heights, 0.998);
  Vec3 sum{};
  double count = 0;
  for (const Vec3& p : places) {
    if (p[2] < top - 130) continue;
    for (std::size_t c = 0; c < 3; ++c) sum[c] += p[c];
    ++count;
  }
  std::vector<Vec3> centres;
  const Vec3 middle = g.to_physical({0.5 * static_cast<double>(g.size[0] - 1), 0.5 * static_cast<double>(g.size[1] - 1),
                                     0.5 * static_cast<double>(g.size[2] - 1)});
  if (count > 0) {
    for (const double down : {-100.0, -85.0, -70.0, -50.0}) {
      for (const double back : {-15.0, 0.0, 15.0}) centres.push_back({sum[0] / count, sum[1] / count + back, top + down});
    }
  }
  centres.push_back(middle);
  return centres;
}

std::vector<Candidate> starts(const Matching& matching, const Volume& volume) {
  std::vector<Candidate> all;
  constexpr double kDegree = 3.14159265358979323846 / 180 * kArm;
  for (const Vec3& centre : likely_centres(volume)) {
    check_interrupt("brain extraction");
    for (const double pitch : {-30.0, -15.0, 0.0, 15.0, 30.0}) {
      for (const double roll : {-20.0, 0.0, 20.0}) {
        for (const double yaw : {-20.0, 0.0, 20.0}) {
          for (const double size : {-0.14, 0.0}) {
            Pose p{centre[0],     centre[1],   centre[2],   pitch * kDegree, roll * kDegree,
                   yaw * kDegree, size * kArm, size * kArm, size * kArm};
            all.push_back({p, matching.value(p)});
          }
        }
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) { return a.value > b.value; });
  // The best of each neighbourhood.
  std::vector<Candidate> kept;
  for (const Candidate& c : all) {
    const bool near = std::any_of(kept.begin(), kept.end(), [&](const Candidate& k) {
      double square = 0;
      for (std::size_t p = 0; p < 6; ++p) square += (c.pose[p] - k.pose[p]) * (c.pose[p] - k.pose[p]);
      return square < 25 * 25;
    });
    if (!near) kept.push_back(c);
    if (kept.size() == 10) break;
  }
  return kept;
}

double covered_brain(const HeadTemplate& head, const Geometry& g, const AffineMap& map) {
  double inside = 0, all = 0;
  head.each_node([&](const Vec3& place, const HeadPoint& p) {
    if (p.distance > 0) return;
    ++all;
    inside += g.holds(g.to_index(map.apply(place))) ? 1 : 0;
  });
  return all > 0 ? inside / all : 0;
}

}  // namespace

AffineMap AffineMap::inverse() const {
  const Matrix3& m = matrix;
  const double d = determinant(m);
  if (!(std::abs(d) > 1e-9)) throw InternalError("an affine map of no volume has no inverse");
  AffineMap inverse;
  inverse.matrix = {(m[4] * m[8] - m[5] * m[7]) / d, (m[2] * m[7] - m[1] * m[8]) / d, (m[1] * m[5] - m[2] * m[4]) / d,
                    (m[5] * m[6] - m[3] * m[8]) / d, (m[0] * m[8] - m[2] * m[6]) / d, (m[2] * m[3] - m[0] * m[5]) / d,
                    (m[3] * m[7] - m[4] * m[6]) / d, (m[1] * m[6] - m[0] * m[7]) / d, (m[0] * m[4] - m[1] * m[3]) / d};
  const Vec3 back = times(inverse.matrix, shift);
  inverse.shift = {-back[0], -back[1], -back[2]};
  return inverse;
}

kernels::MappedVolume mapped(const Volume& volume, const AffineMap& map) {
  const Geometry& g = volume.geometry;
  kernels::MappedVolume m{};
  std::copy(map.matrix.begin(), map.matrix.end(), m.matrix);
  std::copy(map.shift.begin(), map.shift.end(), m.shift);
  std::copy(g.direction.begin(), g.direction.end(), m.direction);
  std::copy(g.origin.begin(), g.origin.end(), m.origin);
  std::copy(g.spacing.begin(), g.spacing.end(), m.spacing);
  std::copy(g.size.begin(), g.size.end(), m.size);
  m.data = volume.data.data();
  return m;
}

HeadRegistration register_head(const HeadTemplate& head, const Volume& volume) {
  const Matching search(nodes_of(head, 3), levels_of(volume, 4)), coarse(nodes_of(head, 2), levels_of(volume, 2.5)),
      fine(nodes_of(head, 1), levels_of(volume, 0));
  std::vector<Candidate> candidates = starts(search, volume);
  if (candidates.empty()) throw InternalError("the search for the head has no start");
  const auto best_first = [](const Candidate& a, const Candidate& b) { return a.value > b.value; };
  for (Candidate& c : candidates) {
    c.value = coarse.value(c.pose);
    climb(coarse, c, 7, 6, 5);
  }
  std::stable_sort(candidates.begin(), candidates.end(), best_first);
  if (candidates.size() > 4) candidates.erase(candidates.begin() + 4, candidates.end());
  for (Candidate& c : candidates) climb(coarse, c, 12, 4, 14);
  std::stable_sort(candidates.begin(), candidates.end(), best_first);
  Candidate best = candidates.front();
  best.value = fine.value(best.pose);
  climb(fine, best, 12, 2, 8);
  HeadRegistration result;
  result.map = map_of(best.pose);
  result.information = fine.information(best.pose);
  result.covered = covered_brain(head, volume.geometry, result.map);
  for (std::size_t c = 0; c < 3; ++c) result.scale[c] = exp_portable(best.pose[6 + c] / kArm);
  return result;
}

}  // namespace vitrine::imaging

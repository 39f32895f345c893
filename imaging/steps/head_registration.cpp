#include "imaging/steps/head_registration.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/head_classes.h"
#include "imaging/steps/running_means.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

// Translation in mm; then, each as the mm that it moves a point 60 mm away: three turns, three logarithms of scale, three shears.
using Pose = std::array<double, 12>;
constexpr double kArm = 60;
constexpr Vec3 kTemplateCentre{0, 16, 6};  // of the brain, mm

Matrix3 product(const Matrix3& a, const Matrix3& b) {
  Matrix3 c{};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 3; ++k) c[i * 3 + j] += a[i * 3 + k] * b[k * 3 + j];
    }
  }
  return c;
}

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

// The class shares of every node of the template.
struct ClassNodes {
  const HeadTemplate& head;
  std::vector<ClassShares> shares;

  explicit ClassNodes(const HeadTemplate& h) : head(h) {
    shares.reserve(h.nodes.size());
    for (const HeadPoint& p : h.nodes) shares.push_back(class_shares(p));
  }
};

struct Sample {
  Vec3 place;  // in the patient, mm
  float bin;
};

// What is brighter than the middle between the means of the two halves of the intensities: head against air.
float foreground_level(const Volume& volume) {
  const double high = quantile(volume.data, 0.99);
  double level = high / 4;
  for (int round = 0; round < 20; ++round) {
    double low_sum = 0, high_sum = 0, low_count = 0, high_count = 0;
    for (const float v : volume.data) {
      const double x = std::min(static_cast<double>(v), high);
      (x > level ? high_sum : low_sum) += x;
      (x > level ? high_count : low_count) += 1;
    }
    if (low_count == 0 || high_count == 0) break;
    level = 0.5 * low_sum / low_count + 0.5 * 0.6 * high_sum / high_count;
  }
  return static_cast<float>(level);
}

// 1 in the head: not outside of what is bright along x, along y, or from above.
Mask head_outline(const Volume& volume) {
  const Geometry& g = volume.geometry;
  const float level = foreground_level(volume);
  Mask head{g, std::vector<float>(volume.data.size())};
  std::vector<std::int64_t> front(static_cast<std::size_t>(g.size[0])), back(front.size());
  std::vector<std::int64_t> top(static_cast<std::size_t>(g.size[0] * g.size[1]), -1);
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t c = 0; c < g.size[0] * g.size[1]; ++c) {
      if (volume.data[static_cast<std::size_t>(k * g.size[0] * g.size[1] + c)] > level) top[static_cast<std::size_t>(c)] = k;
    }
  }
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    std::fill(front.begin(), front.end(), g.size[1]);
    std::fill(back.begin(), back.end(), -1);
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        if (volume.at(i, j, k) <= level) continue;
        const auto column = static_cast<std::size_t>(i);
        front[column] = std::min(front[column], j);
        back[column] = j;
      }
    }
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      std::int64_t first = 0, last = g.size[0] - 1;
      while (first <= last && volume.at(first, j, k) <= level) ++first;
      while (last >= first && volume.at(last, j, k) <= level) --last;
      for (std::int64_t i = first; i <= last; ++i) {
        const auto column = static_cast<std::size_t>(i);
        const bool below_top = k <= top[static_cast<std::size_t>(j * g.size[0] + i)];
        if (j >= front[column] && j <= back[column] && below_top) head.at(i, j, k) = 1;
      }
    }
  }
  return head;
}

// Intensities every `step_mm`, each the mean of what lies around it.
std::vector<Sample> samples_of(const Volume& volume, const Mask& outline, double step_mm) {
  const Volume smooth = smoothed(volume, 0.4 * step_mm);
  std::vector<float> bright;
  const auto middle = static_cast<float>(quantile(smooth.data, 0.5));
  for (const float v : smooth.data) {
    if (v > middle) bright.push_back(v);
  }
  IntensityScale scale{static_cast<float>(quantile(smooth.data, 0.005)), static_cast<float>(quantile(bright, 0.98))};
  if (!(scale.high > scale.low)) scale.high = scale.low + 1;
  const Geometry& g = volume.geometry;
  std::array<std::int64_t, 3> count{};
  Vec3 step{};
  for (std::size_t c = 0; c < 3; ++c) {
    step[c] = std::max(1.0, step_mm / g.spacing[c]);
    count[c] = std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(g.size[c]) / step[c]));
  }
  std::vector<Sample> samples;
  for (std::int64_t k = 0; k < count[2]; ++k) {
    for (std::int64_t j = 0; j < count[1]; ++j) {
      for (std::int64_t i = 0; i < count[0]; ++i) {
        const Vec3 index{(static_cast<double>(i) + 0.5) * step[0] - 0.5, (static_cast<double>(j) + 0.5) * step[1] - 0.5,
                         (static_cast<double>(k) + 0.5) * step[2] - 0.5};
        if (interpolated(outline, index) < 0.5f) continue;
        samples.push_back({g.to_physical(index), scale.place(interpolated(smooth, index))});
      }
    }
  }
  return samples;
}

enum class Lookup { nearest, linear };

class Matching {
 public:
  Matching(const ClassNodes& nodes, std::vector<Sample> samples, Lookup lookup)
      : nodes_(nodes), samples_(std::move(samples)), lookup_(lookup) {}

  double value(const Pose& pose) const {
    const AffineMap back = map_of(pose).inverse();
    const HeadTemplate& head = nodes_.head;
    ClassHistograms counts;
    for (const Sample& s : samples_) {
      const Vec3 p = back.apply(s.place);
      Vec3 index;
      for (std::size_t c = 0; c < 3; ++c)
        index[c] = std::clamp((p[c] - head.first[c]) / head.spacing, 0.0, static_cast<double>(head.size[c] - 1) - 1e-6);
      counts.add(s.bin, lookup_ == Lookup::nearest ? nearest(index) : linear(index));
    }
    return counts.information() - penalty(pose);
  }

 private:
  ClassShares nearest(const Vec3& index) const {
    const auto at = [&](std::size_t c) { return static_cast<std::int64_t>(index[c] + 0.5); };
    return nodes_.shares[static_cast<std::size_t>((at(2) * nodes_.head.size[1] + at(1)) * nodes_.head.size[0] + at(0))];
  }

  ClassShares linear(const Vec3& index) const {
    const auto& n = nodes_.head.size;
    const std::int64_t i = static_cast<std::int64_t>(index[0]), j = static_cast<std::int64_t>(index[1]),
                       k = static_cast<std::int64_t>(index[2]);
    const auto x = static_cast<float>(index[0] - static_cast<double>(i)),
               y = static_cast<float>(index[1] - static_cast<double>(j)),
               z = static_cast<float>(index[2] - static_cast<double>(k));
    const ClassShares* corner = nodes_.shares.data() + (k * n[1] + j) * n[0] + i;
    ClassShares mean{};
    for (int c = 0; c < 8; ++c) {
      const float weight = (c & 1 ? x : 1 - x) * (c & 2 ? y : 1 - y) * (c & 4 ? z : 1 - z);
      const ClassShares& share = corner[(c & 1) + (c & 2 ? n[0] : 0) + (c & 4 ? n[0] * n[1] : 0)];
      for (std::size_t s = 0; s < kHeadClasses; ++s) mean[s] += weight * share[s];
    }
    return mean;
  }

  static double penalty(const Pose& pose) {
    const double size = (pose[6] + pose[7] + pose[8]) / (3 * kArm);
    double sum = (size / 0.12) * (size / 0.12);
    for (std::size_t c = 6; c < 9; ++c) sum += (pose[c] / kArm - size) * (pose[c] / kArm - size) / (0.07 * 0.07);
    for (std::size_t c = 3; c < 6; ++c) sum += (pose[c] / kArm / 0.35) * (pose[c] / kArm / 0.35);
    for (std::size_t c = 9; c < 12; ++c) sum += (pose[c] / kArm / 0.06) * (pose[c] / kArm / 0.06);
    return 0.002 * sum;
  }

  const ClassNodes& nodes_;
  std::vector<Sample> samples_;
  Lookup lookup_;
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
    const double size = step / (1 + sweep);
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
    if (kept.size() == 6) break;
  }
  return kept;
}

// The highest slice with at least 20 cm2 of head.
double top_of(const Mask& outline) {
  const Geometry& g = outline.geometry;
  const std::int64_t slice = g.size[0] * g.size[1];
  for (std::int64_t k = g.size[2] - 1; k > 0; --k) {
    double area = 0;
    for (std::int64_t at = k * slice; at < (k + 1) * slice; ++at)
      area += outline.data[static_cast<std::size_t>(at)] != 0 ? 1 : 0;
    if (area * g.spacing[0] * g.spacing[1] >= 2000)
      return g.to_physical(
          {0.5 * static_cast<double>(g.size[0]), 0.5 * static_cast<double>(g.size[1]), static_cast<double>(k)})[2];
  }
  return g.origin[2];
}

double covered_brain(const HeadTemplate& head, const Geometry& g, const AffineMap& map) {
  double inside = 0, all = 0;
  for (std::int64_t k = 0; k < head.size[2]; ++k) {
    for (std::int64_t j = 0; j < head.size[1]; ++j) {
      for (std::int64_t i = 0; i < head.size[0]; ++i) {
        if (head.nodes[static_cast<std::size_t>((k * head.size[1] + j) * head.size[0] + i)].distance > 0) continue;
        const Vec3 p{head.first[0] + head.spacing * static_cast<double>(i),
                     head.first[1] + head.spacing * static_cast<double>(j),
                     head.first[2] + head.spacing * static_cast<double>(k)};
        ++all;
        inside += g.holds(g.to_index(map.apply(p))) ? 1 : 0;
      }
    }
  }
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

HeadRegistration register_head(const HeadTemplate& head, const Volume& volume) {
  const ClassNodes nodes(head);
  const Mask outline = head_outline(volume);
  const Matching search(nodes, samples_of(volume, outline, 12), Lookup::nearest),
      coarse(nodes, samples_of(volume, outline, 8), Lookup::linear),
      fine(nodes, samples_of(volume, outline, 6), Lookup::linear);
  std::vector<Candidate> candidates = starts(search, volume);
  if (candidates.empty()) throw InternalError("the search for the head has no start");
  const auto best_first = [](const Candidate& a, const Candidate& b) { return a.value > b.value; };
  for (Candidate& c : candidates) {
    c.value = coarse.value(c.pose);
    climb(coarse, c, 7, 6, 3);
  }
  std::stable_sort(candidates.begin(), candidates.end(), best_first);
  if (candidates.size() > 2) candidates.erase(candidates.begin() + 2, candidates.end());
  for (Candidate& c : candidates) climb(coarse, c, 12, 4, 6);
  std::stable_sort(candidates.begin(), candidates.end(), best_first);
  Candidate best = candidates.front();
  best.value = fine.value(best.pose);
  climb(fine, best, 12, 2, 4);
  HeadRegistration result;
  result.map = map_of(best.pose);
  result.information = best.value;
  result.head_top = top_of(outline);
  result.covered = covered_brain(head, volume.geometry, result.map);
  for (std::size_t c = 0; c < 3; ++c) result.scale[c] = exp_portable(best.pose[6 + c] / kArm);
  return result;
}

}  // namespace vitrine::imaging

#include "imaging/brain/head_deformation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/interrupt.h"
#include "imaging/brain/head_outline.h"
#include "imaging/brain/running_means.h"
#include "imaging/brain/tissue_map.h"
#include "imaging/steps/grid.h"

namespace vitrine::imaging {
namespace {

constexpr double kFieldMm = 28;      // Gaussian of the coils' field
constexpr float kLeastShare = 0.1f;  // of every histogram, spread over all bins: no voxel is impossible
constexpr float kFarthest = 6;       // mm from the brain's surface: farther voxels tell nothing
constexpr float kStageReach = 12;    // mm that the surface moves in a stage at most
constexpr double kPureFluid = 0.05;  // the darkest of what the template calls CSF: the rest shares its voxels with tissue
constexpr double kBrightDeviations = 3.5, kLeastBright = 1.15, kMostBright = 1.35;

constexpr float kMomentum = 0.5f, kStep = 0.6f, kLongestStep = 2;  // mm
// What a round leaves of the shift: without evidence it goes back to the affine map. Where CSF is bright the skull holds the surface, and nothing leaks.
constexpr float kElastic = 0.8f, kElasticBright = 0.93f;

struct Stage {
  double sigma_mm;
  int rounds;
  bool by_tissue;  // or by histograms
};

// How likely a voxel that looks like tissue to some degree (0.5: unknown) is inside the brain's surface (the rest: sulci), and in the ring around it.
float likely_inside(float tissue) { return 0.15f + 0.7f * tissue; }
float likely_in_ring(float tissue) { return 0.85f - 0.7f * tissue; }

// Everything that one voxel says.
struct Evidence {
  float force[3];
  ClassShares posterior;
};

double voxel_volume(const Geometry& g) { return g.spacing[0] * g.spacing[1] * g.spacing[2]; }

class Bending {
 public:
  Bending(const HeadTemplate& head, HeadFit& fit) : head_(head), fit_(fit) {
    const Geometry& g = fit.field.geometry;
    for (Volume& v : sums_) v = {g, std::vector<float>(static_cast<std::size_t>(g.voxels()))};
    for (Volume& v : pace_) v = {g, std::vector<float>(static_cast<std::size_t>(g.voxels()))};
  }

  // Histograms from the template's shares alone.
  void begin(const Volume& volume) {
    counts_.clear();
    each_voxel(volume, [&](std::size_t, std::size_t cell, const Vec3& place, float value) {
      counts_.add(fit_.scale.place(value / fit_.field.data[cell]), class_shares(head_.at(place)));
    });
    learn();
  }

  // Before the rounds on a volume: voxels too far from the brain to matter in them are left out.
  void begin_stage(const Volume& volume) {
    near_.clear();
    std::vector<char> near(volume.data.size());
    each_voxel(volume, [&](std::size_t at, std::size_t, const Vec3& place, float) {
      near[at] = head_.at(place).distance < kFarthest + kStageReach ? 1 : 0;
    });
    near_ = std::move(near);
  }

  void round(const Volume& volume, const Volume& tissue, const Stage& stage) {
    for (Volume& v : sums_) std::fill(v.data.begin(), v.data.end(), 0.0f);
    counts_.clear();
    ring_.fill(0);
    base_.fill(0);
    each_voxel(volume, [&](std::size_t at, std::size_t cell, const Vec3& place, float value) {
      std::array<HeadPoint, 3> gradient;
      const HeadPoint point = head_.at(place, gradient);
      if (point.distance > kFarthest) return;
      const float scaled = value / fit_.field.data[cell];
      const float bin = fit_.scale.place(scaled);
      const auto nearest = static_cast<std::size_t>(bin + 0.5f);
      if (point.distance > 1) (point.base < 0.5f ? ring_ : base_)[nearest] += 1;
      Evidence e = evidence(point, gradient, fit_.likelihood[nearest]);
      if (stage.by_tissue) tell_surface(point, gradient, tissue.data[at], nearest, e);
      counts_.add(bin, e.posterior);
      add(cell, e, place[2] < kStemCut, point.distance < -5, scaled);
    });
    move(stage.sigma_mm, voxel_volume(fit_.field.geometry) / voxel_volume(volume.geometry));
    correct_field();
    learn();
  }

  // Mutual information (nats) of CSF, grey and white matter, as the template shares them out, and intensity, inside the brain: none in what is no brain.
  double tissue_information(const Volume& volume) {
    counts_.clear();
    each_voxel(volume, [&](std::size_t, std::size_t cell, const Vec3& place, float value) {
      const HeadPoint point = head_.at(place);
      if (point.distance < -kSurfaceWidth) counts_.add(fit_.scale.place(value / fit_.field.data[cell]), class_shares(point));
    });
    return counts_.information();
  }

 private:
  template <class Work>
  void each_voxel(const Volume& volume, const Work& work) const {
    const Geometry& g = volume.geometry;
    const Geometry& lattice = fit_.field.geometry;
    std::size_t at = 0;
    for (std::int64_t k = 0; k < g.size[2]; ++k) {
      check_interrupt("brain extraction");
      for (std::int64_t j = 0; j < g.size[1]; ++j) {
        for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
          if (!near_.empty() && near_[at] == 0) continue;
          const Vec3 p = g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
          const Vec3 q = lattice.to_index(p);
          if (!lattice.holds(q)) continue;
          const std::size_t cell = nearest_voxel(lattice, q);
          Vec3 place = fit_.to_template.apply(p);
          const Between between(lattice, q);
          for (std::size_t c = 0; c < 3; ++c) place[c] += static_cast<double>(between.of(fit_.shift[c]));
          work(at, cell, place, volume.data[at]);
        }
      }
    }
  }

  static Evidence evidence(const HeadPoint& point, const std::array<HeadPoint, 3>& gradient, const ClassShares& likelihood) {
    ClassSlopes slopes;
    const ClassShares shares = class_shares(point, slopes);
    float total = 0, by_distance = 0, by_grey = 0, by_white = 0;
    Evidence e{};
    for (std::size_t c = 0; c < kHeadClasses; ++c) {
      e.posterior[c] = shares[c] * likelihood[c];
      total += e.posterior[c];
      by_distance += slopes.by_distance[c] * likelihood[c];
      by_grey += slopes.by_grey[c] * likelihood[c];
      by_white += slopes.by_white[c] * likelihood[c];
    }
    for (float& p : e.posterior) p /= total;
    for (std::size_t a = 0; a < 3; ++a)
      e.force[a] = (by_distance * gradient[a].distance + by_grey * gradient[a].grey + by_white * gradient[a].white) / total;
    return e;
  }

  // The force of the surface alone: tissue inside, none in the ring.
  void tell_surface(const HeadPoint& point, const std::array<HeadPoint, 3>& gradient, float tissue, std::size_t bin,
                    Evidence& e) const {
    ClassSlopes slopes;
    const ClassShares shares = class_shares(point, slopes);
    const float brain = shares[kCsf] + shares[kGrey] + shares[kWhite];
    const float slope = -(slopes.by_distance[kCsf] + slopes.by_distance[kGrey] + slopes.by_distance[kWhite]);
    const float inside = likely_inside(tissue), ring = likely_in_ring(tissue);
    const float outside = ring + point.base * (fit_.base_odds[bin] * inside - ring);
    const float force = slope * (outside - inside) / (brain * inside + (1 - brain) * outside);
    for (std::size_t a = 0; a < 3; ++a) e.force[a] = force * gradient[a].distance;
  }

  void add(std::size_t cell, const Evidence& e, bool below_stem, bool deep, float scaled) {
    if (!below_stem) {
      float square = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        const float f = std::clamp(e.force[a], -1.0f, 1.0f);
        sums_[a].data[cell] += f;
        square += f * f;
      }
      sums_[3].data[cell] += square;
    }
    // The field is read off white matter, away from the surface: elsewhere voxels hold two tissues, which would pull it one way round after round.
    const float weight = e.posterior[kWhite], expected = static_cast<float>(fit_.levels[kWhite].mean);
    if (deep && weight > 0.6f && expected > 0) {
      const float off = scaled / expected - 1;
      if (std::abs(off) < 0.3f) {
        sums_[4].data[cell] += weight * off;
        sums_[5].data[cell] += weight;
      }
    }
  }

  // Gauss-Newton in the neighbourhood of each node, with the memory of the last step.
  void move(double sigma_mm, double voxels_per_cell) {
    std::array<Volume, 4> mean;
    for (std::size_t a = 0; a < 4; ++a) mean[a] = smoothed(sums_[a], sigma_mm);
    // The prior: little evidence in a neighbourhood moves nothing.
    const auto least = static_cast<float>(0.001 * std::max(1.0, voxels_per_cell));
    const Vec3& s = fit_.field.geometry.spacing;
    for (std::size_t at = 0; at < mean[0].data.size(); ++at) {
      float step[3], length = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        step[a] = kStep * mean[a].data[at] / (mean[3].data[at] + least);
        length += step[a] * step[a];
      }
      const float cap = std::min(1.0f, kLongestStep / (std::sqrt(length) + 1e-6f));
      for (std::size_t a = 0; a < 3; ++a) {
        float& pace = pace_[a].data[at];
        pace = kMomentum * pace + cap * step[a];
        fit_.shift[a].data[at] += pace;
      }
    }
    for (Volume& v : fit_.shift) {
      for (float& x : v.data) x *= fit_.csf_is_bright() ? kElasticBright : kElastic;
    }
    for (Volume& v : fit_.shift) v = smoothed(std::move(v), std::max(0.5 * sigma_mm, 0.6 * std::min({s[0], s[1], s[2]})));
  }

  // Its mean over white matter stays 1.
  void correct_field() {
    const Volume off = smoothed(sums_[4], kFieldMm), weight = smoothed(sums_[5], kFieldMm);
    double sum = 0, all = 0;
    for (std::size_t at = 0; at < off.data.size(); ++at) {
      float& f = fit_.field.data[at];
      f *= 1 + 0.8f * off.data[at] / (weight.data[at] + 1e-4f);
      sum += static_cast<double>(f) * static_cast<double>(sums_[5].data[at]);
      all += static_cast<double>(sums_[5].data[at]);
    }
    const float scale = sum > 0 ? static_cast<float>(all / sum) : 1.0f;
    for (float& f : fit_.field.data) f = std::clamp(f * scale, 0.4f, 2.5f);
  }

  // Histograms to likelihoods, and what each class shows.
  void learn() {
    fit_.likelihood = counts_.probabilities(1.0);
    for (std::size_t c = 0; c < kHeadClasses; ++c) {
      fit_.levels[c] = level_of(c);
    }
    const double bright = fit_.brightest_tissue();
    learn_tissue(fit_.likelihood);
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      ClassShares& row = fit_.likelihood[b];
      for (float& p : row) p = (1 - kLeastShare) * p + kLeastShare / static_cast<float>(kIntensityBins);
      if (intensity(b) > bright) row.fill(1);
    }
  }

  double intensity(std::size_t bin) const {
    return static_cast<double>(fit_.scale.low) + static_cast<double>(fit_.scale.high - fit_.scale.low) /
                                                     static_cast<double>(kIntensityBins - 1) * static_cast<double>(bin);
  }

  // Of the middle four fifths: lesions, vessels, and what lies outside after all move no level. A Gaussian without its outer fifth has 0.66 of its deviation.
  TissueLevels level_of(std::size_t c) const {
    double below = 0, sum = 0, mean = 0, square = 0;
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      const double share = static_cast<double>(fit_.likelihood[b][c]);
      const double kept = std::max(0.0, std::min(below + share, 0.9) - std::max(below, 0.1));
      below += share;
      sum += kept;
      mean += kept * intensity(b);
      square += kept * intensity(b) * intensity(b);
    }
    mean /= sum;
    return {mean, std::sqrt(std::max(0.0, square / sum - mean * mean)) / 0.66};
  }

  // The intensity below which a share of the ring lies.
  double ring_quantile(double share) const {
    double all = 0, below = 0;
    for (const double n : ring_) all += n;
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      below += ring_[b];
      if (below >= share * all) return intensity(b);
    }
    return intensity(0);
  }

  double class_quantile(const std::vector<ClassShares>& likelihood, std::size_t c, double share) const {
    double below = 0;
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      below += static_cast<double>(likelihood[b][c]);
      if (below >= share) return intensity(b);
    }
    return intensity(0);
  }

  // Tissue is brighter than halfway between dark (bone; on T1 CSF) and grey or white matter.
  void learn_tissue(const std::vector<ClassShares>& likelihood) {
    const double grey = fit_.levels[kGrey].mean, white = fit_.levels[kWhite].mean, least = std::min(grey, white);
    const double around = ring_quantile(fit_.csf_is_bright() ? 0.1 : 0.3);
    const double fluid =
        grey < white ? class_quantile(likelihood, kCsf, kPureFluid) : around;  // on FLAIR it is as dark as bone
    const double dark = std::min(std::max(around, fluid), 0.7 * least);
    double all = 1e-9;
    for (const double n : base_) all += n;
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      const double v = intensity(b);
      fit_.tissue[b] = static_cast<float>(std::clamp((v - dark) / (least - dark + 1e-6) * 2 - 0.5, 0.0, 1.0));
      fit_.bright[b] = v > fit_.brightest_tissue();
      const double brain = 0.15 * static_cast<double>(likelihood[b][kCsf]) + 0.5 * static_cast<double>(likelihood[b][kGrey]) +
                           0.35 * static_cast<double>(likelihood[b][kWhite]);
      const double near = (base_[b] + base_[b > 0 ? b - 1 : b] + base_[std::min(b + 1, kIntensityBins - 1)]) / 3;
      const double base = (near / all + static_cast<double>(kLeastShare) / static_cast<double>(kIntensityBins)) /
                          (1 + static_cast<double>(kLeastShare));
      fit_.base_odds[b] = fit_.bright[b] ? 1.0f : static_cast<float>(std::clamp(base / (brain + 1e-9), 0.25, 4.0));
    }
  }

 private:
  const HeadTemplate& head_;
  HeadFit& fit_;
  ClassHistograms counts_;
  std::vector<char> near_;                              // voxels of the stage's volume; empty: all
  std::array<double, kIntensityBins> ring_{}, base_{};  // counts around the brain and below it
  std::array<Volume, 3> pace_;                          // the last step and what it carries on
  std::array<Volume, 6> sums_;                          // three forces, their square, the field's error and its weight
};

// The box around the template's brain, mapped to the patient, and `margin_mm` more.
Geometry brain_box(const HeadTemplate& head, const AffineMap& map, const Geometry& g, double margin_mm) {
  Vec3 low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  head.each_node([&](const Vec3& place, const HeadPoint& p) {
    if (p.distance > 0) return;
    const Vec3 q = g.to_index(map.apply(place));
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], q[c]);
      high[c] = std::max(high[c], q[c]);
    }
  });
  std::array<std::int64_t, 3> first{}, size{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double margin = margin_mm / g.spacing[c], last = static_cast<double>(g.size[c] - 1);
    first[c] = static_cast<std::int64_t>(std::clamp(std::floor(low[c] - margin), 0.0, last));
    size[c] = static_cast<std::int64_t>(std::clamp(std::ceil(high[c] + margin), 0.0, last)) - first[c] + 1;
  }
  return part_of(g, first, size);
}

}  // namespace

double HeadFit::brightest_tissue() const {
  if (csf_is_bright()) return std::numeric_limits<double>::infinity();
  const auto reach = [&](std::size_t c) { return levels[c].mean + kBrightDeviations * levels[c].deviation; };
  const double most = std::max(levels[kGrey].mean, levels[kWhite].mean);
  return std::clamp(std::max(reach(kGrey), reach(kWhite)), kLeastBright * most, kMostBright * most);
}

Vec3 HeadFit::on_template(const Vec3& patient) const {
  Vec3 place = to_template.apply(patient);
  const Vec3 q = field.geometry.to_index(patient);
  const Between between(field.geometry, q);
  for (std::size_t c = 0; c < 3; ++c) place[c] += static_cast<double>(between.of(shift[c]));
  return place;
}

HeadFit fit_head(const HeadTemplate& head, const AffineMap& from_template, const Volume& coarse, const Volume& fine,
                 std::optional<bool> bright_csf) {
  HeadFit fit;
  fit.bright_csf = bright_csf;
  fit.to_template = from_template.inverse();
  const Geometry box = brain_box(head, from_template, coarse.geometry, 24);
  const auto voxels = static_cast<std::size_t>(box.voxels());
  for (Volume& v : fit.shift) v = {box, std::vector<float>(voxels)};
  fit.field = {box, std::vector<float>(voxels, 1.0f)};
  fit.scale = {static_cast<float>(quantile(coarse.data, 0.005)), 1.1f * head_quantile(coarse, 0.985)};
  if (!(fit.scale.high > fit.scale.low)) fit.scale.high = fit.scale.low + 1;
  Bending bending(head, fit);
  bending.begin(coarse);
  const Volume small = part_in(fine, box);
  for (const Stage& stage : {Stage{40, 8, false}, Stage{20, 10, false}, Stage{12, 10, true}, Stage{8, 10, true}}) {
    const bool by_tissue = stage.by_tissue && !fit.csf_is_bright();
    const Volume tissue = by_tissue ? averaged_onto(tissue_map(head, fit, small), coarse.geometry) : Volume{};
    bending.begin_stage(coarse);
    for (int n = 0; n < stage.rounds; ++n) bending.round(coarse, tissue, {stage.sigma_mm, stage.rounds, by_tissue});
  }
  // Where CSF is bright, tissue ends at the skull and not at the brain's surface.
  const bool by_tissue = !fit.csf_is_bright();
  const Volume tissue = by_tissue ? tissue_map(head, fit, small) : Volume{};
  bending.begin_stage(small);
  for (int n = 0; n < 6; ++n) bending.round(small, tissue, {5, 6, by_tissue});
  fit.tissue_information = bending.tissue_information(small);
  return fit;
}

}  // namespace vitrine::imaging

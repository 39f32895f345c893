#include "imaging/steps/head_deformation.h"

#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/running_means.h"

namespace vitrine::imaging {
namespace {

constexpr double kFieldMm = 28;      // Gaussian of the coils' field
constexpr float kLeastShare = 0.1f;  // of every histogram, spread over all bins: no voxel is impossible
constexpr double kBeyond = 6;        // mm from the brain's surface: farther voxels tell nothing
constexpr double kBrightDeviations = 3.5;

struct Stage {
  double sigma_mm;
  float surface_width;  // mm; the wider, the farther a surface is felt
  int rounds;
};

// Everything that one voxel says.
struct Evidence {
  float force[3];
  ClassShares posterior;
};

class Bending {
 public:
  Bending(const HeadTemplate& head, HeadFit& fit) : head_(head), fit_(fit) {
    const Geometry& g = fit.field.geometry;
    for (Volume& v : sums_) v = {g, std::vector<float>(static_cast<std::size_t>(g.voxels()))};
    to_template_ = fit.to_template;
  }

  // Histograms from the template's shares alone.
  void begin(const Volume& volume) {
    counts_.clear();
    each_voxel(volume, [&](std::size_t, std::size_t cell, const Vec3& place, float value) {
      counts_.add(fit_.scale.place(value / fit_.field.data[cell]), class_shares(head_.at(place)));
    });
    learn();
  }

  void round(const Volume& volume, const Stage& stage) {
    for (Volume& v : sums_) std::fill(v.data.begin(), v.data.end(), 0.0f);
    counts_.clear();
    each_voxel(volume, [&](std::size_t, std::size_t cell, const Vec3& place, float value) {
      std::array<HeadPoint, 3> gradient;
      const HeadPoint point = head_.at(place, gradient);
      if (static_cast<double>(point.distance) > kBeyond) return;
      const float scaled = value / fit_.field.data[cell];
      const float bin = fit_.scale.place(scaled);
      const Evidence e = evidence(point, gradient, fit_.likelihood[static_cast<std::size_t>(bin + 0.5f)], stage.surface_width);
      counts_.add(bin, e.posterior);
      add(cell, e, place[2] < kStemCut, scaled);
    });
    move(stage.sigma_mm);
    correct_field();
    learn();
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
          const Vec3 p = g.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
          const Vec3 q = lattice.to_index(p);
          if (!lattice.holds(q)) continue;
          std::size_t cell = 0;
          for (std::size_t c = 3; c-- > 0;) {
            const std::int64_t n = std::clamp<std::int64_t>(std::llround(q[c]), 0, lattice.size[c] - 1);
            cell = cell * static_cast<std::size_t>(lattice.size[c]) + static_cast<std::size_t>(n);
          }
          Vec3 place = to_template_.apply(p);
          for (std::size_t c = 0; c < 3; ++c) place[c] += static_cast<double>(interpolated(fit_.shift[c], q));
          work(at, cell, place, volume.data[at]);
        }
      }
    }
  }

  static Evidence evidence(const HeadPoint& point, const std::array<HeadPoint, 3>& gradient, const ClassShares& likelihood,
                           float width) {
    const ClassShares shares = class_shares(point, width), slopes = class_slopes(point, width);
    float total = 0, slope = 0;
    Evidence e{};
    for (std::size_t c = 0; c < kHeadClasses; ++c) {
      e.posterior[c] = shares[c] * likelihood[c];
      total += e.posterior[c];
      slope += slopes[c] * likelihood[c];
    }
    for (float& p : e.posterior) p /= total;
    for (std::size_t a = 0; a < 3; ++a) e.force[a] = slope / total * gradient[a].distance;
    return e;
  }

  void add(std::size_t cell, const Evidence& e, bool below_stem, float scaled) {
    if (!below_stem) {
      float square = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        const float f = std::clamp(e.force[a], -1.0f, 1.0f);
        sums_[a].data[cell] += f;
        square += f * f;
      }
      sums_[3].data[cell] += square;
    }
    const float weight = e.posterior[kGrey] + e.posterior[kWhite];
    const float expected = e.posterior[kGrey] * static_cast<float>(fit_.levels[kGrey].mean) +
                           e.posterior[kWhite] * static_cast<float>(fit_.levels[kWhite].mean);
    if (weight > 0.5f && expected > 0) {
      const float off = scaled * weight / expected - 1;
      if (std::abs(off) < 0.4f) {
        sums_[4].data[cell] += weight * off;
        sums_[5].data[cell] += weight;
      }
    }
  }

  void move(double sigma_mm) {
    double voxels = 0;
    std::array<Volume, 4> mean;
    for (std::size_t a = 0; a < 4; ++a) mean[a] = smoothed(sums_[a], sigma_mm);
    // The prior: one voxel's worth of evidence in a neighbourhood moves nothing.
    const auto& g = fit_.field.geometry;
    for (const float v : sums_[3].data) voxels += v > 0 ? 1 : 0;
    const auto least = static_cast<float>(0.001 * std::max(1.0, static_cast<double>(count_per_cell_)));
    const Vec3& s = g.spacing;
    for (std::size_t at = 0; at < mean[0].data.size(); ++at) {
      float step[3], length = 0;
      for (std::size_t a = 0; a < 3; ++a) {
        step[a] = 0.8f * mean[a].data[at] / (mean[3].data[at] + least);
        length += step[a] * step[a];
      }
      const float cap = std::min(1.0f, 2.0f / (std::sqrt(length) + 1e-6f));
      for (std::size_t a = 0; a < 3; ++a) fit_.shift[a].data[at] += cap * step[a];
    }
    for (Volume& v : fit_.shift) v = smoothed(std::move(v), std::max(0.5 * sigma_mm, 0.6 * std::min({s[0], s[1], s[2]})));
  }

  void correct_field() {
    const Volume off = smoothed(sums_[4], kFieldMm), weight = smoothed(sums_[5], kFieldMm);
    for (std::size_t at = 0; at < off.data.size(); ++at) {
      float& f = fit_.field.data[at];
      f = std::clamp(f * (1 + 0.8f * off.data[at] / (weight.data[at] + 1e-4f)), 0.3f, 3.0f);
    }
  }

  // Histograms to likelihoods, and what each class shows.
  void learn() {
    fit_.likelihood = counts_.probabilities(1.0);
    const double width = static_cast<double>(fit_.scale.high - fit_.scale.low) / static_cast<double>(kIntensityBins - 1);
    const auto intensity = [&](std::size_t bin) {
      return static_cast<double>(fit_.scale.low) + width * static_cast<double>(bin);
    };
    for (std::size_t c = 0; c < kHeadClasses; ++c) {
      double mean = 0, square = 0;
      for (std::size_t b = 0; b < kIntensityBins; ++b) {
        const double p = static_cast<double>(fit_.likelihood[b][c]);
        mean += p * intensity(b);
        square += p * intensity(b) * intensity(b);
      }
      fit_.levels[c].mean = mean;
      fit_.levels[c].deviation = std::sqrt(std::max(0.0, square - mean * mean));
    }
    const double bright = fit_.brightest_tissue();
    for (std::size_t b = 0; b < kIntensityBins; ++b) {
      ClassShares& row = fit_.likelihood[b];
      for (float& p : row) p = (1 - kLeastShare) * p + kLeastShare / static_cast<float>(kIntensityBins);
      // Sulci are dark or bright as the ring is: CSF never speaks for brain where the ring may be.
      row[kCsf] = std::min(row[kCsf], row[kRing]);
      if (intensity(b) > bright) row.fill(1);
    }
  }

 public:
  int count_per_cell_ = 1;

 private:
  const HeadTemplate& head_;
  HeadFit& fit_;
  AffineMap to_template_;
  ClassHistograms counts_;
  std::array<Volume, 6> sums_;  // three forces, their square, the field's error and its weight
};

// The box around the template's brain, mapped to the patient, and `margin_mm` more.
Geometry brain_box(const HeadTemplate& head, const AffineMap& map, const Geometry& g, double margin_mm) {
  Vec3 low{1e9, 1e9, 1e9}, high{-1e9, -1e9, -1e9};
  for (std::int64_t k = 0; k < head.size[2]; ++k) {
    for (std::int64_t j = 0; j < head.size[1]; ++j) {
      for (std::int64_t i = 0; i < head.size[0]; ++i) {
        if (head.nodes[static_cast<std::size_t>((k * head.size[1] + j) * head.size[0] + i)].distance > 0) continue;
        const Vec3 q = g.to_index(map.apply({head.first[0] + head.spacing * static_cast<double>(i),
                                             head.first[1] + head.spacing * static_cast<double>(j),
                                             head.first[2] + head.spacing * static_cast<double>(k)}));
        for (std::size_t c = 0; c < 3; ++c) {
          low[c] = std::min(low[c], q[c]);
          high[c] = std::max(high[c], q[c]);
        }
      }
    }
  }
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
  const auto reach = [&](std::size_t c) { return levels[c].mean + kBrightDeviations * levels[c].deviation; };
  const double tissue = std::max(reach(kGrey), reach(kWhite));
  return csf_is_bright() ? std::max(tissue, reach(kCsf)) : tissue;
}

Vec3 HeadFit::on_template(const Vec3& patient) const {
  Vec3 place = to_template.apply(patient);
  const Vec3 q = field.geometry.to_index(patient);
  for (std::size_t c = 0; c < 3; ++c) place[c] += static_cast<double>(interpolated(shift[c], q));
  return place;
}

HeadFit fit_head(const HeadTemplate& head, const AffineMap& from_template, const Volume& coarse, const Volume& fine) {
  HeadFit fit;
  fit.to_template = from_template.inverse();
  const Geometry box = brain_box(head, from_template, coarse.geometry, 24);
  const auto voxels = static_cast<std::size_t>(box.voxels());
  for (Volume& v : fit.shift) v = {box, std::vector<float>(voxels)};
  fit.field = {box, std::vector<float>(voxels, 1.0f)};
  std::vector<float> bright;
  const auto middle = static_cast<float>(quantile(coarse.data, 0.5));
  for (const float v : coarse.data) {
    if (v > middle) bright.push_back(v);
  }
  fit.scale = {static_cast<float>(quantile(coarse.data, 0.005)), static_cast<float>(1.15 * quantile(bright, 0.98))};
  if (!(fit.scale.high > fit.scale.low)) fit.scale.high = fit.scale.low + 1;
  Bending bending(head, fit);
  bending.begin(coarse);
  for (const Stage& stage : {Stage{40, 6, 10}, Stage{20, 5, 10}, Stage{12, 3.5f, 12}, Stage{8, 2.5f, 12}}) {
    for (int n = 0; n < stage.rounds; ++n) bending.round(coarse, stage);
  }
  const double cells = static_cast<double>(fine.geometry.voxels()) / static_cast<double>(coarse.geometry.voxels());
  bending.count_per_cell_ = static_cast<int>(cells);
  for (int n = 0; n < 8; ++n) bending.round(fine, {5, kSurfaceWidth, 8});
  return fit;
}

}  // namespace vitrine::imaging

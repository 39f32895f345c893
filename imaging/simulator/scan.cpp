#include "imaging/simulator/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/interrupt.h"
#include "imaging/simulator/noise_kernels.h"
#include "tensor/math.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

constexpr double kCoarseMm = 4;  // of the points that stand for the head
constexpr double kMargin = 6;
constexpr std::uint32_t kNoiseOp = 4000;
constexpr std::int64_t kNoisePiece = 16;  // voxels of a row that share one strength of noise

// Calls body(i, j, k, at) over the grid, slices in parallel.
template <class Body>
void each_voxel(const Geometry& grid, const Body& body) {
  parallel_for(grid.size[2], 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t k = first; k < last; ++k) {
      check_interrupt("simulation");
      for (std::int64_t j = 0; j < grid.size[1]; ++j) {
        for (std::int64_t i = 0; i < grid.size[0]; ++i)
          body(i, j, k, static_cast<std::size_t>((k * grid.size[1] + j) * grid.size[0] + i));
      }
    }
  });
}

// The points of T1c's space across the slice at a voxel.
class SlicePoints {
 public:
  explicit SlicePoints(const Scan& scan)
      : grid_(scan.grid), map_(scan.from_t1c.map()), samples_(scan.samples), thick_(scan.thickness_mm / scan.grid.spacing[2]) {}
  int count() const { return samples_; }
  Vec3 centre(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return map_.apply_inverse(grid_.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
  }
  Vec3 at(std::int64_t i, std::int64_t j, std::int64_t k, int s) const {
    const double offset = ((s + 0.5) / samples_ - 0.5) * thick_;
    return map_.apply_inverse(
        grid_.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k) + offset}));
  }

 private:
  const Geometry& grid_;
  RigidMap map_;
  int samples_;
  double thick_;
};

bool in_tumour(const Patient& patient, const Vec3& p) {
  return std::any_of(patient.lesions.begin(), patient.lesions.end(), [&](const Lesion& l) { return l.depth(p) < 1; });
}

template <class Inside>
Mask mask_of(const Scan& scan, const Region* region, const Inside& inside) {
  Mask mask{scan.grid, std::vector<float>(static_cast<std::size_t>(scan.grid.voxels()))};
  const SlicePoints points(scan);
  each_voxel(scan.grid, [&](std::int64_t i, std::int64_t j, std::int64_t k, std::size_t at) {
    if (region != nullptr && !region->holds(points.centre(i, j, k))) return;
    int count = 0;
    for (int s = 0; s < points.count(); ++s) count += inside(points.at(i, j, k, s)) ? 1 : 0;
    mask.data[at] = 2 * count > points.count() ? 1.0f : 0.0f;
  });
  return mask;
}

// Shares of what is at a point, in the order of tissue_truth's labels from 1.
std::array<double, 9> shares_at(const ScannedHead& head, const Vec3& p) {
  const TissueBytes tissue = head.tissue(p);
  std::array<double, 9> share{};
  for (std::size_t t = 0; t < kTissues; ++t) share[t] = static_cast<double>(tissue[t]) / 255;
  if (tissue[intracranial] < 128) return share;
  const auto lay_over = [&](std::size_t label, double amount) {
    for (double& s : share) s *= 1 - amount;
    share[label] += amount;
  };
  for (const Lesion& lesion : head.patient().lesions) {
    const LesionMix mix = lesion_mix(lesion, tissue, p);
    lay_over(6, mix.oedema);
    lay_over(7, mix.tumour);
    share[8] += share[7] * mix.core;
    share[7] *= 1 - mix.core;
  }
  return share;
}

}  // namespace

Matrix4 product(const Matrix4& a, const Matrix4& b) {
  Matrix4 out{};
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t c = 0; c < 4; ++c) {
      for (std::size_t n = 0; n < 4; ++n) out[4 * r + c] += a[4 * r + n] * b[4 * n + c];
    }
  }
  return out;
}

Vec3 times(const Matrix4& m, const Vec3& p) {
  return {m[0] * p[0] + m[1] * p[1] + m[2] * p[2] + m[3], m[4] * p[0] + m[5] * p[1] + m[6] * p[2] + m[7],
          m[8] * p[0] + m[9] * p[1] + m[10] * p[2] + m[11]};
}

Scan plain_scan(const SeriesProtocol& protocol) {
  Scan scan;
  scan.series = protocol.series;
  scan.grid = protocol.grid;
  scan.stored.clear();
  scan.from_t1c = protocol.from_t1c;
  scan.thickness_mm = protocol.grid.spacing[2];
  scan.samples = protocol.grid.spacing[2] > 2 ? 3 : 1;  // as render has it
  scan.field.shape = CoilField::Shape::cosine;
  scan.field.cosines = protocol.field;
  scan.noise = protocol.noise;
  scan.gain = protocol.gain;
  return scan;
}

ScannedHead::ScannedHead(const Anatomy& anatomy, const Patient& patient, bool has_neck)
    : anatomy_(anatomy), patient_(patient), more_(anatomy), has_neck_(has_neck) {
  constexpr double kBeyond = 24, kBelow = 100;  // how far a deformed head reaches beyond the anatomy's box
  brain_bottom_ = std::numeric_limits<double>::infinity();
  for (double z = anatomy.head_low[2] - (has_neck ? kBelow : kBeyond); z < anatomy.head_high[2] + kBeyond; z += kCoarseMm) {
    check_interrupt("simulation");
    for (double y = anatomy.head_low[1] - kBeyond; y < anatomy.head_high[1] + kBeyond; y += kCoarseMm) {
      for (double x = anatomy.head_low[0] - kBeyond; x < anatomy.head_high[0] + kBeyond; x += kCoarseMm) {
        const TissueBytes v = tissue({x, y, z});
        if (v[fat] < 64 && v[muscle] < 64 && v[intracranial] == 0) continue;
        points_.push_back({x, y, z});
        if (v[brain] >= 128) brain_bottom_ = std::min(brain_bottom_, z);
      }
    }
  }
}

TissueBytes ScannedHead::tissue(const Vec3& point) const {
  const Vec3 p = head_point(anatomy_, patient_, point);
  if (has_neck_ && p[2] < more_.top_mm()) return more_.neck_at(p);
  return anatomy_.at_index(anatomy_.geometry.to_index(p));
}

double ScannedHead::signal(const SignalTable& table, bool contrast_given, const Vec3& point) const {
  const Vec3 p = head_point(anatomy_, patient_, point);
  const bool is_neck = has_neck_ && p[2] < more_.top_mm();
  const TissueBytes tissue = is_neck ? more_.neck_at(p) : anatomy_.at_index(anatomy_.geometry.to_index(p));
  double value = 0;
  for (std::size_t t = 0; t < kTissues; ++t) value += table.healthy[t] * tissue[t];
  value /= 255;
  if (tissue[intracranial] < 128) return value;
  if (tissue[csf] > 64) value += 0.8 * more_.plexus_at(p) * tissue[csf] / 255 * (table.choroid - table.healthy[csf]);
  const bool is_t1 = table.sequence.contrast != Contrast::flair && table.sequence.contrast != Contrast::turbo_spin_echo;
  for (const Lesion& lesion : patient_.lesions) {
    const LesionMix mix = lesion_mix(lesion, tissue, point);
    if (!mix.reaches) continue;
    value += mix.oedema * (table.oedema - value);
    if (mix.tumour == 0) continue;
    const double mM = is_t1 && contrast_given ? gadolinium_at(lesion, point) : 0;
    const double solid = relative_signal(table.sequence, with_gadolinium(solid_tumour(lesion.latents.t2_ms), mM));
    value += mix.tumour * (solid * (1 - mix.core) + table.necrosis * mix.core - value);
  }
  return value;
}

Geometry grid_around(const ScannedHead& head, const RigidTransform& from_t1c, const Matrix3& axes, const Vec3& spacing,
                     double neck_mm) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double bottom = neck_mm < 0 ? -infinity : head.brain_bottom() - neck_mm;
  const RigidMap map = from_t1c.map();
  Vec3 low{infinity, infinity, infinity}, high{-infinity, -infinity, -infinity};
  for (const Vec3& p : head.points()) {
    if (p[2] < bottom) continue;
    const Vec3 q = transpose_times(axes, map.apply(p));
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], q[c]);
      high[c] = std::max(high[c], q[c]);
    }
  }
  // The axis that runs along the body, and whether it runs up.
  std::size_t along = 0;
  for (std::size_t c = 1; c < 3; ++c) along = std::abs(axes[6 + c]) > std::abs(axes[6 + along]) ? c : along;
  Geometry grid;
  grid.spacing = spacing;
  grid.direction = axes;
  Vec3 first;
  for (std::size_t c = 0; c < 3; ++c) {
    const bool cut = neck_mm >= 0 && c == along, upwards = axes[6 + c] > 0;
    low[c] -= cut && upwards ? 0 : kMargin;
    high[c] += cut && !upwards ? 0 : kMargin;
    grid.size[c] = static_cast<std::int64_t>(std::ceil((high[c] - low[c]) / spacing[c]));
    // What is more than a whole number of voxels lies at the upper end of the body.
    first[c] = cut && !upwards ? high[c] - (static_cast<double>(grid.size[c]) - 0.5) * spacing[c] : low[c] + 0.5 * spacing[c];
  }
  grid.origin = times(axes, first);
  return grid;
}

Volume clean_signal(const ScannedHead& head, const Scan& scan, const std::vector<std::uint8_t>* wanted) {
  Volume volume{scan.grid, std::vector<float>(static_cast<std::size_t>(scan.grid.voxels()))};
  const SlicePoints points(scan);
  const bool tabled = scan.sequence.contrast == Contrast::tabled;
  const SignalTable table = tabled ? SignalTable{} : signal_table(scan.sequence, scan.contrast_given);
  each_voxel(scan.grid, [&](std::int64_t i, std::int64_t j, std::int64_t k, std::size_t at) {
    if (wanted != nullptr && (*wanted)[at] == 0) return;
    double sum = 0;
    for (int s = 0; s < points.count(); ++s) {
      const Vec3 p = points.at(i, j, k, s);
      sum += tabled ? signal_at(scan.series, head.tissue(p), head.patient().lesions, p)
                    : head.signal(table, scan.contrast_given, p);
    }
    volume.data[at] = static_cast<float>(sum / points.count());
  });
  return volume;
}

Volume recorded(const Volume& clean, const Volume& field, const Scan& scan, std::uint64_t seed, std::uint32_t patient) {
  const Geometry& grid = scan.grid;
  Volume volume{grid, std::vector<float>(clean.data.size())};
  const auto series = static_cast<std::uint32_t>(scan.series);
  parallel_for(grid.size[2], 1, [&](std::int64_t first, std::int64_t last) {
    std::array<double, kNoisePiece> signal{};
    for (std::int64_t row = first * grid.size[1]; row < last * grid.size[1]; ++row) {
      if (row % grid.size[1] == 0) check_interrupt("simulation");
      const double y = 2 * (static_cast<double>(row % grid.size[1]) + 0.5) / static_cast<double>(grid.size[1]) - 1;
      for (std::int64_t i = 0; i < grid.size[0]; i += kNoisePiece) {
        const std::int64_t count = std::min(kNoisePiece, grid.size[0] - i), at = row * grid.size[0] + i;
        for (std::int64_t n = 0; n < count; ++n)
          signal[static_cast<std::size_t>(n)] = static_cast<double>(clean.data[static_cast<std::size_t>(at + n)]) *
                                                static_cast<double>(field.data[static_cast<std::size_t>(at + n)]);
        const double x = 2 * (static_cast<double>(i) + 0.5 * kNoisePiece) / static_cast<double>(grid.size[0]) - 1;
        const double more = 1 + (scan.noise_centre - 1) * std::max(0.0, 1 - x * x - y * y);
        const kernels::NoiseDraws draws{patient,
                                        static_cast<std::uint32_t>(Purpose::simulate),
                                        kNoiseOp + series,
                                        static_cast<std::uint32_t>(at),
                                        static_cast<std::uint32_t>(seed),
                                        static_cast<std::uint32_t>(seed >> 32)};
        kernels::noise_kernels().rician(signal.data(), count, scan.noise * more, scan.gain, draws, volume.data.data() + at);
      }
    }
  });
  return volume;
}

Mask brain_truth(const ScannedHead& head, const Scan& scan, const Region* region) {
  return mask_of(scan, region, [&](const Vec3& p) {
    const TissueBytes tissue = head.tissue(p);
    return tissue[brain] >= 128 || (tissue[intracranial] >= 128 && in_tumour(head.patient(), p));
  });
}

Mask lesion_truth(const ScannedHead& head, const Scan& scan, const Region* region) {
  return mask_of(scan, region,
                 [&](const Vec3& p) { return in_tumour(head.patient(), p) && head.tissue(p)[intracranial] >= 128; });
}

Volume tissue_truth(const ScannedHead& head, const Scan& scan) {
  Volume volume{scan.grid, std::vector<float>(static_cast<std::size_t>(scan.grid.voxels()))};
  const SlicePoints points(scan);
  each_voxel(scan.grid, [&](std::int64_t i, std::int64_t j, std::int64_t k, std::size_t at) {
    std::array<double, 9> sum{};
    for (int s = 0; s < points.count(); ++s) {
      const std::array<double, 9> share = shares_at(head, points.at(i, j, k, s));
      for (std::size_t t = 0; t < sum.size(); ++t) sum[t] += share[t];
    }
    const auto most = std::max_element(sum.begin(), sum.end());
    if (2 * *most > 0.5 * points.count()) volume.data[at] = static_cast<float>(most - sum.begin() + 1);
  });
  return volume;
}

}  // namespace vitrine::imaging

#include "imaging/simulator/patient.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/interrupt.h"
#include "imaging/simulator/noise_kernels.h"
#include "tensor/isa.h"
#include "tensor/math.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::kernels {
namespace scalar {
extern const imaging::kernels::NoiseKernels noise_table;
}
namespace avx2 {
extern const imaging::kernels::NoiseKernels noise_table;
}
namespace avx512 {
extern const imaging::kernels::NoiseKernels noise_table;
}
}  // namespace vitrine::kernels

namespace vitrine::imaging {

const kernels::NoiseKernels& kernels::noise_kernels() {
  return for_this_machine(vitrine::kernels::scalar::noise_table, vitrine::kernels::avx2::noise_table,
                          vitrine::kernels::avx512::noise_table);
}

namespace {

constexpr std::uint32_t kHeadOp = 1, kWarpOp = 2, kSeriesOp = 10, kPlaceOp = 200, kNoiseOp = 1000;
// The first draw of each kind within its family; draws of several axes follow one another. A number that changes here changes every cohort.
namespace head_draw {
constexpr std::uint32_t kScale = 0, kShear = 10, kFlip = 30;
}
namespace series_draw {
constexpr std::uint32_t kAngle = 0, kTranslation = 10, kField = 20, kNoise = 30, kGain = 31, kOrigin = 40;
}
namespace place_draw {
constexpr std::uint32_t kPlace = 0, kWave = 5000, kPhase = 5100;  // four a try of a place
}
constexpr double kLatticeMm = 24;  // of the smooth deformation
constexpr double kWarpMm = 2.5;    // its standard deviation
constexpr int kPlaceTries = 600;

Draw family(std::uint64_t seed, std::uint32_t patient, std::uint32_t op) { return {seed, Purpose::simulate, 0, patient, op}; }

// Scales of 0.93-1.07 per axis, small shears, and a left-right flip in half of the patients.
Matrix3 head_matrix(const Draw& draw) {
  Matrix3 m{};
  for (std::uint32_t r = 0; r < 3; ++r) {
    for (std::uint32_t c = 0; c < 3; ++c)
      m[3 * r + c] =
          r == c ? draw.uniform(head_draw::kScale + r, 0.93, 1.07) : draw.uniform(head_draw::kShear + 3 * r + c, -0.03, 0.03);
  }
  if (draw.uniform(head_draw::kFlip) < 0.5) {
    for (std::size_t r = 0; r < 3; ++r) m[3 * r] = -m[3 * r];
  }
  return m;
}

Vec3 displacement(const Patient& patient, const Vec3& point) {
  const Vec3 x = patient.lattice.to_index(point);
  std::array<std::int64_t, 3> low;
  Vec3 f;
  for (std::size_t c = 0; c < 3; ++c) {
    const double clamped = std::clamp(x[c], 0.0, static_cast<double>(patient.lattice.size[c]) - 1.000001);
    low[c] = static_cast<std::int64_t>(clamped);
    f[c] = clamped - static_cast<double>(low[c]);
  }
  // Corners in the order of their index, x fastest; the weight of one is (x y) z.
  const std::array<double, 4> in_plane{(1 - f[0]) * (1 - f[1]), f[0] * (1 - f[1]), (1 - f[0]) * f[1], f[0] * f[1]};
  const std::int64_t row = 3 * patient.lattice.size[0], plane = row * patient.lattice.size[1];
  const float* node = patient.warp.data() + low[2] * plane + low[1] * row + 3 * low[0];
  Vec3 sum{};
  for (const double across : {1 - f[2], f[2]}) {
    for (std::size_t corner = 0; corner < 4; ++corner) {
      const double w = in_plane[corner] * across;
      const float* at = node + (corner & 1 ? 3 : 0) + (corner & 2 ? row : 0);
      sum[0] += w * static_cast<double>(at[0]);
      sum[1] += w * static_cast<double>(at[1]);
      sum[2] += w * static_cast<double>(at[2]);
    }
    node += plane;
  }
  return sum;
}

// A place for a lesion: brain around it on nearly all sides, in the cerebellum or not as wanted, away from the others.
Vec3 draw_place(const Anatomy& anatomy, const Patient& patient, const LesionLatents& latents, const Draw& draw) {
  const Vec3 centre = anatomy.brain_centre();
  Vec3 best = centre;
  int best_sides = -1;
  for (std::uint32_t attempt = 0; attempt < kPlaceTries; ++attempt) {
    Vec3 p;
    for (std::size_t c = 0; c < 3; ++c)
      p[c] = draw.uniform(place_draw::kPlace + 4 * attempt + static_cast<std::uint32_t>(c), anatomy.brain_low[c],
                          anatomy.brain_high[c]);
    const TissueBytes here = tissue_at(anatomy, patient, p);
    if (here[brain] < 200 || here[csf] > 128) continue;
    if (attempt < kPlaceTries / 2 && anatomy.in_cerebellum(p) != latents.cerebellar) continue;
    const bool apart = std::all_of(patient.lesions.begin(), patient.lesions.end(), [&](const Lesion& other) {
      double square = 0;
      for (std::size_t c = 0; c < 3; ++c) square += (p[c] - other.centre[c]) * (p[c] - other.centre[c]);
      return std::sqrt(square) > latents.radius_mm + other.latents.radius_mm + 10;
    });
    if (!apart) continue;
    int sides = 0;
    for (std::size_t side = 0; side < 6; ++side) {
      Vec3 q = p;
      q[side / 2] += (side % 2 == 0 ? 0.9 : -0.9) * latents.radius_mm;
      sides += tissue_at(anatomy, patient, q)[brain] > 128 ? 1 : 0;
    }
    if (sides > best_sides) {
      best_sides = sides;
      best = p;
    }
    if (sides == 6) break;
  }
  return best;
}

// What the scanner records of a row of signals whose first voxel is `first`.
void record(const std::vector<double>& signal, const SeriesProtocol& protocol, const Draw& draw, std::int64_t first,
            float* out) {
  const kernels::NoiseDraws draws{draw.sample,
                                  static_cast<std::uint32_t>(draw.purpose),
                                  draw.op,
                                  static_cast<std::uint32_t>(first),
                                  static_cast<std::uint32_t>(draw.seed),
                                  static_cast<std::uint32_t>(draw.seed >> 32)};
  kernels::noise_kernels().rician(signal.data(), static_cast<std::int64_t>(signal.size()), protocol.noise, protocol.gain, draws,
                                  out);
}

// One factor per index along an axis; their product over the axes is the field, a smooth function around 1.
std::vector<double> field_along(const Vec3& amplitude, std::int64_t n) {
  std::vector<double> factors;
  for (std::int64_t i = 0; i < n; ++i) {
    const double x = std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(n);
    factors.push_back(
        exp_portable(amplitude[0] * cos_portable(x) + amplitude[1] * cos_portable(2 * x) + amplitude[2] * cos_portable(3 * x)));
  }
  return factors;
}

}  // namespace

Vec3 head_point(const Anatomy& anatomy, const Patient& patient, const Vec3& point) {
  const Vec3 centre = anatomy.brain_centre();
  const Vec3 d = displacement(patient, point);
  const Vec3 x{point[0] + d[0] - centre[0], point[1] + d[1] - centre[1], point[2] + d[2] - centre[2]};
  const Matrix3& m = patient.to_head;
  return {m[0] * x[0] + m[1] * x[1] + m[2] * x[2] + centre[0], m[3] * x[0] + m[4] * x[1] + m[5] * x[2] + centre[1],
          m[6] * x[0] + m[7] * x[1] + m[8] * x[2] + centre[2]};
}

TissueBytes tissue_at(const Anatomy& anatomy, const Patient& patient, const Vec3& point) {
  return anatomy.at_index(anatomy.geometry.to_index(head_point(anatomy, patient, point)));
}

std::string patient_name(std::uint32_t number) {
  const std::string digits = std::to_string(number);
  return "sub-" + std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

Patient make_patient(const Anatomy& anatomy, std::uint64_t seed, std::uint32_t number, const std::string& label, double signal,
                     int lesions) {
  Patient patient;
  patient.number = number;
  patient.id = patient_name(number);
  patient.label = label;
  patient.to_head = head_matrix(family(seed, number, kHeadOp));
  for (std::size_t c = 0; c < 3; ++c) {
    patient.lattice.size[c] =
        static_cast<std::int64_t>(std::ceil((anatomy.head_high[c] - anatomy.head_low[c] + 40) / kLatticeMm)) + 1;
    patient.lattice.spacing[c] = kLatticeMm;
    patient.lattice.origin[c] = anatomy.head_low[c] - 20;
  }
  const Draw warp = family(seed, number, kWarpOp);
  for (std::int64_t n = 0; n < 3 * patient.lattice.voxels(); ++n) {
    patient.warp.push_back(static_cast<float>(kWarpMm * std::clamp(warp.normal(static_cast<std::uint32_t>(n)), -2.5, 2.5)));
  }
  const bool is_sclc = label == "SCLC";
  const int count = lesions > 0 ? lesions : draw_lesion_count(seed, number, is_sclc, signal);
  for (int i = 0; i < count; ++i) {
    const auto n = static_cast<std::uint32_t>(i);
    Lesion lesion;
    lesion.latents = draw_latents(seed, number, n, is_sclc, signal);
    const Draw draw = family(seed, number, kPlaceOp + n);
    for (std::uint32_t w = 0; w < lesion.wave.size(); ++w) {
      for (std::uint32_t c = 0; c < 3; ++c) lesion.wave[w][c] = draw.normal(place_draw::kWave + 4 * w + c);
      lesion.phase[w] = draw.uniform(place_draw::kPhase + w, 0, 2 * std::numbers::pi);
    }
    lesion.centre = draw_place(anatomy, patient, lesion.latents, draw);
    patient.lesions.push_back(lesion);
  }
  return patient;
}

SeriesProtocol series_protocol(const Anatomy& anatomy, std::uint64_t seed, std::uint32_t number, Series series,
                               double t1c_spacing) {
  const Draw draw = family(seed, number, kSeriesOp + static_cast<std::uint32_t>(series));
  SeriesProtocol protocol;
  protocol.series = series;
  const bool is_t1c = series == Series::t1c;
  protocol.grid.spacing =
      is_t1c ? Vec3{t1c_spacing, t1c_spacing, t1c_spacing} : Vec3{0.95, 0.95, series == Series::flair ? 4.0 : 4.5};
  for (std::size_t c = 0; c < 3; ++c) {
    const double margin = 6;
    protocol.grid.size[c] = static_cast<std::int64_t>(
        std::ceil((anatomy.head_high[c] - anatomy.head_low[c] + 2 * margin) / protocol.grid.spacing[c]));
    protocol.grid.origin[c] =
        anatomy.head_low[c] - margin + (is_t1c ? 0 : draw.uniform(series_draw::kOrigin + static_cast<std::uint32_t>(c), -1, 1));
  }
  protocol.from_t1c.centre = anatomy.brain_centre();
  if (!is_t1c) {
    for (std::uint32_t c = 0; c < 3; ++c) {
      protocol.from_t1c.angles[c] = draw.uniform(series_draw::kAngle + c, -4, 4) * std::numbers::pi / 180;
      protocol.from_t1c.translation[c] = draw.uniform(series_draw::kTranslation + c, -4, 4);
    }
  }
  for (std::uint32_t axis = 0; axis < 3; ++axis) {
    for (std::uint32_t order = 0; order < 3; ++order) {
      protocol.field[axis][order] = draw.uniform(series_draw::kField + 3 * axis + order, -0.12, 0.12) / (order + 1);
    }
  }
  protocol.noise = draw.uniform(series_draw::kNoise, 0.01, 0.04);
  protocol.gain = 100 * exp_portable(draw.uniform(series_draw::kGain, -1, 1));
  return protocol;
}

Volume render(const Anatomy& anatomy, const Patient& patient, const SeriesProtocol& protocol, std::uint64_t seed) {
  const Geometry& grid = protocol.grid;
  Volume volume{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  const Draw noise = family(seed, patient.number, kNoiseOp + static_cast<std::uint32_t>(protocol.series));
  std::array<std::vector<double>, 3> field;
  for (std::size_t axis = 0; axis < 3; ++axis) field[axis] = field_along(protocol.field[axis], grid.size[axis]);
  const RigidMap from_t1c = protocol.from_t1c.map();
  const int samples = grid.spacing[2] > 2 ? 3 : 1;  // across a thick slice: a box profile
  parallel_for(grid.size[2], 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> row(static_cast<std::size_t>(grid.size[0]));
    for (std::int64_t k = first; k < last; ++k) {
      check_interrupt("simulation");
      for (std::int64_t j = 0; j < grid.size[1]; ++j) {
        for (std::int64_t i = 0; i < grid.size[0]; ++i) {
          double signal = 0;
          for (int s = 0; s < samples; ++s) {
            const double offset = (s + 0.5) / samples - 0.5;
            const Vec3 here =
                grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k) + offset});
            const Vec3 p = from_t1c.apply_inverse(here);
            signal += signal_at(protocol.series, tissue_at(anatomy, patient, p), patient.lesions, p);
          }
          signal *= field[0][static_cast<std::size_t>(i)] * field[1][static_cast<std::size_t>(j)] *
                    field[2][static_cast<std::size_t>(k)] / samples;
          row[static_cast<std::size_t>(i)] = signal;
        }
        const std::int64_t at = (k * grid.size[1] + j) * grid.size[0];
        record(row, protocol, noise, at, volume.data.data() + at);
      }
    }
  });
  return volume;
}

Mask render_mask(const Anatomy& anatomy, const Patient& patient, const Geometry& grid) {
  Mask mask{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  parallel_for(grid.size[2], 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t at = first * grid.size[1] * grid.size[0]; at < last * grid.size[1] * grid.size[0]; ++at) {
      if (at % (grid.size[1] * grid.size[0]) == 0) check_interrupt("simulation");
      const std::int64_t i = at % grid.size[0], j = at / grid.size[0] % grid.size[1], k = at / (grid.size[0] * grid.size[1]);
      const Vec3 p = grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
      const bool inside =
          std::any_of(patient.lesions.begin(), patient.lesions.end(), [&](const Lesion& l) { return l.depth(p) < 1; });
      if (inside && tissue_at(anatomy, patient, p)[intracranial] >= 128) mask.data[static_cast<std::size_t>(at)] = 1;
    }
  });
  return mask;
}

}  // namespace vitrine::imaging

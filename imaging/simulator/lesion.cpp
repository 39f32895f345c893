#include "imaging/simulator/lesion.h"

#include <algorithm>
#include <cmath>

#include "imaging/simulator/anatomy.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint32_t kLatentOp = 100;  // draws of a lesion's latents: kLatentOp + lesion
constexpr std::uint32_t kCountOp = 90;

struct ClassMeans {
  double log_radius, core, irregularity, gadolinium, texture, t2, oedema;
};
// docs/simulator.md lists sources and the factor by which the differences exceed those of patients.
constexpr ClassMeans kNsclc{2.50, 0.62, 0.10, 0.45, 0.25, 97, 2.10};
constexpr ClassMeans kSclc{2.45, 0.14, 0.06, 0.40, 0.15, 79, 1.40};
constexpr ClassMeans kDeviation{0.20, 0.11, 0.02, 0.10, 0.05, 7, 0.22};
constexpr double kSmallest = 8, kLargest = 22;  // radius, mm

double dialled(double nsclc, double sclc, bool is_sclc, double signal) {
  const double pooled = (nsclc + sclc) / 2;
  return pooled + signal * ((is_sclc ? sclc : nsclc) - pooled);
}

// Piecewise linear through (x, y) points with rising x; constant beyond the ends.
template <std::size_t N>
double interpolated(const std::array<std::array<double, 2>, N>& points, double x) {
  if (x <= points.front()[0]) return points.front()[1];
  for (std::size_t i = 1; i < N; ++i) {
    if (x > points[i][0]) continue;
    const double share = (x - points[i - 1][0]) / (points[i][0] - points[i - 1][0]);
    return points[i - 1][1] + share * (points[i][1] - points[i - 1][1]);
  }
  return points.back()[1];
}

// Signals relative to white matter: T1c an MPRAGE-like sequence, FLAIR and T2 turbo spin echo (docs/simulator.md).
//                                          csf   grey  white fat   muscle vessel
constexpr std::array<std::array<double, 6>, 3> kHealthy = {
    {{0.04, 0.59, 1.00, 2.10, 0.40, 1.90}, {0.00, 1.30, 1.00, 1.58, 0.19, 0.30}, {3.47, 1.52, 1.00, 1.47, 0.30, 0.40}}};
constexpr std::array<double, 3> kOedema = {0.39, 2.08, 2.79};
constexpr std::array<double, 3> kNecrosis = {0.14, 1.33, 3.63};
constexpr std::array<std::array<double, 2>, 6> kEnhancement = {
    {{0, 0.43}, {0.1, 0.94}, {0.2, 1.39}, {0.35, 1.84}, {0.6, 2.19}, {1.0, 2.34}}};
constexpr std::array<std::array<double, 2>, 3> kSolidFlair = {{{70, 1.03}, {85, 1.40}, {95, 1.48}}};
constexpr std::array<std::array<double, 2>, 3> kSolidT2 = {{{70, 1.33}, {85, 1.72}, {95, 1.94}}};

double solid_signal(Series series, const Lesion& lesion, const Vec3& point) {
  const LesionLatents& l = lesion.latents;
  if (series == Series::flair) return interpolated(kSolidFlair, l.t2_ms);
  if (series == Series::t2) return interpolated(kSolidT2, l.t2_ms);
  return interpolated(kEnhancement, gadolinium_at(lesion, point));
}

// 1 below `edge`, 0 above it, with a ramp of `width` between.
double below_edge(double value, double edge, double width) { return std::clamp(0.5 + (edge - value) / width, 0.0, 1.0); }

}  // namespace

double Lesion::depth(const Vec3& p) const {
  const Vec3 d{p[0] - centre[0], p[1] - centre[1], p[2] - centre[2]};
  const double distance = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  if (distance > latents.radius_mm * latents.oedema * 1.5) return 10;
  if (distance < 1e-6) return 0;
  double bump = 0;
  for (std::size_t w = 0; w < wave.size(); ++w) {
    bump += cos_portable(3.5 * (wave[w][0] * d[0] + wave[w][1] * d[1] + wave[w][2] * d[2]) / distance + phase[w]);
  }
  return distance / (latents.radius_mm * (1 + latents.irregularity * bump));
}

double gadolinium_at(const Lesion& lesion, const Vec3& point) {
  double pattern = 0;  // a smooth random pattern: waves of one length, 7 mm, in five directions, of variance 1
  for (std::size_t w = 0; w < lesion.wave.size(); ++w) {
    const Vec3& k = lesion.wave[w];
    const double length = std::sqrt(k[0] * k[0] + k[1] * k[1] + k[2] * k[2]) + 1e-9;
    pattern += cos_portable(0.9 * (k[0] * point[0] + k[1] * point[1] + k[2] * point[2]) / length + 2 * lesion.phase[w]) * 0.63;
  }
  return std::max(0.0, lesion.latents.gadolinium_mM * (1 + lesion.latents.texture * pattern));
}

LesionMix lesion_mix(const Lesion& lesion, const std::array<std::uint8_t, 8>& tissue, const Vec3& point) {
  const double depth = lesion.depth(point);
  const LesionLatents& l = lesion.latents;
  LesionMix mix;
  if (depth > l.oedema + 0.5) return mix;
  mix.reaches = true;
  const double edge = 1.2 / l.radius_mm;  // partial volume: about a voxel
  mix.tumour = below_edge(depth, 1, edge);
  mix.core = l.core_fraction > edge ? below_edge(depth, l.core_fraction, edge) : 0;
  // Oedema follows white matter, less so grey; it fades towards its border.
  const double reach = static_cast<double>(tissue[white_matter] + tissue[grey_matter] / 4) / 255;
  const double brain_share = static_cast<double>(tissue[white_matter] + tissue[grey_matter]) / 255;
  mix.oedema = below_edge(depth, l.oedema - 0.15, 0.3) * reach * 0.9 * brain_share;
  return mix;
}

LatentModel latent_model(Latent latent) {
  const auto model = [](double ClassMeans::*m, double low, double high) {
    return LatentModel{kNsclc.*m, kSclc.*m, kDeviation.*m, low, high};
  };
  switch (latent) {
    case Latent::log_radius: return model(&ClassMeans::log_radius, log_portable(kSmallest), log_portable(kLargest));
    case Latent::core_fraction: return model(&ClassMeans::core, 0.0, 0.85);
    case Latent::irregularity: return model(&ClassMeans::irregularity, 0.0, 0.15);
    case Latent::gadolinium: return model(&ClassMeans::gadolinium, 0.15, 1.0);
    case Latent::texture: return model(&ClassMeans::texture, 0.0, 0.5);
    case Latent::t2: return model(&ClassMeans::t2, 65.0, 115.0);
    case Latent::oedema: return model(&ClassMeans::oedema, 1.05, 2.8);
  }
  return {};
}

const char* name_of(Latent latent) {
  constexpr std::array<const char*, 7> kNames{"log_radius", "core_fraction", "irregularity", "gadolinium_mM",
                                              "texture",    "t2_ms",         "oedema"};
  return kNames[static_cast<std::size_t>(latent)];
}

double value_of(Latent latent, const LesionLatents& l) {
  switch (latent) {
    case Latent::log_radius: return log_portable(l.radius_mm);
    case Latent::core_fraction: return l.core_fraction;
    case Latent::irregularity: return l.irregularity;
    case Latent::gadolinium: return l.gadolinium_mM;
    case Latent::texture: return l.texture;
    case Latent::t2: return l.t2_ms;
    case Latent::oedema: return l.oedema;
  }
  return 0;
}

double cerebellar_rate(bool is_sclc, double signal) { return dialled(0.15, 0.22, is_sclc, signal); }

LesionLatents draw_latents(std::uint64_t seed, std::uint32_t patient, std::uint32_t lesion, bool is_sclc, double signal) {
  const Draw draw{seed, Purpose::simulate, 0, patient, kLatentOp + lesion};
  const auto drawn = [&](Latent latent) {
    const LatentModel m = latent_model(latent);
    return dialled(m.nsclc, m.sclc, is_sclc, signal) + m.deviation * draw.normal(static_cast<std::uint32_t>(latent));
  };
  const auto clamped = [&](Latent latent) {
    const LatentModel m = latent_model(latent);
    return std::clamp(drawn(latent), m.low, m.high);
  };
  LesionLatents l;
  l.radius_mm = std::clamp(exp_portable(drawn(Latent::log_radius)), kSmallest, kLargest);
  l.core_fraction = clamped(Latent::core_fraction);
  l.irregularity = clamped(Latent::irregularity);
  l.gadolinium_mM = clamped(Latent::gadolinium);
  l.texture = clamped(Latent::texture);
  l.t2_ms = clamped(Latent::t2);
  l.oedema = clamped(Latent::oedema);
  l.cerebellar = draw.uniform(20) < cerebellar_rate(is_sclc, signal);
  return l;
}

double lesions_beyond_first(bool is_sclc, double signal) { return dialled(0.4, 0.6, is_sclc, std::min(signal, 1.0)); }

int draw_lesion_count(std::uint64_t seed, std::uint32_t patient, bool is_sclc, double signal) {
  const Draw draw{seed, Purpose::simulate, 0, patient, kCountOp};
  // 1 + Poisson(rate), by inversion of one uniform draw, at most 4.
  const double rate = lesions_beyond_first(is_sclc, signal);
  double u = draw.uniform(0), share = exp_portable(-rate);
  int count = 1;
  while (count < 4 && u >= share) {
    u -= share;
    share *= rate / count;
    ++count;
  }
  return count;
}

double oracle_auc(std::uint64_t seed, double signal) {
  constexpr std::uint32_t kPerClass = 2000;
  const auto score = [&](std::uint32_t i, bool is_sclc) {
    const LesionLatents l = draw_latents(seed, 1u << 20 | (is_sclc ? kPerClass + i : i), 0, is_sclc, signal);
    const auto part = [](double v, double nsclc, double sclc, double sd) {
      return (v - (nsclc + sclc) / 2) * (sclc - nsclc) / (sd * sd);
    };
    return part(l.core_fraction, kNsclc.core, kSclc.core, kDeviation.core) +
           part(l.oedema, kNsclc.oedema, kSclc.oedema, kDeviation.oedema) + part(l.t2_ms, kNsclc.t2, kSclc.t2, kDeviation.t2);
  };
  std::vector<double> nsclc;
  for (std::uint32_t i = 0; i < kPerClass; ++i) nsclc.push_back(score(i, false));
  std::sort(nsclc.begin(), nsclc.end());
  double wins = 0;
  for (std::uint32_t i = 0; i < kPerClass; ++i) {
    wins += static_cast<double>(std::lower_bound(nsclc.begin(), nsclc.end(), score(i, true)) - nsclc.begin());
  }
  return wins / (static_cast<double>(kPerClass) * kPerClass);
}

double healthy_signal(Series series, const std::array<std::uint8_t, 8>& tissue) {
  const auto& table = kHealthy[static_cast<std::size_t>(series)];
  double sum = 0;
  for (std::size_t t = 0; t < kTissues; ++t) sum += table[t] * tissue[t];
  return sum / 255;
}

double signal_at(Series series, const std::array<std::uint8_t, 8>& tissue, const std::vector<Lesion>& lesions,
                 const Vec3& point) {
  double value = healthy_signal(series, tissue);
  if (tissue[intracranial] < 128) return value;
  const auto s = static_cast<std::size_t>(series);
  for (const Lesion& lesion : lesions) {
    const LesionMix mix = lesion_mix(lesion, tissue, point);
    if (!mix.reaches) continue;
    value += mix.oedema * (kOedema[s] - value);
    const double tumour = solid_signal(series, lesion, point) * (1 - mix.core) + kNecrosis[s] * mix.core;
    value += mix.tumour * (tumour - value);
  }
  return value;
}

}  // namespace vitrine::imaging

// Simulated metastases: what a lesion is like, and the signal of every tissue in the three series.
//
// Latents    drawn per lesion from normal distributions whose means depend on the class by the dial `signal`:
//            mean = pooled + signal * (class mean - pooled). The draws themselves never see the label, so at signal 0 the images carry
//            no information about it.
// Sources    directions of the differences: background of docs/simulator.md (enhancing rims and oedema in NSCLC, solid and
//            T2-darker tumours in SCLC); at signal 1 they are larger than in patients, so that a small network can learn them from a
//            dozen subjects
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

enum class Series { t1c, flair, t2 };

struct LesionLatents {
  double radius_mm = 12;        // of the tumour core: rim and necrosis
  double core_fraction = 0.4;   // necrotic part of the radius
  double irregularity = 0.08;   // of the surface, as a share of the radius
  double gadolinium_mM = 0.42;  // in the solid part
  double texture = 0.2;         // of the enhancement
  double t2_ms = 90;            // of the solid part
  double oedema = 1.7;          // outer radius of the oedema as a multiple of the lesion's
  bool cerebellar = false;
};

struct Lesion {
  LesionLatents latents;
  Vec3 centre{};               // mm, LPS, in T1c's space
  std::array<Vec3, 5> wave{};  // of the surface and of the texture
  std::array<double, 5> phase{};

  // Distance from the centre as a share of the surface's radius in that direction: below 1 inside the tumour core.
  double depth(const Vec3& point) const;
};

// What a lesion makes of a point: shares of oedema (of the brain's tissue there), tumour, and necrosis within the tumour.
struct LesionMix {
  double oedema = 0, tumour = 0, core = 0;
  bool reaches = false;  // the point at all
};
LesionMix lesion_mix(const Lesion& lesion, const std::array<std::uint8_t, 8>& tissue, const Vec3& point);
// Gadolinium of the solid part at a point, mM, not below 0.
double gadolinium_at(const Lesion& lesion, const Vec3& point);

// Latents of a lesion. `is_sclc` moves the means only; the same coordinates give the same draws for both classes.
LesionLatents draw_latents(std::uint64_t seed, std::uint32_t patient, std::uint32_t lesion, bool is_sclc, double signal);
int draw_lesion_count(std::uint64_t seed, std::uint32_t patient, bool is_sclc, double signal);  // 1 to 4
double lesions_beyond_first(bool is_sclc, double signal);                                       // the mean of the Poisson draw

// The latents with a normal distribution, as drawn: mean at signal 1 and deviation; what is drawn is clamped to low..high.
enum class Latent { log_radius, core_fraction, irregularity, gadolinium, texture, t2, oedema };
inline constexpr std::array<Latent, 7> kLatents{Latent::log_radius, Latent::core_fraction, Latent::irregularity,
                                                Latent::gadolinium, Latent::texture,       Latent::t2,
                                                Latent::oedema};
struct LatentModel {
  double nsclc = 0, sclc = 0, deviation = 1, low = 0, high = 0;
};
LatentModel latent_model(Latent latent);
const char* name_of(Latent latent);
double value_of(Latent latent, const LesionLatents& latents);
double cerebellar_rate(bool is_sclc, double signal);

// AUC of the best rule that knows core fraction, oedema and T2 of a lesion (a linear one: the latents are independent normals of one
// deviation), over 4,000 simulated lesions. imaging/simulator/oracle.h has the rule that knows all of them.
double oracle_auc(std::uint64_t seed, double signal);

// Signal relative to white matter = 1 of healthy tissue fractions (imaging/simulator/anatomy.h order, in 1/255).
double healthy_signal(Series series, const std::array<std::uint8_t, 8>& tissue);
// The same with the lesions at that point on top.
double signal_at(Series series, const std::array<std::uint8_t, 8>& tissue, const std::vector<Lesion>& lesions,
                 const Vec3& point);

}  // namespace vitrine::imaging

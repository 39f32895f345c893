#include "imaging/steps/brain.h"

#include <algorithm>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/steps/brain_plausibility.h"
#include "imaging/steps/brain_surface.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/head_deformation.h"
#include "imaging/steps/head_registration.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/running_means.h"

namespace vitrine::imaging {
namespace {

constexpr double kCoarseMm = 4, kFineMm = 2;

HeadContrast contrast_of(const HeadFit& fit) {
  if (fit.csf_is_bright()) return HeadContrast::t2;
  return fit.levels[kGrey].mean > fit.levels[kWhite].mean ? HeadContrast::flair : HeadContrast::t1;
}

// Where the smooth field is at least 0.5; outside its grid nothing is brain.
Mask at_level(const Volume& inside, const Geometry& grid) {
  Mask mask{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  std::size_t at = 0;
  for (std::int64_t k = 0; k < grid.size[2]; ++k) {
    check_interrupt("brain extraction");
    for (std::int64_t j = 0; j < grid.size[1]; ++j) {
      for (std::int64_t i = 0; i < grid.size[0]; ++i, ++at) {
        const Vec3 q = inside.geometry.to_index(
            grid.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)}));
        if (inside.geometry.holds(q)) mask.data[at] = interpolated(inside, q) >= 0.5f ? 1.0f : 0.0f;
      }
    }
  }
  return mask;
}

void require_head_size(const Geometry& g, const std::string& what) {
  for (std::size_t c = 0; c < 3; ++c) {
    const double extent = static_cast<double>(g.size[c]) * g.spacing[c];
    if (g.size[c] < 4 || extent < 40) {
      throw DataError(text(what, ": brain extraction needs 4 voxels and 40 mm along every axis, found ", g.size[c], " and ",
                           fixed(extent, 0), " mm; bring a mask in the column brain_mask"));
    }
  }
}

}  // namespace

std::string name_of(HeadContrast contrast) {
  constexpr std::array<const char*, 4> kNames{"auto", "t1", "flair", "t2"};
  return kNames[static_cast<std::size_t>(contrast)];
}

HeadContrast contrast_named(const std::string& name) {
  for (const HeadContrast c : {HeadContrast::automatic, HeadContrast::t1, HeadContrast::flair, HeadContrast::t2}) {
    if (name == name_of(c)) return c;
  }
  throw UsageError(text("the contrast '", printable(name), "' is not known, expected auto, t1, flair or t2"));
}

double dice(const Mask& a, const Mask& b) {
  double both = 0, total = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    both += static_cast<double>(a.data[i] * b.data[i]);
    total += static_cast<double>(a.data[i] + b.data[i]);
  }
  return total > 0 ? 2 * both / total : 1;
}

Mask with_lesion(Mask brain, const Mask& lesion, double margin_mm) {
  const Mask margin = dilated(lesion, margin_mm);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  return brain;
}

BrainAgreement brain_agreement(const Mask& t1c, const Mask& flair, const Mask& t2) {
  BrainAgreement a;
  a.t1c_flair = dice(t1c, flair);
  a.t1c_t2 = dice(t1c, t2);
  a.flair_t2 = dice(flair, t2);
  const auto apart = [](double d) { return d < kLeastBrainAgreement; };
  const std::string pairs = text("Dice T1c and FLAIR ", fixed(a.t1c_flair, 3), ", T1c and T2 ", fixed(a.t1c_t2, 3),
                                 ", FLAIR and T2 ", fixed(a.flair_t2, 3), "; ", fixed(kLeastBrainAgreement, 2), " is expected");
  const char* alone = nullptr;
  if (apart(a.t1c_flair) && apart(a.t1c_t2) && !apart(a.flair_t2)) alone = "T1c";
  if (apart(a.t1c_flair) && apart(a.flair_t2) && !apart(a.t1c_t2)) alone = "FLAIR";
  if (apart(a.t1c_t2) && apart(a.flair_t2) && !apart(a.t1c_flair)) alone = "T2";
  if (alone != nullptr) {
    warn(a.notes, text("the brain of ", alone, " is not that of the other two series (", pairs, ")"));
  } else if (apart(a.t1c_flair) || apart(a.t1c_t2) || apart(a.flair_t2)) {
    warn(a.notes, text("the brains of the three series do not agree (", pairs, ")"));
  }
  return a;
}

Brain extract_brain(const Volume& volume, const BrainOptions& options, const std::string& what) {
  require_head_size(volume.geometry, what);
  Brain brain;
  brain.mask = stripped_brain(volume);
  brain.ml = volume_ml(brain.mask);
  if (brain.ml > 0) {
    brain.figures.stripped = true;
    brain.figures.contrast = options.contrast;
    note(brain.notes, text("the volume came without skull (0 around ", fixed(brain.ml, 0), " ml); this is taken as the brain"));
    return brain;
  }
  const HeadTemplate carried = options.head != nullptr ? HeadTemplate{} : carried_head_template();
  const HeadTemplate& head = options.head != nullptr ? *options.head : carried;
  const Volume coarse = averaged(volume, coarse_grid(volume.geometry, kCoarseMm)),
               fine = averaged(volume, coarse_grid(volume.geometry, kFineMm));
  const HeadRegistration registration = register_head(head, coarse);
  const HeadFit fit = fit_head(head, registration.map, coarse, fine);
  const HeadContrast found = contrast_of(fit);
  const HeadContrast taken = options.contrast == HeadContrast::automatic ? found : options.contrast;
  const BrainSurface surface = find_surface(head, fit, fine, taken == HeadContrast::t2);
  brain.mask = at_level(surface.inside, volume.geometry);
  brain.ml = volume_ml(brain.mask);
  brain.figures = brain_figures(head, registration, fit, surface, brain.mask);
  brain.figures.contrast = found;
  check_brain(brain.figures, brain.ml, options.contrast, what, brain.notes);
  return brain;
}

Json record(const Brain& brain) {
  const BrainFigures& f = brain.figures;
  Json json = Json::object();
  json["ml"] = brain.ml;
  json["contrast"] = name_of(f.contrast);
  json["stripped"] = f.stripped;
  if (!f.stripped) {
    json["information_nats"] = f.information;
    json["covered"] = f.covered;
    json["scale"] = f.scale;
    json["turn_degrees"] = f.turn_degrees;
    json["template_share"] = f.template_share;
    json["template_dice"] = f.template_dice;
    json["off_centre_mm"] = f.off_centre;
    json["asymmetry"] = f.asymmetry;
    json["below_top_mm"] = f.below_top;
    json["border_share"] = f.border_share;
  }
  return json;
}

}  // namespace vitrine::imaging

#include "imaging/brain/brain.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/number.h"
#include "imaging/brain/head_deformation.h"
#include "imaging/brain/head_registration.h"
#include "imaging/brain/plausibility.h"
#include "imaging/brain/running_means.h"
#include "imaging/brain/stripped.h"
#include "imaging/brain/surface.h"
#include "imaging/steps/bias_field.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kCoarseMm = 4, kFineMm = 2;
constexpr double kStrongField = 1.4;  // highest by lowest
constexpr int kMostRounds = 3;

HeadContrast contrast_of(const HeadFit& fit) {
  if (fit.csf_is_bright()) return HeadContrast::t2;
  return fit.levels[kGrey].mean > fit.levels[kWhite].mean ? HeadContrast::flair : HeadContrast::t1;
}

// The volume in voxels of about `mm` along every axis: means where it is finer, linear between slices where it is coarser.
Volume at_spacing(const Volume& volume, double mm) {
  Volume mean = averaged(volume, coarse_grid(volume.geometry, mm));
  Geometry grid = mean.geometry;
  Vec3 first{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double extent = static_cast<double>(grid.size[c]) * grid.spacing[c];
    grid.size[c] = std::max<std::int64_t>(1, std::llround(extent / mm));
    grid.spacing[c] = extent / static_cast<double>(grid.size[c]);
    first[c] = grid.spacing[c] / mean.geometry.spacing[c] / 2 - 0.5;
  }
  if (grid.size == mean.geometry.size) return mean;
  grid.origin = mean.geometry.to_physical(first);
  Volume fine{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  each_voxel(grid,
             [&](std::size_t at, const Vec3& place) { fine.data[at] = interpolated(mean, mean.geometry.to_index(place)); });
  return fine;
}

// Brightness above the darkest, and by a power of two about 1,000 for what is bright: tools move the zero, and units are anybody's.
void rescale(Volume& coarse, Volume& fine) {
  const double lowest = quantile(coarse.data, 0.005), bright = quantile(coarse.data, 0.99) - lowest;
  const double factor = bright > 0 ? std::ldexp(1.0, 10 - std::ilogb(bright)) : 1;
  for (Volume* volume : {&coarse, &fine}) {
    for (float& v : volume->data) v = static_cast<float>(std::max(0.0, (static_cast<double>(v) - lowest) * factor));
  }
}

// Where the smooth field is at least 0.5; outside its grid nothing is brain.
Mask at_level(const Volume& inside, const Geometry& grid) {
  Mask mask{grid, std::vector<float>(static_cast<std::size_t>(grid.voxels()))};
  each_voxel(grid, [&](std::size_t at, const Vec3& place) {
    const Vec3 q = inside.geometry.to_index(place);
    if (inside.geometry.holds(q)) mask.data[at] = interpolated(inside, q) >= 0.5f ? 1.0f : 0.0f;
  });
  return mask;
}

// A volume in the voxels that the search works on.
struct Scales {
  Volume coarse, fine;

  explicit Scales(const Volume& volume) : coarse(at_spacing(volume, kCoarseMm)), fine(at_spacing(volume, kFineMm)) {
    rescale(coarse, fine);
  }
  Scales(Volume c, Volume f) : coarse(std::move(c)), fine(std::move(f)) {}
};

struct Found {
  HeadRegistration registration;
  HeadFit fit;
  BrainSurface surface;
  Volume coarse;  // that it was found in
  double field_ratio = 0;
  int rounds = 1;
};

Found found_once(Scales scales, const HeadTemplate& head, std::optional<bool> bright_csf) {
  Found f;
  f.registration = register_head(head, scales.coarse);
  f.fit = fit_head(head, f.registration.map, scales.coarse, scales.fine, bright_csf);
  f.surface = find_surface(head, f.fit, scales.fine);
  f.coarse = std::move(scales.coarse);
  return f;
}

// The volume without the field that its brain shows, as far as one was found.
Scales flattened(const Scales& scales, const Found& found, double& field_ratio, const std::string& what) {
  Mask inside = at_level(found.surface.inside, scales.fine.geometry);
  const BiasCorrection bias = correct_bias(scales.fine, inside, {}, {}, what);
  field_ratio = bias.field_high / bias.field_low;
  return {at_spacing(bias.corrected, kCoarseMm), bias.corrected};
}

bool fits_better(const Found& a, const Found& b) {
  return a.fit.tissue_information + a.registration.information > b.fit.tissue_information + b.registration.information;
}

// A strong field hides a part of the head from the first look; a slab may show another contrast than it has.
Found found_in(const Scales& scales, const HeadTemplate& head, HeadContrast told, const std::string& what) {
  Found best = found_once(scales, head, std::nullopt);
  if (told != HeadContrast::automatic && (told == HeadContrast::t2) != best.fit.csf_is_bright()) {
    Found as_told = found_once(scales, head, told == HeadContrast::t2);
    if (best.registration.covered < kWholeBrain || as_told.fit.tissue_information > best.fit.tissue_information)
      best = std::move(as_told);
  }
  for (int round = 2; round <= kMostRounds; ++round) {
    if (best.fit.csf_is_bright()) break;  // the skull tells the surface, whatever the field
    double ratio = 1;
    std::optional<Scales> flat;
    try {
      flat = flattened(scales, best, ratio, what);
    } catch (const DataError&) {
      break;  // what was found is judged as it is
    }
    best.field_ratio = ratio;
    if (ratio < kStrongField) break;
    Found again = found_once(*flat, head, best.fit.csf_is_bright());
    if (!fits_better(again, best)) break;
    again.rounds = round;
    again.field_ratio = ratio;
    best = std::move(again);
  }
  return best;
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

Mask with_lesion(Mask brain, const Mask& lesion, double margin_mm) {
  const Mask margin = dilated(lesion, margin_mm);
  for (std::size_t i = 0; i < brain.data.size(); ++i) brain.data[i] = std::max(brain.data[i], margin.data[i]);
  return brain;
}

BrainAgreement brain_agreement(const Mask& t1c, const Mask* flair, const Mask* t2) {
  BrainAgreement a;
  if (flair != nullptr) a.t1c_flair = dice(t1c, *flair);
  if (t2 != nullptr) a.t1c_t2 = dice(t1c, *t2);
  if (flair != nullptr && t2 != nullptr) a.flair_t2 = dice(*flair, *t2);
  std::string pairs;
  int measured = 0, apart = 0;
  const auto differ = [](double d) { return d >= 0 && d < kLeastBrainAgreement; };
  for (const auto& [d, name] :
       {std::pair{a.t1c_flair, "T1c and FLAIR"}, {a.t1c_t2, "T1c and T2"}, {a.flair_t2, "FLAIR and T2"}}) {
    if (d < 0) continue;
    pairs += text(measured++ > 0 ? ", " : "", name, " ", fixed(d, 3));
    apart += differ(d) ? 1 : 0;
  }
  if (apart == 0) return a;
  const char* alone = nullptr;  // the one of three that agrees with neither of the others
  if (apart == 2) alone = !differ(a.flair_t2) ? "T1c" : !differ(a.t1c_t2) ? "FLAIR" : "T2";
  const std::string figures =
      text(" (Dice ", pairs, "; at least ", fixed(kLeastBrainAgreement, 2), " is expected); look at the outlines");
  warn(a.notes, alone != nullptr ? text("the brain of ", alone, " is not that of the other two series", figures)
                                 : text("the brains that the series show do not agree", figures));
  return a;
}

Brain extract_brain(const Volume& volume, const BrainOptions& options, const std::string& what) {
  require_head_size(volume.geometry, what);
  Brain brain;
  brain.mask = options.stripped ? stripped_brain(volume, what) : brain_if_stripped(volume);
  brain.ml = volume_ml(brain.mask);
  if (brain.ml > 0) {
    brain.figures.stripped = true;
    brain.figures.contrast = options.contrast;
    if (!options.stripped)
      note(brain.notes,
           text("the volume came without skull (one value around ", fixed(brain.ml, 0), " ml); this is taken as the brain"));
    note_volume(brain.ml, brain.notes);
    return brain;
  }
  const HeadTemplate carried = options.head != nullptr ? HeadTemplate{} : carried_head_template();
  const HeadTemplate& head = options.head != nullptr ? *options.head : carried;
  const Found found = found_in(Scales(volume), head, options.contrast, what);
  brain.mask = at_level(found.surface.inside, volume.geometry);
  brain.ml = volume_ml(brain.mask);
  brain.figures = brain_figures(head, found.registration, found.fit, found.surface, brain.mask, found.coarse);
  brain.figures.contrast = contrast_of(found.fit);
  brain.figures.field_ratio = found.field_ratio;
  brain.figures.rounds = found.rounds;
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
    json["tissue_information_nats"] = f.tissue_information;
    if (f.field_ratio > 0) json["field_ratio"] = f.field_ratio;
    json["rounds"] = f.rounds;
    json["covered"] = f.covered;
    json["scale"] = f.scale;
    json["turn_degrees"] = f.turn_degrees;
    json["template_share"] = f.template_share;
    json["template_dice"] = f.template_dice;
    json["off_centre_mm"] = f.off_centre;
    json["asymmetry"] = f.asymmetry;
    json["below_top_mm"] = f.below_top;
    json["grey_white"] = f.grey_white;
    json["border_share"] = f.border_share;
  }
  return json;
}

}  // namespace vitrine::imaging

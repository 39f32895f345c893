#include "imaging/steps/feather.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "imaging/steps/distance.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kLeastShown = 2, kRounding = 1e-4;  // mm

}  // namespace

Volume feather_weight(const Mask& brain, const Volume& lesion, const FeatherOptions& options) {
  if (!(options.show_mm >= kLeastShown) || !(options.fade_mm > 0))
    throw UsageError(text("feathering shows ", options.show_mm, " mm around a lesion and fades over ", options.fade_mm,
                          " mm, expected at least ", kLeastShown, " mm and more than 0"));
  Volume weight = distance_to(lesion, options.show_mm + options.fade_mm);
  for (std::size_t i = 0; i < weight.data.size(); ++i) {
    const double beyond = static_cast<double>(weight.data[i]) - options.show_mm;
    if (brain.data[i] > 0 || beyond <= kRounding) {
      weight.data[i] = 1;
    } else if (beyond >= options.fade_mm - kRounding) {
      weight.data[i] = 0;
    } else {
      weight.data[i] = static_cast<float>((1 + cos_portable(std::numbers::pi * beyond / options.fade_mm)) / 2);
    }
  }
  return weight;
}

Volume feathered(Volume volume, const Volume& weight) {
  for (std::size_t i = 0; i < volume.data.size(); ++i) volume.data[i] *= weight.data[i];
  return volume;
}

}  // namespace vitrine::imaging

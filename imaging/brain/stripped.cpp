#include "imaging/brain/stripped.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/number.h"
#include "imaging/steps/mask.h"
#include "imaging/steps/morphology.h"

namespace vitrine::imaging {
namespace {

constexpr double kMostMl = 2500;
constexpr double kLeastBackground = 1.0 / 3, kLeastBlobMl = 600, kMostBlobMl = 2200, kLeastInBlob = 0.95, kMostBorderMl = 5;

float background_of(const Volume& volume) {
  const auto& n = volume.geometry.size;
  std::array<float, 8> corners{};
  for (std::size_t c = 0; c < 8; ++c)
    corners[c] = volume.at((c & 1) != 0 ? n[0] - 1 : 0, (c & 2) != 0 ? n[1] - 1 : 0, (c & 4) != 0 ? n[2] - 1 : 0);
  const auto times = [&](float v) { return std::count(corners.begin(), corners.end(), v); };
  return *std::max_element(corners.begin(), corners.end(), [&](float a, float b) { return times(a) < times(b); });
}

Mask not_background(const Volume& volume) {
  const float background = background_of(volume);
  Mask mask = volume;
  for (float& v : mask.data) v = v != background ? 1.0f : 0.0f;
  return mask;
}

double border_ml(const Mask& mask) {
  const Geometry& g = mask.geometry;
  double border = 0;
  std::size_t at = 0;
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i, ++at) {
        const bool edge = i == 0 || j == 0 || k == 0 || i == g.size[0] - 1 || j == g.size[1] - 1 || k == g.size[2] - 1;
        border += edge && mask.data[at] != 0 ? 1 : 0;
      }
    }
  }
  return border * g.spacing[0] * g.spacing[1] * g.spacing[2] / 1000;
}

}  // namespace

Mask stripped_brain(const Volume& volume, const std::string& what) {
  Mask brain = filled(largest_part(not_background(volume)));
  const double ml = volume_ml(brain);
  if (ml < kLowestBrainMl || ml > kMostMl)
    throw DataError(text(what, ": the table says that it is without skull, but what differs from its background has ",
                         fixed(ml, 0), " ml, expected ", kLowestBrainMl, " to ", kMostMl,
                         "; correct the column skull_stripped"));
  return brain;
}

Mask brain_if_stripped(const Volume& volume) {
  const Mask none{volume.geometry, std::vector<float>(volume.data.size())}, rest = not_background(volume);
  const double ml = volume_ml(rest);
  const auto differ = static_cast<double>(std::count(rest.data.begin(), rest.data.end(), 1.0f));
  if (differ > (1 - kLeastBackground) * static_cast<double>(rest.data.size()) || ml < kLeastInBlob * kLeastBlobMl ||
      ml > kMostMl)
    return none;
  Mask brain = filled(largest_part(rest));
  const double blob = volume_ml(brain);
  // A slab of a head is cut by the border of its volume; a brain is not.
  const bool like_a_brain =
      blob >= kLeastBlobMl && blob <= kMostBlobMl && blob >= kLeastInBlob * ml && border_ml(brain) <= kMostBorderMl;
  return like_a_brain ? brain : none;
}

}  // namespace vitrine::imaging

// The connected parts of a labelled volume.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

// A part's box in one slice, whole voxels on both sides included.
struct SliceBox {
  std::int64_t k = 0, i0 = 0, i1 = 0, j0 = 0, j1 = 0;
  std::int64_t voxels = 0;
};

struct Component {
  int label = 1;
  int pieces = 1;
  std::int64_t voxels = 0;
  std::array<std::int64_t, 3> first{};  // its voxel of the lowest index
  std::vector<SliceBox> slices;         // rising; those it reaches
};

struct Components {
  std::vector<Component>
      large;  // of at least the least voxels: the largest first, of equal ones that of the lowest first voxel
  std::vector<Component> small;  // the rest in the same order, without slices, at most kMostListed
  std::int64_t small_count = 0, small_voxels = 0, smallest = 0;

  static constexpr std::size_t kMostListed = 5;
};

// 26-neighbours of one label are connected. With `numbered`, all of one label are one component, in however many pieces. Two numbers a
// voxel are held besides the labels. DataError (beginning with `what`) for more than 255 large components; Interrupted.
Components find_components(const Volume& labels, bool numbered, std::int64_t least_voxels, const std::string& what);

}  // namespace vitrine::imaging

// The head that brain extraction lays over a patient's: where brain, grey and white matter lie in MNI152, and what lies around them in Colin27, in plain numbers.
//
// Space      MNI152 in LPS, mm: x to the left of the mid plane, y to posterior, z to superior; left and right are mirror images
// Nodes      4 mm apart, read between by linear interpolation; beyond the outermost nodes their values hold on
// Origin     imaging/brain/template/README.md, with its licence; made by imaging/brain/template/make.py; carried inside the program
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "imaging/volume.h"

namespace vitrine::imaging {

// What the template says about a point.
struct HeadPoint {
  float distance = 0;         // mm from the brain's surface, negative inside
  float grey = 0, white = 0;  // shares
  float soft = 0, air = 0;    // around the brain: scalp, muscle, fat; outside of the head. The rest is bone
  float base = 0;  // 1 below the brain (skull base, face, neck), where no shell of skull and scalp follows its surface
};

struct HeadTemplate {
  std::array<std::int64_t, 3> size{};
  double spacing = 0;
  Vec3 first{};  // the place of node (0, 0, 0)
  std::vector<HeadPoint> nodes;

  // work(place, node) for every node, x fastest.
  template <class Work>
  void each_node(const Work& work) const {
    std::size_t at = 0;
    for (std::int64_t k = 0; k < size[2]; ++k) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        for (std::int64_t i = 0; i < size[0]; ++i, ++at)
          work(Vec3{first[0] + spacing * static_cast<double>(i), first[1] + spacing * static_cast<double>(j),
                    first[2] + spacing * static_cast<double>(k)},
               nodes[at]);
      }
    }
  }
  double brain_ml() const;
  Vec3 brain_centre() const;  // mm

  HeadPoint at(const Vec3& lps) const;
  // And the change of each number along x, y and z, per mm.
  HeadPoint at(const Vec3& lps, std::array<HeadPoint, 3>& gradient) const;
};

inline constexpr double kStemCut =
    -64;  // mm: below, the template's brain ends because its volume does, and nothing is learnt from it

// The template of a deflated stream as make.py writes it. DataError when it is none.
HeadTemplate read_head_template(std::string_view deflated);
HeadTemplate carried_head_template();
HeadTemplate head_template_file(const std::filesystem::path& path);

}  // namespace vitrine::imaging

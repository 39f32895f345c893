#include "nn/efficientnet/scaling.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace vitrine {
namespace {

struct Stage {
  int repeats;
  std::int64_t kernel, stride, expand, in, out;
};

// Table 1 of the paper; all with a squeeze of a quarter of the block's input channels.
constexpr Stage kStages[] = {{1, 3, 1, 1, 32, 16},  {2, 3, 2, 6, 16, 24},   {2, 5, 2, 6, 24, 40},  {3, 3, 2, 6, 40, 80},
                             {3, 5, 1, 6, 80, 112}, {4, 5, 2, 6, 112, 192}, {1, 3, 1, 6, 192, 320}};

struct Scale {
  const char* name;
  double width, depth;
  int resolution;
  double dropout;
};

constexpr Scale kScales[] = {{"b0", 1.0, 1.0, 224, 0.2},    {"b1", 1.0, 1.1, 240, 0.2},    {"b2", 1.1, 1.2, 260, 0.3},
                             {"b3", 1.2, 1.4, 300, 0.3},    {"b4", 1.4, 1.8, 380, 0.4},    {"b5", 1.6, 2.2, 456, 0.4},
                             {"b6", 1.8, 2.6, 528, 0.5},    {"b7", 2.0, 3.1, 600, 0.5},    {"lite0", 1.0, 1.0, 224, 0.2},
                             {"lite1", 1.0, 1.1, 240, 0.2}, {"lite2", 1.1, 1.2, 260, 0.3}, {"lite3", 1.2, 1.4, 280, 0.3},
                             {"lite4", 1.4, 1.8, 300, 0.3}};

void add_stage(Architecture& a, int stage, const Scale& scale) {
  const Stage& s = kStages[stage];
  const bool end_of_lite = a.lite && (stage == 0 || stage == 6);
  const int repeats = end_of_lite ? s.repeats : scaled_repeats(s.repeats, scale.depth);
  const std::int64_t out = scaled_channels(s.out, scale.width);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    BlockSpec block;
    block.stage = stage;
    block.repeat = repeat;
    block.kernel = s.kernel;
    block.stride = repeat == 0 ? s.stride : 1;
    block.in = a.blocks.empty() ? a.stem : a.blocks.back().out;
    block.middle = block.in * s.expand;
    block.out = out;
    block.squeeze = a.lite ? 0 : std::max<std::int64_t>(1, block.in / 4);
    a.blocks.push_back(block);
  }
}

}  // namespace

std::int64_t scaled_channels(std::int64_t channels, double width) {
  const double scaled = static_cast<double>(channels) * width;
  auto rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(scaled + 4) / 8 * 8);
  if (static_cast<double>(rounded) < 0.9 * scaled) rounded += 8;
  return rounded;
}

int scaled_repeats(int repeats, double depth) { return static_cast<int>(std::ceil(depth * repeats)); }

Architecture architecture(const std::string& name) {
  for (const Scale& scale : kScales) {
    if (name != scale.name) continue;
    Architecture a;
    a.name = name;
    a.lite = name.starts_with("lite");
    a.resolution = scale.resolution;
    a.dropout = scale.dropout;
    a.stem = a.lite ? 32 : scaled_channels(32, scale.width);
    a.head = a.lite ? 1280 : scaled_channels(1280, scale.width);
    for (int stage = 0; stage < 7; ++stage) add_stage(a, stage, scale);
    return a;
  }
  throw UsageError(text("the architecture '", name, "' is not known; choose one of b0 to b7, lite0 to lite4"));
}

const std::vector<std::string>& architecture_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Scale& scale : kScales) all.emplace_back(scale.name);
    return all;
  }();
  return names;
}

}  // namespace vitrine

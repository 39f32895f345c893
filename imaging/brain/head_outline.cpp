#include "imaging/brain/head_outline.h"

#include <algorithm>
#include <vector>

#include "imaging/steps/grid.h"

namespace vitrine::imaging {

float foreground_level(const Volume& volume) {
  const double high = quantile(volume.data, 0.99);
  double level = high / 4;
  for (int round = 0; round < 20; ++round) {
    double low_sum = 0, high_sum = 0, low_count = 0, high_count = 0;
    for (const float v : volume.data) {
      const double x = std::min(static_cast<double>(v), high);
      (x > level ? high_sum : low_sum) += x;
      (x > level ? high_count : low_count) += 1;
    }
    if (low_count == 0 || high_count == 0) break;
    level = 0.5 * low_sum / low_count + 0.5 * 0.6 * high_sum / high_count;
  }
  return static_cast<float>(level);
}

Mask head_outline(const Volume& volume) {
  const Geometry& g = volume.geometry;
  const float level = foreground_level(volume);
  Mask head{g, std::vector<float>(volume.data.size())};
  std::vector<std::int64_t> front(static_cast<std::size_t>(g.size[0])), back(front.size());
  std::vector<std::int64_t> top(static_cast<std::size_t>(g.size[0] * g.size[1]), -1);
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    for (std::int64_t c = 0; c < g.size[0] * g.size[1]; ++c) {
      if (volume.data[static_cast<std::size_t>(k * g.size[0] * g.size[1] + c)] > level) top[static_cast<std::size_t>(c)] = k;
    }
  }
  for (std::int64_t k = 0; k < g.size[2]; ++k) {
    std::fill(front.begin(), front.end(), g.size[1]);
    std::fill(back.begin(), back.end(), -1);
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        if (volume.at(i, j, k) <= level) continue;
        const auto column = static_cast<std::size_t>(i);
        front[column] = std::min(front[column], j);
        back[column] = j;
      }
    }
    for (std::int64_t j = 0; j < g.size[1]; ++j) {
      std::int64_t first = 0, last = g.size[0] - 1;
      while (first <= last && volume.at(first, j, k) <= level) ++first;
      while (last >= first && volume.at(last, j, k) <= level) --last;
      for (std::int64_t i = first; i <= last; ++i) {
        const auto column = static_cast<std::size_t>(i);
        const bool below_top = k <= top[static_cast<std::size_t>(j * g.size[0] + i)];
        if (j >= front[column] && j <= back[column] && below_top) head.at(i, j, k) = 1;
      }
    }
  }
  return head;
}

float head_quantile(const Volume& volume, double share) {
  const float level = 0.5f * foreground_level(volume);
  std::vector<float> head;
  for (const float v : volume.data) {
    if (v > level) head.push_back(v);
  }
  return static_cast<float>(quantile(head.empty() ? volume.data : head, share));
}

}  // namespace vitrine::imaging

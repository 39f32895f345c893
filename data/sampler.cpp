#include "data/sampler.h"

#include <algorithm>

#include "data/permutation.h"

namespace vitrine {
namespace {

std::vector<std::vector<int>> members_of(std::span<const int> labels, int classes) {
  std::vector<std::vector<int>> members(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < labels.size(); ++i) members[static_cast<std::size_t>(labels[i])].push_back(static_cast<int>(i));
  return members;
}

// The class of place i and the sample within it are two draws of that place.
std::vector<int> drawn_order(const std::vector<std::vector<int>>& members, std::uint64_t seed, std::uint32_t epoch) {
  std::size_t most = 0;
  std::vector<const std::vector<int>*> present;
  for (const std::vector<int>& m : members) {
    most = std::max(most, m.size());
    if (!m.empty()) present.push_back(&m);
  }
  std::vector<int> order;
  for (std::size_t place = 0; place < most * present.size(); ++place) {
    const Draw draw{.seed = seed, .purpose = Purpose::oversample, .epoch = epoch, .sample = static_cast<std::uint32_t>(place)};
    const std::vector<int>& m = *present[draw.below(0, static_cast<std::uint32_t>(present.size()))];
    order.push_back(m[draw.below(1, static_cast<std::uint32_t>(m.size()))]);
  }
  return order;
}

}  // namespace

std::vector<int> epoch_order(std::span<const int> labels, int classes, Balance balance, std::uint64_t seed,
                             std::uint32_t epoch) {
  std::vector<int> chosen;
  if (balance == Balance::draw) return drawn_order(members_of(labels, classes), seed, epoch);
  if (balance == Balance::none) {
    for (std::size_t i = 0; i < labels.size(); ++i) chosen.push_back(static_cast<int>(i));
  } else {
    const auto members = members_of(labels, classes);
    std::size_t most = 0;
    for (const auto& m : members) most = std::max(most, m.size());
    for (std::size_t c = 0; c < members.size(); ++c) {
      const auto& m = members[c];
      if (m.empty()) continue;
      for (std::size_t repeat = 0; repeat < most / m.size(); ++repeat) chosen.insert(chosen.end(), m.begin(), m.end());
      const std::vector<int> drawn =
          permutation({.seed = seed, .purpose = Purpose::oversample, .epoch = epoch, .op = static_cast<std::uint32_t>(c)},
                      static_cast<int>(m.size()));
      for (std::size_t i = 0; i < most % m.size(); ++i) chosen.push_back(m[static_cast<std::size_t>(drawn[i])]);
    }
  }
  std::vector<int> order;
  for (const int place :
       permutation({.seed = seed, .purpose = Purpose::shuffle, .epoch = epoch}, static_cast<int>(chosen.size()))) {
    order.push_back(chosen[static_cast<std::size_t>(place)]);
  }
  return order;
}

}  // namespace vitrine

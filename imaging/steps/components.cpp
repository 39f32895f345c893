#include "imaging/steps/components.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/steps/mask.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint32_t kNone = 0xffffffff;

// The root of a voxel, each step of the way shortened.
std::uint32_t root_of(std::vector<std::uint32_t>& parent, std::uint32_t at) {
  while (parent[at] != at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}

// The 13 neighbours that come before a voxel.
struct Neighbour {
  std::int64_t i, j, k;
};
std::vector<Neighbour> neighbours_before() {
  std::vector<Neighbour> out;
  for (const std::int64_t k : {-1, 0}) {
    for (const std::int64_t j : {-1, 0, 1}) {
      for (const std::int64_t i : {-1, 0, 1}) {
        if (std::tuple(k, j, i) < std::tuple<std::int64_t, std::int64_t, std::int64_t>(0, 0, 0)) out.push_back({i, j, k});
      }
    }
  }
  return out;
}

// Union-find: the parent of every voxel of a component, whose root is its voxel of the lowest index; kNone outside.
std::vector<std::uint32_t> joined(const Volume& labels) {
  const auto& n = labels.geometry.size;
  const std::vector<Neighbour> before = neighbours_before();
  std::vector<std::uint32_t> parent(labels.data.size(), kNone);
  std::uint32_t at = 0;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < n[1]; ++j) {
      for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
        if (labels.data[at] == 0) continue;
        parent[at] = at;
        for (const Neighbour& b : before) {
          if (k + b.k < 0 || j + b.j < 0 || j + b.j >= n[1] || i + b.i < 0 || i + b.i >= n[0]) continue;
          const auto other = static_cast<std::uint32_t>(at + (b.k * n[1] + b.j) * n[0] + b.i);
          if (labels.data[other] != labels.data[at]) continue;
          const std::uint32_t a = root_of(parent, at), c = root_of(parent, other);
          parent[std::max(a, c)] = std::min(a, c);
        }
      }
    }
  }
  return parent;
}

struct Numbered {
  std::vector<std::uint32_t> number;                 // of each voxel's component; kNone outside
  std::vector<std::uint32_t> voxels, first, pieces;  // of each component, in the order of their first voxels
};

std::array<std::int64_t, 3> index_of(std::int64_t at, const std::array<std::int64_t, 3>& n) {
  return {at % n[0], at / n[0] % n[1], at / (n[0] * n[1])};
}

bool is_before(const Component& a, const Component& b) {
  const auto key = [](const Component& c) { return std::tuple(-c.voxels, c.first[2], c.first[1], c.first[0]); };
  return key(a) < key(b);
}

void add_slices(std::vector<Component>& large, const std::vector<std::uint32_t>& number,
                const std::vector<std::uint32_t>& place, const std::array<std::int64_t, 3>& n) {
  std::size_t at = 0;
  for (std::int64_t k = 0; k < n[2]; ++k) {
    check_interrupt("preparation");
    for (std::int64_t j = 0; j < n[1]; ++j) {
      for (std::int64_t i = 0; i < n[0]; ++i, ++at) {
        if (number[at] == kNone || place[number[at]] == kNone) continue;
        std::vector<SliceBox>& slices = large[place[number[at]]].slices;
        if (slices.empty() || slices.back().k != k) slices.push_back({k, i, i, j, j, 0});
        SliceBox& box = slices.back();
        box = {k, std::min(box.i0, i), std::max(box.i1, i), std::min(box.j0, j), std::max(box.j1, j), box.voxels + 1};
      }
    }
  }
}

// A parent comes before its voxel, so one pass in place turns parents into numbers.
Numbered numbered_components(const Volume& labels, bool by_label) {
  Numbered out{joined(labels), {}, {}, {}};
  std::vector<std::uint32_t>& number = out.number;
  std::vector<std::uint32_t> of_label(by_label ? kMostLabel + 1 : 0, kNone);
  for (std::size_t at = 0; at < number.size(); ++at) {
    if (number[at] == kNone) continue;
    if (number[at] != at) {
      number[at] = number[number[at]];
      ++out.voxels[number[at]];
      continue;
    }
    auto c = static_cast<std::uint32_t>(out.voxels.size());
    if (by_label) {
      std::uint32_t& known = of_label[static_cast<std::size_t>(labels.data[at])];
      if (known == kNone) known = c;
      c = known;
    }
    if (c == out.voxels.size()) {
      out.voxels.push_back(0);
      out.pieces.push_back(0);
      out.first.push_back(static_cast<std::uint32_t>(at));
    }
    ++out.pieces[c];
    ++out.voxels[c];
    number[at] = c;
  }
  return out;
}

Component component(const Numbered& all, std::uint32_t c, const Volume& labels) {
  Component out;
  out.label = static_cast<int>(labels.data[all.first[c]]);
  out.pieces = static_cast<int>(all.pieces[c]);
  out.voxels = all.voxels[c];
  out.first = index_of(all.first[c], labels.geometry.size);
  return out;
}

void count_small(Components& result, const Numbered& all, std::uint32_t c, const Volume& labels) {
  const std::int64_t voxels = all.voxels[c];
  result.smallest = result.small_count == 0 ? voxels : std::min(result.smallest, voxels);
  ++result.small_count;
  result.small_voxels += voxels;
  if (result.small.size() == Components::kMostListed && voxels <= result.small.back().voxels) return;
  result.small.push_back(component(all, c, labels));
  std::sort(result.small.begin(), result.small.end(), is_before);
  if (result.small.size() > Components::kMostListed) result.small.pop_back();
}

}  // namespace

Components find_components(const Volume& labels, bool numbered, std::int64_t least_voxels, const std::string& what) {
  const Numbered all = numbered_components(labels, numbered);
  Components result;
  std::vector<std::uint32_t> order;  // of the large ones
  for (std::uint32_t c = 0; c < all.voxels.size(); ++c) {
    if (static_cast<std::int64_t>(all.voxels[c]) >= least_voxels) {
      order.push_back(c);
    } else {
      count_small(result, all, c, labels);
    }
  }
  if (order.size() > static_cast<std::size_t>(kMostLesions)) {
    throw DataError(text(what, " has ", order.size(), " separate parts that are large enough for a lesion, at most ",
                         kMostLesions, " are taken; check that it is a mask of lesions"));
  }
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return all.voxels[a] != all.voxels[b] ? all.voxels[a] > all.voxels[b] : all.first[a] < all.first[b];
  });
  std::vector<std::uint32_t> place(all.voxels.size(), kNone);
  for (const std::uint32_t c : order) {
    place[c] = static_cast<std::uint32_t>(result.large.size());
    result.large.push_back(component(all, c, labels));
  }
  add_slices(result.large, all.number, place, labels.geometry.size);
  return result;
}

}  // namespace vitrine::imaging

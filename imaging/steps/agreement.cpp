#include "imaging/steps/agreement.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/steps/grid.h"
#include "imaging/steps/morphology.h"
#include "imaging/steps/smoothing.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

using Index = std::array<std::int64_t, 3>;

constexpr double kGridMm = 2, kSmoothMm = 2, kBorderMm = 6, kBlockMm = 24, kStrideMm = 20, kReachMm = 6;
constexpr double kFilled = 0.9;      // of a block's voxels lie inside the brain
constexpr std::size_t kFewest = 10;  // blocks that a mean is taken of

// Gradients a as a / sqrt(|a|): of two such vectors the squared product is (a.b)^2 / (|a||b|), and the product of the squares |a||b|.
struct Edges {
  Index size{};
  std::vector<std::array<float, 3>> edge;
  std::vector<float> strength;  // |a|
};

Edges edges_of(const Volume& v) {
  const Index n = v.geometry.size, stride{1, n[0], n[0] * n[1]};
  Edges out{n, std::vector<std::array<float, 3>>(v.data.size()), std::vector<float>(v.data.size())};
  for (std::int64_t at = 0; at < v.geometry.voxels(); ++at) {
    Vec3 a{};
    double square = 0;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const std::int64_t place = at / stride[axis] % n[axis];
      const std::int64_t low = place > 0 ? at - stride[axis] : at, high = place + 1 < n[axis] ? at + stride[axis] : at;
      if (low == high) continue;
      a[axis] = (static_cast<double>(v.data[static_cast<std::size_t>(high)]) -
                 static_cast<double>(v.data[static_cast<std::size_t>(low)])) /
                v.geometry.spacing[axis];
      square += a[axis] * a[axis];
    }
    if (square == 0) continue;
    const double strength = std::sqrt(square), root = std::sqrt(strength);
    for (std::size_t axis = 0; axis < 3; ++axis)
      out.edge[static_cast<std::size_t>(at)][axis] = static_cast<float>(a[axis] / root);
    out.strength[static_cast<std::size_t>(at)] = static_cast<float>(strength);
  }
  return out;
}

struct Block {
  Index low, high;  // high: behind the last voxel
};

struct Shift {
  Index voxels;
  double mm;
};

// The nearest first, so that of equal fits the smaller shift counts.
std::vector<Shift> shifts_within(const Vec3& spacing) {
  Index reach;
  for (std::size_t c = 0; c < 3; ++c) reach[c] = std::max<std::int64_t>(1, std::llround(kReachMm / spacing[c]));
  std::vector<Shift> shifts;
  for (std::int64_t k = -reach[2]; k <= reach[2]; ++k) {
    for (std::int64_t j = -reach[1]; j <= reach[1]; ++j) {
      for (std::int64_t i = -reach[0]; i <= reach[0]; ++i) {
        const Vec3 mm{static_cast<double>(i) * spacing[0], static_cast<double>(j) * spacing[1],
                      static_cast<double>(k) * spacing[2]};
        shifts.push_back({{i, j, k}, std::sqrt(mm[0] * mm[0] + mm[1] * mm[1] + mm[2] * mm[2])});
      }
    }
  }
  std::stable_sort(shifts.begin(), shifts.end(), [](const Shift& a, const Shift& b) { return a.mm < b.mm; });
  return shifts;
}

std::vector<Block> blocks_inside(const Mask& brain, const Index& reach) {
  const Geometry& g = brain.geometry;
  Index block, stride;
  for (std::size_t c = 0; c < 3; ++c) {
    block[c] = std::max<std::int64_t>(2, std::llround(kBlockMm / g.spacing[c]));
    stride[c] = std::max<std::int64_t>(1, std::llround(kStrideMm / g.spacing[c]));
  }
  std::vector<Block> blocks;
  for (std::int64_t k = reach[2]; k + block[2] + reach[2] <= g.size[2]; k += stride[2]) {
    for (std::int64_t j = reach[1]; j + block[1] + reach[1] <= g.size[1]; j += stride[1]) {
      for (std::int64_t i = reach[0]; i + block[0] + reach[0] <= g.size[0]; i += stride[0]) {
        const Block b{{i, j, k}, {i + block[0], j + block[1], k + block[2]}};
        double inside = 0;
        for (std::int64_t z = b.low[2]; z < b.high[2]; ++z)
          for (std::int64_t y = b.low[1]; y < b.high[1]; ++y)
            for (std::int64_t x = b.low[0]; x < b.high[0]; ++x) inside += static_cast<double>(brain.at(x, y, z));
        if (inside >= kFilled * static_cast<double>(block[0] * block[1] * block[2])) blocks.push_back(b);
      }
    }
  }
  return blocks;
}

// How alike the edges run in a block when b is read `shift` further; 0 where one has none.
double likeness(const Edges& a, const Edges& b, const Block& block, const Index& shift) {
  const std::int64_t by = (shift[2] * a.size[1] + shift[1]) * a.size[0] + shift[0];
  double alike = 0, all = 0;
  for (std::int64_t k = block.low[2]; k < block.high[2]; ++k) {
    for (std::int64_t j = block.low[1]; j < block.high[1]; ++j) {
      const std::int64_t row = (k * a.size[1] + j) * a.size[0];
      for (std::int64_t i = block.low[0]; i < block.high[0]; ++i) {
        const auto p = static_cast<std::size_t>(row + i), q = static_cast<std::size_t>(row + i + by);
        const float dot = a.edge[p][0] * b.edge[q][0] + a.edge[p][1] * b.edge[q][1] + a.edge[p][2] * b.edge[q][2];
        alike += static_cast<double>(dot * dot);
        all += static_cast<double>(a.strength[p] * b.strength[q]);
      }
    }
  }
  return all > 0 ? alike / all : 0;
}

double mean_shift(const Edges& a, const Edges& b, const std::vector<Block>& blocks, const std::vector<Shift>& shifts) {
  double sum = 0;
  std::size_t counted = 0;
  for (const Block& block : blocks) {
    check_interrupt("preparation");
    double best = 0, mm = 0;
    for (const Shift& shift : shifts) {
      const double now = likeness(a, b, block, shift.voxels);
      if (now <= best) continue;
      best = now;
      mm = shift.mm;
    }
    if (best == 0) continue;
    sum += mm;
    ++counted;
  }
  return counted < kFewest ? -1 : sum / static_cast<double>(counted);
}

double squared_correlation(const Volume& a, const Volume& b, const Mask& brain) {
  double n = 0, sa = 0, sb = 0;
  for (std::size_t i = 0; i < brain.data.size(); ++i) {
    if (brain.data[i] == 0) continue;
    ++n;
    sa += static_cast<double>(a.data[i]);
    sb += static_cast<double>(b.data[i]);
  }
  double aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < brain.data.size(); ++i) {
    if (brain.data[i] == 0) continue;
    const double x = static_cast<double>(a.data[i]) - sa / n, y = static_cast<double>(b.data[i]) - sb / n;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return aa > 0 && bb > 0 ? ab * ab / (aa * bb) : 0;
}

std::string pair_text(const char* a, const char* b, double mm) { return text(a, " and ", b, " by ", fixed(mm, 1), " mm"); }

}  // namespace

SeriesAgreement series_agreement(const Volume& t1c, const Volume* flair, const Volume* t2, const Mask& brain) {
  const Geometry grid = coarse_grid(t1c.geometry, kGridMm);
  Mask inner = averaged(brain, grid);
  for (float& v : inner.data) v = v >= 0.5f ? 0.0f : 1.0f;  // what is not brain
  inner = dilated(inner, kBorderMm);
  for (float& v : inner.data) v = 1 - v;
  const std::vector<Shift> shifts = shifts_within(grid.spacing);
  Index reach{};
  for (const Shift& s : shifts) {
    for (std::size_t c = 0; c < 3; ++c) reach[c] = std::max(reach[c], s.voxels[c]);
  }
  const std::vector<Block> blocks = blocks_inside(inner, reach);
  const std::array<const Volume*, 3> given{&t1c, flair, t2};
  std::array<Volume, 3> coarse;
  std::array<Edges, 3> edges;
  for (std::size_t s = 0; s < 3; ++s) {
    if (given[s] == nullptr) continue;
    coarse[s] = averaged(*given[s], grid);
    edges[s] = edges_of(gaussian_smoothed(coarse[s], {kSmoothMm, kSmoothMm, kSmoothMm}));
  }
  SeriesAgreement result;
  const auto pair = [&](std::size_t a, std::size_t b) {
    if (given[a] == nullptr || given[b] == nullptr) return PairAgreement{};
    const PairAgreement p{mean_shift(edges[a], edges[b], blocks, shifts), squared_correlation(coarse[a], coarse[b], inner)};
    result.too_little_brain = result.too_little_brain || p.shift_mm < 0;
    return p;
  };
  result.t1c_flair = pair(0, 1);
  result.t1c_t2 = pair(0, 2);
  result.flair_t2 = pair(1, 2);
  return result;
}

Notes agreement_notes(const SeriesAgreement& agreement) {
  Notes notes;
  const auto far = [](const PairAgreement& p) { return p.shift_mm > kMostShiftMm; };
  const bool tf = far(agreement.t1c_flair), tt = far(agreement.t1c_t2), ft = far(agreement.flair_t2);
  std::string apart;
  const auto add = [&](bool is_far, const char* a, const char* b, const PairAgreement& p) {
    if (is_far) apart += (apart.empty() ? "" : ", ") + pair_text(a, b, p.shift_mm);
  };
  add(tf, "T1c", "FLAIR", agreement.t1c_flair);
  add(tt, "T1c", "T2", agreement.t1c_t2);
  add(ft, "FLAIR", "T2", agreement.flair_t2);
  if (tf || tt || ft) {
    const char* who = tf && tt ? (ft ? "at least one series" : "T1c, or FLAIR and T2,")
                      : tf     ? "FLAIR"
                      : tt     ? "T2"
                               : "FLAIR or T2";
    warn(notes, text(who, " may be of another head: after coregistration parts of the brain still lie apart (", apart,
                     " on average, up to ", kMostShiftMm, " is usual); check the files"));
  }
  const auto copy = [&](const char* a, const char* b, const PairAgreement& p) {
    if (p.correlation > kMostCorrelation)
      warn(notes,
           text(a, " and ", b, " look like one image (squared correlation ", fixed(p.correlation, 3), "); check the files"));
  };
  copy("T1c", "FLAIR", agreement.t1c_flair);
  copy("T1c", "T2", agreement.t1c_t2);
  copy("FLAIR", "T2", agreement.flair_t2);
  if (agreement.too_little_brain) note(notes, "too little brain to tell whether all series show one head");
  return notes;
}

}  // namespace vitrine::imaging

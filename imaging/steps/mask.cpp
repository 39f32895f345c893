#include "imaging/steps/mask.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/steps/axial.h"

namespace vitrine::imaging {
namespace {

constexpr double kWhole = 1e-3;            // a stored whole number may be off by so much
constexpr std::size_t kMostCounted = 512;  // distinct values
constexpr double kSoftShare =
    0.25;  // so much of a soft mask lies within a tenth of its largest value, not counting what is nearly 0
constexpr std::size_t kFewestSoft = 8;  // distinct values of a soft mask on another scale than 1, 100 or 255
constexpr double kFlatShare = 0.5;      // so many neighbours within a segmentation have one label; hardly any within an image
constexpr double kRinging = 0.2;        // of the largest value: what cubic interpolation adds at both sides of an edge
constexpr int kMostListed = 6;

std::string place(std::int64_t at, const Volume& mask, const StorageOrder& order) {
  const auto& n = mask.geometry.size;
  const auto p = order.stored_index({at % n[0], at / n[0] % n[1], at / (n[0] * n[1])});
  return text("(", p[0], ", ", p[1], ", ", p[2], ")");
}

// Calls work(value, index) for every voxel.
template <class Work>
void each_voxel(const Volume& v, const Work& work) {
  const std::int64_t slice = v.geometry.size[0] * v.geometry.size[1];
  for (std::int64_t at = 0; at < v.geometry.voxels(); ++at) {
    if (at % slice == 0) check_interrupt("preparation");
    work(static_cast<double>(v.data[static_cast<std::size_t>(at)]), at);
  }
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  std::int64_t low_at = 0, high_at = 0;
};

Range range_of(const Volume& v) {
  Range r;
  each_voxel(v, [&](double x, std::int64_t at) {
    if (x < r.low) r.low = x, r.low_at = at;
    if (x > r.high) r.high = x, r.high_at = at;
  });
  return r;
}

// What counts as 0 beside a largest value.
double zero_of(const Range& r) { return kWhole * std::min(1.0, r.high); }

void refuse_negative(const Range& r, double allowed, const Volume& mask, const StorageOrder& order, const std::string& what) {
  if (r.low >= -allowed * std::max(r.high, kWhole)) return;
  throw DataError(text(what, " holds the value ", shortest(static_cast<float>(r.low)), " at ", place(r.low_at, mask, order),
                       ", a mask has none below 0; export the mask itself, not an image or a distance map"));
}

bool has_one_value(const Volume& mask, const Range& r) {
  bool one = true;
  each_voxel(mask, [&](double x, std::int64_t) { one = one && (x <= zero_of(r) || x >= r.high * (1 - kWhole)); });
  return one;
}

void set_to_one(Volume& mask, double from) {
  for (float& v : mask.data) v = static_cast<double>(v) >= from ? 1.0f : 0.0f;
}

void note_value(const Range& r, const std::string& what, Notes& notes) {
  if (r.high != 1)
    note(notes, text(what, " holds ", shortest(static_cast<float>(r.high)), " instead of 1; it was taken for 1"));
}

// Labels 1 to kMostLabel, rounded in place; the labels found, rising.
std::vector<int> round_labels(Volume& mask, const StorageOrder& order, const Range& r, const std::string& what) {
  if (r.high > kMostLabel + 0.5) {
    throw DataError(text(what, " holds the value ", shortest(static_cast<float>(r.high)), " at ", place(r.high_at, mask, order),
                         ", expected labels of lesions up to ", kMostLabel, "; number the lesions from 1"));
  }
  std::vector<bool> seen(kMostLabel + 1);
  each_voxel(mask, [&](double x, std::int64_t at) {
    const double label = std::max(0.0, std::round(x));
    if (std::abs(x - label) > kWhole) {
      throw DataError(
          text(what, " holds the value ", shortest(static_cast<float>(x)), " at ", place(at, mask, order),
               ", expected 0 and one other value, or whole labels; cut probabilities, for example at half of their largest, ",
               shortest(static_cast<float>(r.high))));
    }
    seen[static_cast<std::size_t>(label)] = true;
    mask.data[static_cast<std::size_t>(at)] = static_cast<float>(label);
  });
  std::vector<int> labels;
  for (int label = 1; label <= kMostLabel; ++label) {
    if (seen[static_cast<std::size_t>(label)]) labels.push_back(label);
  }
  if (labels.size() > kMostLesions) {
    throw DataError(text(what, " has ", labels.size(), " labels, at most ", kMostLesions,
                         " lesions are taken; check that it is a mask of lesions"));
  }
  return labels;
}

std::string listed(const std::vector<int>& labels) {
  std::string out;
  for (std::size_t i = 0; i < labels.size() && i < kMostListed; ++i) out += text(i > 0 ? ", " : "", labels[i]);
  return labels.size() > kMostListed ? out + ", ..." : out;
}

// Lesions lie apart; tissues of one tumour lie against each other.
void warn_of_tissues(const Volume& labels, const std::string& what, Notes& notes) {
  const auto& n = labels.geometry.size;
  const std::array<std::int64_t, 3> stride{1, n[0], n[0] * n[1]};
  std::int64_t faces = 0;
  float first = 0, second = 0;
  each_voxel(labels, [&](double x, std::int64_t at) {
    if (x == 0) return;
    const std::array<std::int64_t, 3> index{at % n[0], at / n[0] % n[1], at / (n[0] * n[1])};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (index[axis] + 1 == n[axis]) continue;
      const float other = labels.data[static_cast<std::size_t>(at + stride[axis])];
      if (other == 0 || static_cast<double>(other) == x) continue;
      if (faces++ == 0) first = static_cast<float>(x), second = other;
    }
  });
  if (faces == 0) return;
  warn(notes,
       text(what, ": the labels ", std::min(first, second), " and ", std::max(first, second), " touch (", faces,
            " faces of voxels between labels): where labels are tissues and not lesions, bring a mask of the tumour alone"));
}

struct Values {
  std::size_t distinct = 0;  // not counting 0; at most kMostCounted
  bool whole = true;
  std::int64_t high = 0, middle = 0,
               tall = 0;              // voxels above a hundredth of the largest value, at 0.3 to 0.7 of it, above 0.9 of it
  std::int64_t pairs = 0, equal = 0;  // voxels beside one another in a row, and those of one value
  bool is_soft() const { return high > 0 && static_cast<double>(tall) >= kSoftShare * static_cast<double>(high); }
  std::int64_t between = 0,
               between_equal = 0;  // voxels at 0.1 to 0.9 of the largest value, and those with the value of the one before
  bool slopes() const { return static_cast<double>(between_equal) < kFlatShare * static_cast<double>(between); }
  bool is_flat() const { return static_cast<double>(equal) >= kFlatShare * static_cast<double>(pairs); }
};

Values values_of(const Volume& mask, const Range& r) {
  Values v;
  std::unordered_set<float> seen;
  float last = 0;
  each_voxel(mask, [&](double x, std::int64_t at) {
    const float value = mask.data[static_cast<std::size_t>(at)], before = last;
    last = value;
    if (x <= zero_of(r)) return;
    v.whole = v.whole && std::abs(x - std::round(x)) <= kWhole;
    v.high += x > 0.01 * r.high ? 1 : 0;
    v.middle += x > 0.3 * r.high && x < 0.7 * r.high ? 1 : 0;
    v.tall += x >= 0.9 * r.high ? 1 : 0;
    const bool is_between = x > 0.1 * r.high && x < 0.9 * r.high;
    v.between += is_between ? 1 : 0;
    v.between_equal += is_between && before == value ? 1 : 0;
    v.pairs += before != 0 ? 1 : 0;
    v.equal += before == value ? 1 : 0;
    if (before != value && seen.size() < kMostCounted) seen.insert(value);
  });
  v.distinct = seen.size();
  return v;
}

// The value from which a voxel is brain.
double brain_threshold(const Volume& mask, const Range& r, const std::string& what, Notes& notes) {
  const auto near = [&](double x) { return std::abs(r.high - x) <= 0.01 * x; };
  const auto most = shortest(static_cast<float>(r.high));
  if (has_one_value(mask, r)) {
    note_value(r, what, notes);
    return r.high / 2;
  }
  const Values v = values_of(mask, r);
  if (r.high <= 1 + kRinging && v.is_soft()) {
    note(notes, text(what, " holds values between 0 and 1, up to ", most, "; the brain was taken where they are at least 0.5"));
    return 0.5;
  }
  const bool many = !v.whole || static_cast<double>(v.distinct) > r.high / 2 || 2 * v.tall > v.high;
  // On another scale what lies between has to slope: labels of a segmentation lie in flat regions.
  const bool rescaled = v.distinct >= kFewestSoft && v.slopes();
  if ((near(100) || near(255) || rescaled) && v.is_soft() && v.middle > 0 && many) {
    note(notes, text(what, " holds values from 0 to ", most, "; the brain was taken where they are at least half of that"));
    return r.high / 2;
  }
  if (v.whole && r.low >= -kWhole && v.is_flat()) {
    note(notes, text(what, " holds ", v.distinct, " labels up to ", most, "; the brain was taken where they are not 0"));
    return 0.5;
  }
  throw DataError(text(what, " holds ", v.distinct, v.distinct == kMostCounted ? " or more" : "", " values from ",
                       shortest(static_cast<float>(r.low)), " to ", most,
                       ", expected a mask, probabilities or labels; it looks like an image, so bring its mask"));
}

}  // namespace

LesionMask understood_lesion_mask(Volume mask, const StorageOrder& order, const std::string& what, Notes& notes) {
  const Range r = range_of(mask);
  refuse_negative(r, r.high > 1 ? kWhole / r.high : kWhole, mask, order, what);
  if (!(r.high > 0)) throw DataError(text(what, " is empty; draw the lesion or leave the subject out"));
  LesionMask result{{}, false, order};
  if (has_one_value(mask, r)) {
    note_value(r, what, notes);
    set_to_one(mask, r.high / 2);
  } else {
    const std::vector<int> labels = round_labels(mask, order, r, what);
    result.numbered = labels.size() > 1;
    if (result.numbered) {
      note(notes, text(what, " has the labels ", listed(labels), "; they were taken for ", labels.size(), " lesions"));
      warn_of_tissues(mask, what, notes);
    } else {
      note_value({0, static_cast<double>(labels.front())}, what, notes);
      set_to_one(mask, 0.5);
    }
  }
  const std::int64_t filled = mask.geometry.voxels() - std::count(mask.data.begin(), mask.data.end(), 0.0f);
  if (2 * filled > mask.geometry.voxels()) {
    throw DataError(text(what, " covers ", 100 * filled / mask.geometry.voxels(),
                         " % of the volume, expected lesions; it may be inverted, so check it"));
  }
  result.labels = std::move(mask);
  return result;
}

Mask understood_brain_mask(Volume mask, const StorageOrder& order, const std::string& what, Notes& notes) {
  const Range r = range_of(mask);
  refuse_negative(r, kRinging, mask, order, what);
  if (!(r.high > 0)) throw DataError(text(what, " is empty (0 ml of brain); check the mask, or leave the cell empty"));
  set_to_one(mask, brain_threshold(mask, r, what, notes));
  const double ml = volume_ml(mask);
  const bool everything = std::find(mask.data.begin(), mask.data.end(), 0.0f) == mask.data.end();
  if (everything || ml < kLowestBrainMl || ml > kHighestBrainMl) {
    throw DataError(text(what, " has ", fixed(ml, 1), " ml of brain", everything ? ", every voxel of the volume" : "",
                         ", expected ", kLowestBrainMl, " to ", kHighestBrainMl,
                         " ml; check the mask, or leave the cell empty"));
  }
  return mask;
}

std::array<std::int64_t, 3> LesionMask::file_voxel(const std::array<std::int64_t, 3>& index) const {
  return order.stored_index(drawn_on.voxels() > 0 ? nearest_voxel(labels.geometry, index, drawn_on) : index);
}

double volume_ml(const Mask& mask) {
  double count = 0;
  for (const float v : mask.data) count += static_cast<double>(v);
  const Vec3& s = mask.geometry.spacing;
  return count * s[0] * s[1] * s[2] / 1000;
}

double dice(const Mask& a, const Mask& b) {
  double both = 0, total = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    both += static_cast<double>(a.data[i] * b.data[i]);
    total += static_cast<double>(a.data[i] + b.data[i]);
  }
  return total > 0 ? 2 * both / total : 1;
}

}  // namespace vitrine::imaging

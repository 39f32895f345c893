#include "imaging/qc_pictures.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/qc_canvas.h"
#include "imaging/qc_planes.h"
#include "imaging/steps/components.h"
#include "imaging/steps/grid.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kMostBytes = std::size_t{390} * 1000;  // of a patient's pictures
constexpr int kLevels[] = {48, 32, 24, 16};
constexpr double kPicturePixels = 400;  // about the width of a picture
constexpr double kFinestPixel = 0.5;    // mm
constexpr double kSquare = 20;          // mm, of the checkerboard
constexpr double kTissueShare = 0.25;   // of the brain's median: more is head, less is air
constexpr double kHeadSliceShare = 0.03;
constexpr double kBrainMargin = 5;  // mm
constexpr int kGap = 4, kZoom = 2, kSmallZoom = 1;
constexpr double kAxialDepths[] = {0.1, 0.26, 0.42, 0.58, 0.74, 0.9}, kDepths[] = {0.22, 0.5, 0.78};
constexpr double kFieldLimits[] = {1.05, 1.1, 1.2, 1.3, 1.5, 2, 3, 5, 9};
constexpr std::size_t kMostSampled = 400'000;  // voxels that quantiles are taken of

struct Window {
  double low = 0, high = 1;

  int level(double v, int levels) const {
    const double share = std::clamp((v - low) / (high - low), 0.0, 1.0);
    return static_cast<int>(std::lround(share * (levels - 1)));
  }
};

// About kMostSampled voxels, evenly spread: those of the brain, or all.
std::vector<float> some_of(const Volume& volume, const Mask* mask) {
  std::size_t count = 0;
  for (std::size_t at = 0; mask != nullptr && at < mask->data.size(); ++at) count += mask->data[at] != 0 ? 1 : 0;
  if (mask != nullptr && count == 0) mask = nullptr;
  const std::size_t step = std::max<std::size_t>(1, (mask != nullptr ? count : volume.data.size()) / kMostSampled);
  std::vector<float> out;
  std::size_t n = 0;
  for (std::size_t at = 0; at < volume.data.size(); ++at) {
    if ((mask == nullptr || mask->data[at] != 0) && n++ % step == 0) out.push_back(volume.data[at]);
  }
  return out;
}

Window window_of(const Volume& volume, const Mask& brain) {
  Window w;
  w.low = quantile(some_of(volume, nullptr), 0.005);
  w.high = quantile(some_of(volume, &brain), 0.995);
  if (!(w.high > w.low)) w.high = w.low + 1;
  return w;
}

// Adds to a box the slices along each axis that count for something.
void include(VoxelBox& box, const std::array<std::vector<std::int64_t>, 3>& counts, double share, double margin_mm,
             const Geometry& g) {
  for (std::size_t a = 0; a < 3; ++a) {
    const auto most = static_cast<double>(*std::max_element(counts[a].begin(), counts[a].end()));
    const auto margin = static_cast<std::int64_t>(std::ceil(margin_mm / g.spacing[a]));
    for (std::int64_t s = 0; s < g.size[a]; ++s) {
      const auto count = static_cast<double>(counts[a][static_cast<std::size_t>(s)]);
      if (count == 0 || count < share * most) continue;
      box.low[a] = std::min(box.low[a], std::max<std::int64_t>(0, s - margin));
      box.high[a] = std::max(box.high[a], std::min(g.size[a] - 1, s + margin));
    }
  }
}

struct Head {
  VoxelBox view, brain;  // what the pictures show; the mask's
  std::array<std::int64_t, 3> centre{};
};

template <class Inside>
std::array<std::vector<std::int64_t>, 3> slice_counts(const Geometry& g, const Inside& inside) {
  std::array<std::vector<std::int64_t>, 3> counts;
  for (std::size_t a = 0; a < 3; ++a) counts[a].assign(static_cast<std::size_t>(g.size[a]), 0);
  std::size_t at = 0;
  for (std::size_t k = 0; k < counts[2].size(); ++k) {
    for (std::size_t j = 0; j < counts[1].size(); ++j) {
      std::int64_t row = 0;
      for (std::size_t i = 0; i < counts[0].size(); ++i, ++at) {
        if (!inside(at)) continue;
        ++counts[0][i];
        ++row;
      }
      counts[1][j] += row;
      counts[2][k] += row;
    }
  }
  return counts;
}

// Where the head lies in the volume, by what is brighter than air, and the brain in it. A volume without a brain is shown whole.
Head head_of(const Volume& t1c, const Mask& brain) {
  const Geometry& g = t1c.geometry;
  const VoxelBox none{{g.size[0], g.size[1], g.size[2]}, {-1, -1, -1}};
  const auto in_brain = slice_counts(g, [&](std::size_t at) { return brain.data[at] != 0; });
  Head head{none, none, {}};
  include(head.brain, in_brain, 0, 0, g);
  const bool is_empty = head.brain.high[0] < 0;
  if (is_empty) head.brain = {{0, 0, 0}, {g.size[0] - 1, g.size[1] - 1, g.size[2] - 1}};
  for (std::size_t a = 0; a < 3; ++a) {
    double sum = 0, count = 0;
    for (std::size_t s = 0; s < in_brain[a].size(); ++s) {
      sum += static_cast<double>(s) * static_cast<double>(in_brain[a][s]);
      count += static_cast<double>(in_brain[a][s]);
    }
    head.centre[a] = count > 0 ? std::llround(sum / count) : (g.size[a] - 1) / 2;
  }
  if (is_empty) {
    head.view = head.brain;
    return head;
  }
  include(head.view, in_brain, 0, kBrainMargin, g);
  const double air = quantile(some_of(t1c, nullptr), 0.005);
  const double limit = air + kTissueShare * (quantile(some_of(t1c, &brain), 0.5) - air);
  const auto tissue = slice_counts(g, [&](std::size_t at) { return t1c.data[at] > limit; });
  include(head.view, tissue, kHeadSliceShare, 0, g);
  return head;
}

// The axial slice in which the largest lesion is largest.
std::optional<std::int64_t> lesion_slice(const Mask& lesion, double least_mm3) {
  const Geometry& g = lesion.geometry;
  const double voxel = g.spacing[0] * g.spacing[1] * g.spacing[2];
  Mask is_lesion{g, lesion.data};
  for (float& v : is_lesion.data) v = v != 0 ? 1.0f : 0.0f;
  const auto least = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(least_mm3 / voxel - 1e-9)));
  const Components parts = find_components(is_lesion, false, least, "the lesion mask");
  if (parts.large.empty()) return std::nullopt;
  const auto& slices = parts.large.front().slices;
  return std::max_element(slices.begin(), slices.end(),
                          [](const SliceBox& a, const SliceBox& b) { return a.voxels < b.voxels; })
      ->k;
}

class Pictures {
 public:
  explicit Pictures(const QcInputs& inputs)
      : in_(inputs),
        head_(head_of(inputs.t1c, inputs.brain)),
        lesion_slice_(lesion_slice(inputs.lesion, inputs.least_lesion_mm3)) {
    const Volume* series[3] = {&inputs.t1c, inputs.flair, inputs.t2};
    for (std::size_t c = 0; c < 3; ++c) {
      if (series[c] != nullptr) windows_[c] = window_of(*series[c], inputs.brain);
    }
  }

  std::vector<QcPicture> with_levels(int levels) {
    levels_ = levels;
    std::vector<QcPicture> all;
    const auto add = [&](std::string name, std::string caption, const Panel& panel) {
      check_interrupt("preparation");
      all.push_back({std::move(name), std::move(caption), png_of(panel, levels_)});
    };
    const std::string where = text("axial, sagittal and coronal through the brain's centre",
                                   lesion_slice_ ? ", axial through the largest lesion" : "");
    for (const auto& [series, window, name, file] :
         {std::tuple(in_.flair, 1, "FLAIR", "flair"), std::tuple(in_.t2, 2, "T2", "t2")}) {
      if (series == nullptr) continue;
      const Window& w = windows_[static_cast<std::size_t>(window)];
      add(text("t1c_", file, "_checkerboard"),
          text("T1c (grey) and ", name, " (warm) in a checkerboard: lines go on from square to square where the two fit; ",
               where),
          pair(*series, w, name, false));
      add(text("t1c_", file, "_edges"),
          text("T1c with the edges of ", name, ": they lie on T1c's own where the two fit; ", where),
          pair(*series, w, name, true));
    }
    add("brain_axial",
        text("T1c with the outline of the brain (blue) and of the lesions (orange): axial slices ", listed(axial_slices())),
        brain_axial());
    add("brain_coronal_sagittal", "The same outlines on three coronal and three sagittal slices", brain_upright());
    const std::tuple<const Volume*, const char*, const char*> fields[] = {
        {&in_.t1c, "T1c", "field_t1c"}, {in_.flair, "FLAIR", "field_flair"}, {in_.t2, "T2", "field_t2"}};
    for (std::size_t c = 0; c < 3; ++c) {
      const auto& [series, name, file] = fields[c];
      if (series == nullptr || in_.fields[c] == nullptr) continue;
      add(file,
          text(name,
               " before and after the correction of the bias field, in one window, and the field in the brain, relative to its "
               "median there"),
          field(*series, *in_.fields[c], windows_[c]));
    }
    return all;
  }

 private:
  PlaneView view(Plane plane, std::int64_t slice, double mm) const {
    return plane_view(in_.t1c.geometry, plane, slice, head_.view, mm);
  }

  // mm of the head's picture along an axis.
  double extent(std::size_t axis) const {
    return static_cast<double>(head_.view.high[axis] - head_.view.low[axis] + 1) * in_.t1c.geometry.spacing[axis];
  }

  Panel grey(const std::vector<float>& values, const Window& window, const PlaneView& v,
             std::uint8_t (*index)(int) = grey_index) const {
    Panel panel{v.width, v.height, {}};
    for (const float value : values) panel.pixels.push_back(index(window.level(value, levels_)));
    return panel;
  }

  // Planes of a pair: a row of two, and a row of one or two.
  Panel pair(const Volume& moving, const Window& window, const std::string& name, bool as_edges) const {
    const double mm = std::max(kFinestPixel, (extent(0) + extent(1)) / kPicturePixels);
    const auto panel = [&](Plane plane, std::int64_t slice) {
      const PlaneView v = view(plane, slice, mm);
      Panel p = grey(sampled(in_.t1c, v), windows_[0], v);
      if (as_edges) {
        paint(p, edges(sampled(moving, v), v.width, v.height), Ink::edge);
      } else {
        const Panel other = grey(sampled(moving, v), window, v, warm_index);
        const int side = std::max(2, static_cast<int>(std::lround(kSquare / mm)));
        for (int y = 0; y < p.height; ++y) {
          for (int x = 0; x < p.width; ++x) {
            if ((x / side + y / side) % 2 == 1) p.set(x, y, other.pixels[static_cast<std::size_t>(y * p.width + x)]);
          }
        }
      }
      write_sides(p, side_letters(plane), kZoom);
      return p;
    };
    std::vector<std::vector<Panel>> rows = {{panel(Plane::axial, head_.centre[2]), panel(Plane::sagittal, head_.centre[0])},
                                            {panel(Plane::coronal, head_.centre[1])}};
    if (lesion_slice_) rows[1].push_back(panel(Plane::axial, *lesion_slice_));
    write(rows[0][0], text("T1c ", name), 3, 3, kSmallZoom);
    return arranged(rows, kGap);
  }

  std::int64_t at_depth(std::size_t axis, double depth) const {
    const auto low = static_cast<double>(head_.brain.low[axis]), high = static_cast<double>(head_.brain.high[axis]);
    return std::llround(low + depth * (high - low));
  }

  std::vector<std::int64_t> axial_slices() const {
    std::vector<std::int64_t> slices;
    for (const double depth : kAxialDepths) slices.push_back(at_depth(2, depth));
    if (lesion_slice_) {
      const std::int64_t target = *lesion_slice_;
      *std::min_element(slices.begin(), slices.end(), [target](std::int64_t a, std::int64_t b) {
        return std::abs(a - target) < std::abs(b - target);
      }) = target;
    }
    std::sort(slices.begin(), slices.end());
    return slices;
  }

  static std::string listed(const std::vector<std::int64_t>& slices) {
    std::string out;
    for (std::size_t i = 0; i < slices.size(); ++i)
      out += text(i == 0 ? "" : i + 1 == slices.size() ? " and " : ", ", slices[i]);
    return out + " of T1c, from the bottom";
  }

  Panel outlined(Plane plane, std::int64_t slice, double mm) const {
    const PlaneView v = view(plane, slice, mm);
    Panel p = grey(sampled(in_.t1c, v), windows_[0], v);
    paint(p, outline(sampled_mask(in_.brain, v), v.width, v.height), Ink::brain);
    paint(p, outline(sampled_mask(in_.lesion, v), v.width, v.height), Ink::lesion);
    return p;
  }

  Panel brain_axial() const {
    const double mm = std::max(kFinestPixel, 3 * extent(0) / kPicturePixels);
    const std::vector<std::int64_t> slices = axial_slices();
    std::vector<std::vector<Panel>> rows(2);
    for (std::size_t i = 0; i < slices.size(); ++i) rows[i / 3].push_back(outlined(Plane::axial, slices[i], mm));
    write_sides(rows[0][0], side_letters(Plane::axial), kSmallZoom);
    return arranged(rows, kGap);
  }

  Panel brain_upright() const {
    const double mm = std::max(kFinestPixel, 3 * std::max(extent(0), extent(1)) / (1.1 * kPicturePixels));
    std::vector<std::vector<Panel>> rows;
    for (const Plane plane : {Plane::coronal, Plane::sagittal}) {
      rows.emplace_back();
      for (const double depth : kDepths) rows.back().push_back(outlined(plane, at_depth(cut_axis(plane), depth), mm));
      write_sides(rows.back()[0], side_letters(plane), kSmallZoom);
    }
    return arranged(rows, kGap);
  }

  // Axial and coronal: before, after, the field relative to its median in the brain; the scale below.
  Panel field(const Volume& series, const Volume& field, const Window& window) const {
    const double middle = quantile(some_of(field, &in_.brain), 0.5);
    const double scale = middle > 0 ? middle : 1;
    const double low = quantile(some_of(field, &in_.brain), 0.01) / scale,
                 high = quantile(some_of(field, &in_.brain), 0.99) / scale;
    double limit = kFieldLimits[std::size(kFieldLimits) - 1];
    for (std::size_t n = std::size(kFieldLimits); n-- > 0;) {
      if (kFieldLimits[n] >= high && kFieldLimits[n] * low >= 1) limit = kFieldLimits[n];
    }
    const double mm = std::max(kFinestPixel, 3 * extent(0) / kPicturePixels);
    std::vector<std::vector<Panel>> rows;
    for (const Plane plane : {Plane::axial, Plane::coronal}) {
      const PlaneView v = view(plane, head_.centre[cut_axis(plane)], mm);
      const std::vector<float> values = sampled(series, v), factors = sampled(field, v);
      std::vector<float> corrected = values;
      for (std::size_t at = 0; at < values.size(); ++at) {
        if (factors[at] > 0) corrected[at] = static_cast<float>(values[at] / (factors[at] / scale));
      }
      rows.push_back({grey(values, window, v), grey(corrected, window, v), field_map(factors, scale, limit, v)});
      write_sides(rows.back()[0], side_letters(plane), kSmallZoom);
    }
    const int width = rows[0][0].width;
    rows.push_back({empty_panel(width, 1), empty_panel(width, 1), scale_bar(limit, width)});
    return arranged(rows, kGap);
  }

  static int field_level(double relative, double limit) {
    if (!(relative > 0)) return 0;
    const double share = 0.5 + 0.5 * log_portable(relative) / log_portable(limit);
    return static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * (kFieldLevels - 1)));
  }

  Panel field_map(const std::vector<float>& values, double scale, double limit, const PlaneView& v) const {
    Panel panel = empty_panel(v.width, v.height);
    const std::vector<std::uint8_t> inside = sampled_mask(in_.brain, v);
    for (std::size_t at = 0; at < values.size(); ++at) {
      if (inside[at] != 0) panel.pixels[at] = field_index(field_level(values[at] / scale, limit));
    }
    return panel;
  }

  // The colours from 1 / limit to limit, and what they stand for.
  static Panel scale_bar(double limit, int width) {
    constexpr int kBar = 8, kText = 14;
    Panel panel = empty_panel(width, kBar + kText);
    for (int x = 0; x < width; ++x) {
      const int level = std::min(kFieldLevels - 1, x * kFieldLevels / width);
      for (int y = 0; y < kBar; ++y) panel.set(x, y, field_index(level));
    }
    const int zoom = kSmallZoom;
    const std::string left = fixed(1 / limit, 2), right = fixed(limit, 2);
    write(panel, left, 2, kBar + 4, zoom);
    write(panel, "1.00", (width - written_width("1.00", zoom)) / 2, kBar + 4, zoom);
    write(panel, right, width - 2 - written_width(right, zoom), kBar + 4, zoom);
    return panel;
  }

  const QcInputs& in_;
  Head head_;
  std::optional<std::int64_t> lesion_slice_;
  std::array<Window, 3> windows_{};
  int levels_ = 48;
};

void check_grids(const QcInputs& in) {
  const Geometry& g = in.t1c.geometry;
  for (const Volume* v : {&in.t1c, in.flair, in.t2, &in.brain, &in.lesion, in.fields[0], in.fields[1], in.fields[2]}) {
    if (v == nullptr) continue;
    if (!(corner_distance(g, v->geometry) < 1e-3) || static_cast<std::int64_t>(v->data.size()) != g.voxels())
      throw InternalError("pictures for quality control: the volumes lie on different grids");
  }
}

}  // namespace

std::vector<QcPicture> qc_pictures(const QcInputs& inputs) {
  check_grids(inputs);
  Pictures pictures(inputs);
  std::vector<QcPicture> made;
  for (const int levels : kLevels) {
    made = pictures.with_levels(levels);
    std::size_t bytes = 0;
    for (const QcPicture& p : made) bytes += p.png.size();
    if (bytes <= kMostBytes) break;
  }
  return made;
}

}  // namespace vitrine::imaging

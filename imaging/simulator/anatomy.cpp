#include "imaging/simulator/anatomy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/interrupt.h"
#include "imaging/formats/nifti.h"
#include "tensor/parallel.h"

namespace vitrine::imaging {
namespace {

constexpr const char* kInstalledHead = "/usr/share/mricron/templates/ch2.nii.gz";

// Two fractions per 32 bits would be enough; four 16-bit lanes in 64 bits hold the even or the odd bytes of a record.
constexpr std::uint64_t kLanes = 0x00FF00FF00FF00FF;
constexpr std::uint64_t kHalf = 0x0080008000800080;

struct Lanes {
  std::uint64_t even = 0;
  std::uint64_t odd = 0;
};

Lanes lanes_of(const TissueBytes& bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes.data(), sizeof(word));
  return {word & kLanes, (word >> 8) & kLanes};
}

// (a (256 - f) + b f) / 256, rounded, in every lane; 255 * 256 + 128 fits in 16 bits.
Lanes lerp(const Lanes& a, const Lanes& b, std::uint64_t f) {
  const std::uint64_t g = 256 - f;
  return {((a.even * g + b.even * f + kHalf) >> 8) & kLanes, ((a.odd * g + b.odd * f + kHalf) >> 8) & kLanes};
}

double ramp(double x, double from, double to) { return std::clamp((x - from) / (to - from), 0.0, 1.0); }

std::uint8_t byte_of(double fraction) { return static_cast<std::uint8_t>(std::lround(255.0 * std::clamp(fraction, 0.0, 1.0))); }

// Squared distance in voxels to the nearest voxel of the set, exact up to `radius`, (radius + 1)^2 beyond it.
std::vector<std::int32_t> squared_distance(const std::vector<std::uint8_t>& set, const std::array<std::int64_t, 3>& size,
                                           std::int64_t radius) {
  const auto far = static_cast<std::int32_t>((radius + 1) * (radius + 1));
  std::vector<std::int32_t> from(set.size());
  for (std::size_t n = 0; n < set.size(); ++n) from[n] = set[n] != 0 ? 0 : far;
  std::vector<std::int32_t> to(set.size());
  const std::array<std::int64_t, 3> stride{1, size[0], size[0] * size[1]};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    parallel_for(size[2], 4, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = first * stride[2]; n < last * stride[2]; ++n) {
        if (n % stride[2] == 0) check_interrupt("simulation");
        const std::int64_t place = n / stride[axis] % size[axis];
        std::int32_t best = from[static_cast<std::size_t>(n)];
        const std::int64_t low = std::max<std::int64_t>(-radius, -place);
        const std::int64_t high = std::min<std::int64_t>(radius, size[axis] - 1 - place);
        for (std::int64_t d = low; d <= high; ++d) {
          best = std::min(best, from[static_cast<std::size_t>(n + d * stride[axis])] + static_cast<std::int32_t>(d * d));
        }
        to[static_cast<std::size_t>(n)] = best;
      }
    });
    from.swap(to);
  }
  return from;
}

// The brain closed by 8 mm and grown by 2 mm: the room inside the skull. Also the squared distance to its outside in voxels.
struct SkullRoom {
  std::vector<std::uint8_t> inside;
  std::vector<std::uint8_t> border;  // within 1.5 voxels of the outside: where the dura lies
};

SkullRoom skull_room(const std::vector<std::uint8_t>& brain_set, const Geometry& grid) {
  const double voxel = std::cbrt(grid.spacing[0] * grid.spacing[1] * grid.spacing[2]);
  const auto closing = std::max<std::int64_t>(1, std::llround(8.0 / voxel));
  const auto grown = std::llround(2.0 / voxel);
  const std::vector<std::int32_t> to_brain = squared_distance(brain_set, grid.size, closing);
  std::vector<std::uint8_t> outside(brain_set.size());
  for (std::size_t n = 0; n < outside.size(); ++n) outside[n] = to_brain[n] > closing * closing;
  const std::vector<std::int32_t> to_outside = squared_distance(outside, grid.size, closing);
  SkullRoom room{std::vector<std::uint8_t>(brain_set.size()), std::vector<std::uint8_t>(brain_set.size())};
  const std::int64_t erode = closing - grown;
  const std::int64_t shell = erode + 1;
  for (std::size_t n = 0; n < outside.size(); ++n) {
    room.inside[n] = brain_set[n] != 0 || to_outside[n] > erode * erode;
    room.border[n] = brain_set[n] == 0 && room.inside[n] != 0 && to_outside[n] <= shell * shell;
  }
  return room;
}

// Peaks of the brain's histogram. Percentiles rather than maxima: they move little with noise. On ch2bet the 35th and 88th are
// 86 and 113, its grey- and white-matter peaks.
struct Peaks {
  double csf = 0, grey = 0, white = 0;
};

Peaks brain_peaks(const Volume& brain_image) {
  std::vector<float> values;
  for (const float v : brain_image.data) {
    if (v > 0) values.push_back(v);
  }
  const auto percentile = [&](double q) {
    const auto n = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + n, values.end());
    return static_cast<double>(values[static_cast<std::size_t>(n)]);
  };
  Peaks peaks;
  peaks.grey = percentile(0.35);
  peaks.white = percentile(0.88);
  peaks.csf = 0.45 * peaks.grey;
  return peaks;
}

TissueBytes brain_tissue(double v, const Peaks& p) {
  TissueBytes out{};
  const double plateau = 0.08 * (p.white - p.grey);  // grey matter is one tissue, not a point on a line
  const double white = ramp(v, p.grey + plateau, p.white);
  const double fluid = 1 - ramp(v, p.csf, p.grey - plateau);
  out[csf] = byte_of(fluid);
  out[white_matter] = byte_of(white);
  out[grey_matter] = static_cast<std::uint8_t>(255 - out[csf] - out[white_matter]);
  out[intracranial] = out[brain] = 255;
  return out;
}

// Between brain and skull: dark is fluid, the brighter falx, tentorium and sinuses are vessels and dura.
TissueBytes meningeal_tissue(double v, const Peaks& p, bool border) {
  TissueBytes out{};
  const double bright = ramp(v, 0.6 * p.grey, 1.2 * p.grey);
  const double dura = border ? std::max(0.3, 0.7 * bright) : 0.7 * bright;
  out[vessel] = byte_of(dura);
  out[csf] = static_cast<std::uint8_t>(255 - out[vessel]);
  out[intracranial] = 255;
  return out;
}

TissueBytes outer_tissue(double v, const Peaks& p) {
  TissueBytes out{};
  const double fatty = ramp(v, 0.85 * p.white, 1.6 * p.white);
  const double soft = ramp(v, 0.2 * p.white, 0.55 * p.white);
  out[fat] = byte_of(fatty);
  out[muscle] = byte_of(soft * (1 - fatty));
  return out;
}

std::filesystem::path twin_of(const std::filesystem::path& head) {
  std::string name = head.filename().string();
  const std::size_t dot = name.rfind(".nii");
  name.insert(dot == std::string::npos ? name.size() : dot, "bet");
  return head.parent_path() / name;
}

Anatomy head_from_files(const std::filesystem::path& path) {
  const Volume head = read_nifti(path);
  const std::filesystem::path twin = twin_of(path);
  const Volume extracted = read_nifti(twin);
  if (corner_distance(head.geometry, extracted.geometry) > 0.01) {
    throw DataError(text(twin.string(), ": another grid than ", path.string(),
                         ", expected the brain-extracted twin on the same grid; give the head that it was made from"));
  }
  std::vector<std::uint8_t> brain_set(extracted.data.size());
  for (std::size_t n = 0; n < brain_set.size(); ++n) brain_set[n] = extracted.data[n] > 0;
  if (static_cast<std::size_t>(std::count(brain_set.begin(), brain_set.end(), 1)) * 100 < brain_set.size()) {
    throw DataError(text(twin.string(),
                         ": fewer than 1 % of its voxels are above zero, expected a brain; check that the file "
                         "holds the brain-extracted head"));
  }
  const Peaks peaks = brain_peaks(extracted);
  const SkullRoom room = skull_room(brain_set, head.geometry);
  Anatomy out;
  out.name = path.filename().string();
  out.name.resize(std::min(out.name.size(), out.name.rfind(".nii")));
  out.geometry = head.geometry;
  out.voxels.resize(head.data.size());
  for (std::size_t n = 0; n < out.voxels.size(); ++n) {
    const double v = head.data[n];
    out.voxels[n] = brain_set[n] != 0     ? brain_tissue(v, peaks)
                    : room.inside[n] != 0 ? meningeal_tissue(v, peaks, room.border[n] != 0)
                                          : outer_tissue(v, peaks);
  }
  find_boxes(out);
  return out;
}

}  // namespace

Vec3 Anatomy::brain_centre() const {
  return {0.5 * (brain_low[0] + brain_high[0]), 0.5 * (brain_low[1] + brain_high[1]), 0.5 * (brain_low[2] + brain_high[2])};
}

TissueBytes Anatomy::at_index(const Vec3& index) const {
  std::array<std::int64_t, 3> low;
  std::array<std::uint64_t, 3> f;
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(index[c] >= 0 && index[c] < static_cast<double>(geometry.size[c] - 1))) return {};
    low[c] = static_cast<std::int64_t>(index[c]);
    f[c] = static_cast<std::uint64_t>((index[c] - static_cast<double>(low[c])) * 256);
  }
  const std::int64_t row = geometry.size[0];
  const std::int64_t plane = row * geometry.size[1];
  const TissueBytes* v = voxels.data() + low[2] * plane + low[1] * row + low[0];
  const auto along_x = [&](const TissueBytes* at) { return lerp(lanes_of(at[0]), lanes_of(at[1]), f[0]); };
  const auto along_y = [&](const TissueBytes* at) { return lerp(along_x(at), along_x(at + row), f[1]); };
  const Lanes lanes = lerp(along_y(v), along_y(v + plane), f[2]);
  const std::uint64_t word = lanes.even | lanes.odd << 8;
  TissueBytes out;
  std::memcpy(out.data(), &word, sizeof(word));
  return out;
}

bool Anatomy::in_cerebellum(const Vec3& point) const {
  // Measured on ch2: centre (0, 64 posterior, -35) mm and half axes 52, 30, 26 mm, as shares of the brain's box.
  constexpr Vec3 centre{0.50, 0.77, 0.22};
  constexpr Vec3 half{0.36, 0.17, 0.17};
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double x = ((point[c] - brain_low[c]) / (brain_high[c] - brain_low[c]) - centre[c]) / half[c];
    sum += x * x;
  }
  return sum < 1;
}

void find_boxes(Anatomy& anatomy) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  anatomy.head_low = anatomy.brain_low = {infinity, infinity, infinity};
  anatomy.head_high = anatomy.brain_high = {-infinity, -infinity, -infinity};
  bool found = false;
  const auto& size = anatomy.geometry.size;
  std::size_t n = 0;
  for (std::int64_t k = 0; k < size[2]; ++k) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      for (std::int64_t i = 0; i < size[0]; ++i, ++n) {
        const TissueBytes& v = anatomy.voxels[n];
        if (v[fat] < 64 && v[muscle] < 64 && v[intracranial] == 0) continue;
        const Vec3 p = anatomy.geometry.to_physical({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        for (std::size_t c = 0; c < 3; ++c) {
          anatomy.head_low[c] = std::min(anatomy.head_low[c], p[c]);
          anatomy.head_high[c] = std::max(anatomy.head_high[c], p[c]);
          if (v[brain] < 128) continue;
          anatomy.brain_low[c] = std::min(anatomy.brain_low[c], p[c]);
          anatomy.brain_high[c] = std::max(anatomy.brain_high[c], p[c]);
          found = true;
        }
      }
    }
  }
  if (!found) throw DataError(text("anatomy ", anatomy.name, ": no brain voxel found, expected a whole head; choose another"));
}

Anatomy load_anatomy(const std::filesystem::path& choice, double spacing_mm) {
  if (choice == "procedural") return procedural_head(spacing_mm);
  if (!choice.empty()) return head_from_files(choice);
  std::error_code ignored;
  const std::filesystem::path installed = kInstalledHead;
  if (std::filesystem::exists(installed, ignored) && std::filesystem::exists(twin_of(installed), ignored)) {
    return head_from_files(installed);
  }
  return procedural_head(spacing_mm);
}

}  // namespace vitrine::imaging

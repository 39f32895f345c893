#include "imaging/prep_kernels.h"
#include "tensor/double_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

using imaging::kernels::kLinesAbreast;
using imaging::kernels::kPlacesAbreast;
using imaging::kernels::kShareColumns;
using imaging::kernels::MappedVolume;
using imaging::kernels::MeanWindow;
using imaging::kernels::NormalDensity;
using imaging::kernels::RowTaps;

void running_means(const float* lines, std::int64_t count, const MeanWindow& window, float* means) {
  const std::int64_t reach = window.reach;
  const F edge = broadcast(window.edge), width = broadcast(window.width);
  for (std::int64_t l = 0; l < kLinesAbreast; l += kLanes) {
    const auto value = [&](std::int64_t i) { return load(lines + i * kLinesAbreast + l); };
    D sum = {};
    for (std::int64_t d = 1; d < 2 * reach; ++d) sum = sum + widen(value(d));
    for (std::int64_t i = 0; i < count; ++i) {
      const F ends = edge * (value(i) + value(i + 2 * reach));
      store(means + (i + reach) * kLinesAbreast + l, (narrow(sum) + ends) / width);
      sum = sum + (widen(value(i + 2 * reach)) - widen(value(i + 1)));
    }
  }
}

HalfD density_at(HalfD value, const NormalDensity& d) {
  const HalfD z = (value - d.mean) / d.deviation;
  const HalfI is_far = z * z > 80.0;
  const HalfD inside = select(is_far, HalfD{}, z);
  return select(is_far, HalfD{}, d.scale * exp_within_range(-inside * inside / 2.0));
}

void normal_densities(const double* values, std::int64_t count, const NormalDensity& density, double* out) {
  std::int64_t i = 0;
  for (; i + kHalfLanes <= count; i += kHalfLanes) store_half(out + i, density_at(load_half(values + i), density));
  if (i == count) return;
  double in[kHalfLanes] = {}, last[kHalfLanes];
  std::memcpy(in, values + i, static_cast<unsigned>(count - i) * sizeof(double));
  store_half(last, density_at(load_half(in), density));
  std::memcpy(out + i, last, static_cast<unsigned>(count - i) * sizeof(double));
}

void without_logs(const double* values, const double* logs, std::int64_t count, double* out) {
  const auto at = [](const double* value, const double* log) {
    return load_half(value) * exp_within_range(clipped(-load_half(log), -700, 700));
  };
  std::int64_t i = 0;
  for (; i + kHalfLanes <= count; i += kHalfLanes) store_half(out + i, at(values + i, logs + i));
  if (i == count) return;
  double value[kHalfLanes] = {}, log[kHalfLanes] = {};
  const unsigned rest = static_cast<unsigned>(count - i) * sizeof(double);
  std::memcpy(value, values + i, rest);
  std::memcpy(log, logs + i, rest);
  store_half(value, at(value, log));
  std::memcpy(out + i, value, rest);
}

// out[i] = what `joined` makes of `start` and, tap by tap, of a row's value and its weight.
template <class Join>
void rows_joined(const float* source, const RowTaps& t, std::int64_t count, float start, float* out, const Join& joined) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const int n = lanes_of(count, i);
    F all = broadcast(start);
    for (std::int64_t tap = 0; tap < t.taps; ++tap)
      all = joined(all, load_partial(source + t.offsets[tap] + i, n), broadcast(t.weights[tap]));
    store_partial(out + i, all, n);
  }
}

void weighted_sums(const float* source, const RowTaps& taps, std::int64_t count, float* out) {
  rows_joined(source, taps, count, 0, out, [](F sum, F value, F weight) { return sum + weight * value; });
}

void least_sums(const float* source, const RowTaps& taps, std::int64_t count, float* out) {
  rows_joined(source, taps, count, __builtin_inff(), out,
              [](F least, F value, F weight) { return min(value + weight, least); });
}

// Where kHalfLanes places lie in the volume: the lowest of the eight voxels around each, and the share of the next along each axis.
struct Lying {
  HalfI is_inside;
  HalfI first;
  HalfD share[3];
};

Lying lying(const MappedVolume& v, const double* places, std::int64_t stride) {
  const HalfD x = load_half(places), y = load_half(places + stride), z = load_half(places + 2 * stride);
  HalfD from_origin[3];
  for (int c = 0; c < 3; ++c) {
    const double* m = v.matrix + 3 * c;
    from_origin[c] = m[0] * x + m[1] * y + m[2] * z + v.shift[c] - v.origin[c];
  }
  Lying l{};
  l.is_inside = ~HalfI{};
  HalfD index[3];
  for (int c = 0; c < 3; ++c) {
    const double* m = v.direction + c;
    index[c] = (m[0] * from_origin[0] + m[3] * from_origin[1] + m[6] * from_origin[2]) / v.spacing[c];
    l.is_inside &= (index[c] >= -0.5) & (index[c] <= static_cast<double>(v.size[c]) - 0.5);
  }
  HalfD first = {};
  double step = 1;
  for (int c = 0; c < 3; ++c) {
    const auto last = static_cast<double>(v.size[c] - 1);
    const HalfD at = clipped(select(l.is_inside, index[c], HalfD{}), 0.0, last);
    const HalfD low = clipped(floor_of(at), 0.0, last > 0 ? last - 1 : 0.0);
    l.share[c] = at - low;
    first += low * step;
    step *= static_cast<double>(v.size[c]);
  }
  l.first = bits(first + kRounding) - bits(broadcast_half(kRounding));
  return l;
}

// The values at kLanes places.
F values_at(const MappedVolume& v, const Lying& low, const Lying& high) {
  const std::int64_t right = v.size[0] > 1 ? 1 : 0, down = v.size[1] > 1 ? v.size[0] : 0,
                     up = v.size[2] > 1 ? v.size[0] * v.size[1] : 0;
  const std::int64_t corner[8] = {0, right, down, down + right, up, up + right, up + down, up + down + right};
  float around[8][kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    const float* first = v.data + (lane < kHalfLanes ? low.first[lane % kHalfLanes] : high.first[lane % kHalfLanes]);
    for (int n = 0; n < 8; ++n) around[n][lane] = first[corner[n]];
  }
  const auto share = [&](int c) { return narrow({low.share[c], high.share[c]}); };
  const auto mix = [](F a, F b, F t) { return a + t * (b - a); };
  F edge[4];
  for (int n = 0; n < 4; ++n) edge[n] = mix(load(around[2 * n]), load(around[2 * n + 1]), share(0));
  return mix(mix(edge[0], edge[1], share(1)), mix(edge[2], edge[3], share(1)), share(2));
}

void share_out(float value, const float* shares, double* counts) {
  const int bin = static_cast<int>(value);
  const float upper = value - static_cast<float>(bin), lower = 1 - upper;
  double* row = counts + bin * kShareColumns;
  for (int c = 0; c < kShareColumns; ++c) row[c] += static_cast<double>(lower * shares[c]);
  for (int c = 0; c < kShareColumns; ++c) row[kShareColumns + c] += static_cast<double>(upper * shares[c]);
}

std::int64_t shared_counts(const MappedVolume& volume, const double* places, std::int64_t stride, std::int64_t count,
                           const float* shares, double* counts) {
  static_assert(kPlacesAbreast % kLanes == 0);
  std::int64_t inside = 0;
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const Lying low = lying(volume, places + i, stride), high = lying(volume, places + i + kHalfLanes, stride);
    float values[kLanes];
    store(values, values_at(volume, low, high));
    for (int lane = 0; lane < kLanes && i + lane < count; ++lane) {
      const HalfI& is_inside = lane < kHalfLanes ? low.is_inside : high.is_inside;
      if (is_inside[lane % kHalfLanes] == 0) continue;
      share_out(values[lane], shares + (i + lane) * kShareColumns, counts);
      ++inside;
    }
  }
  return inside;
}

}  // namespace

extern const imaging::kernels::PrepKernels prep_table;
const imaging::kernels::PrepKernels prep_table = {running_means, normal_densities, without_logs,
                                                  weighted_sums, least_sums,       shared_counts};

}  // namespace vitrine::kernels::VITRINE_ISA

#include "data/view_kernels.h"
#include "tensor/double_lanes.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr int kBlock = 64;  // pixels of a row whose sources are looked up at once; a multiple of kLanes

// For each pixel of a block the offsets of the four that it is interpolated from, in values, and the weights of the second row and column.
struct Sources {
  std::int64_t offset[4][kBlock];  // row 0 column 0, row 0 column 1, row 1 column 0, row 1 column 1
  double row_weight[kBlock], column_weight[kBlock];
};

// Reflects whole numbers about the edges 0 and n - 1.
struct Reflection {
  double n, period, inverse;

  explicit Reflection(std::int64_t size)
      : n(static_cast<double>(size)), period(size == 1 ? 1.0 : static_cast<double>(2 * (size - 1))), inverse(1 / period) {}

  // A product that is rounded to below a whole number leaves a rest of one period, which reflects to 0 as a rest of 0 does.
  HalfD operator()(HalfD i) const {
    const HalfD rest = i - floor_of(i * inverse) * period;
    return select(rest < n, rest, period - rest);
  }
};

void store_integers(std::int64_t* to, HalfD v) {
  const HalfI words = bits(v + kRounding) - bits(broadcast_half(kRounding));
  std::memcpy(to, &words, sizeof words);
}

// Pixels first, ... first + count - 1 of row y, rounded up to whole vectors.
void look_up(const ImageShape& s, const Affine& m, std::int64_t y, std::int64_t first, std::int64_t count, Sources& from) {
  const double cy = static_cast<double>(s.H - 1) / 2, cx = static_cast<double>(s.W - 1) / 2;
  const double v = static_cast<double>(y) - cy;
  const double row_part = m.a * v, column_part = m.c * v, depth_part = m.py * v;
  const double channels = static_cast<double>(s.C), width = static_cast<double>(s.W * s.C);
  const Reflection rows(s.H), columns(s.W);
  HalfD lane = {};
  for (int i = 0; i < kHalfLanes; ++i) lane[i] = i;
  for (std::int64_t p = 0; p < (count + kLanes - 1) / kLanes * kLanes; p += kHalfLanes) {
    const HalfD u = (lane + static_cast<double>(first + p)) - cx;
    HalfD sy = row_part + m.b * u + m.ty, sx = column_part + m.d * u + m.tx;
    if (m.warped) {
      const HalfD depth = depth_part + m.px * u + m.p;
      sy = sy / depth;
      sx = sx / depth;
    }
    sy = sy + cy;
    sx = sx + cx;
    const HalfD fy = floor_of(sy), fx = floor_of(sx);
    store_half(from.row_weight + p, (sy - fy) + 0.0);  // never minus zero
    store_half(from.column_weight + p, (sx - fx) + 0.0);
    const HalfD row0 = rows(fy) * width, row1 = rows(fy + 1.0) * width;
    const HalfD column0 = columns(fx) * channels, column1 = columns(fx + 1.0) * channels;
    store_integers(from.offset[0] + p, row0 + column0);
    store_integers(from.offset[1] + p, row0 + column1);
    store_integers(from.offset[2] + p, row1 + column0);
    store_integers(from.offset[3] + p, row1 + column1);
  }
}

HalfD interpolated(HalfD a, HalfD b, HalfD weight) { return a + weight * (b - a); }

D interpolated(D a, D b, D weight) {
  return {interpolated(a.low, b.low, weight.low), interpolated(a.high, b.high, weight.high)};
}

// The first `count` pixels of a block, [count, C]; C is kChannels unless that is 0.
template <int kChannels>
void interpolate(const float* in, std::int64_t C, std::int64_t count, const Sources& from, float* out) {
  constexpr int kTogether = kChannels == 0 ? 1 : kChannels;
  const std::int64_t step = kChannels == 0 ? C : kChannels;
  float corner[4][kTogether][kBlock], value[kTogether][kLanes];
  for (std::int64_t first = 0; first < step; first += kTogether) {
    for (int k = 0; k < 4; ++k) {
      for (std::int64_t p = 0; p < count; ++p) {
        const float* pixel = in + first + from.offset[k][p];
        for (int c = 0; c < kTogether; ++c) corner[k][c][p] = pixel[c];
      }
      for (std::int64_t p = count; p % kLanes != 0; ++p) {
        for (int c = 0; c < kTogether; ++c) corner[k][c][p] = 0;
      }
    }
    for (std::int64_t p = 0; p < count; p += kLanes) {
      const D across = load_wide(from.column_weight + p), down = load_wide(from.row_weight + p);
      for (int c = 0; c < kTogether; ++c) {
        const D top = interpolated(widen(load(corner[0][c] + p)), widen(load(corner[1][c] + p)), across);
        const D bottom = interpolated(widen(load(corner[2][c] + p)), widen(load(corner[3][c] + p)), across);
        const D v = interpolated(top, bottom, down);
        store(value[c], narrow({clipped(v.low, 0.0, 1.0), clipped(v.high, 0.0, 1.0)}));
      }
      const int n = lanes_of(count, p);
      for (int i = 0; i < n; ++i) {
        for (int c = 0; c < kTogether; ++c) out[(p + i) * step + first + c] = value[c][i];
      }
    }
  }
}

void resample_row(const float* in, const ImageShape& s, const Affine& affine, std::int64_t y, float* out) {
  Sources from;
  const auto interpolate_all = s.C == 3 ? interpolate<3> : interpolate<0>;
  for (std::int64_t first = 0; first < s.W; first += kBlock) {
    const std::int64_t count = smaller(kBlock, s.W - first);
    look_up(s, affine, y, first, count, from);
    interpolate_all(in, s.C, count, from, out + first * s.C);
  }
}

// p = clip(value), logit, shift, scale, sigmoid.
[[gnu::always_inline]] inline HalfD relit(HalfD value, double shift, double scale) {
  const HalfD p = clipped(value, 1e-4, 1 - 1e-4);
  const HalfD logit = log(p / (1.0 - p));
  // Beyond 700 the quotient is 1, or as a float 0, as it is there.
  return 1.0 / (1.0 + exp_within_range(clipped(-(logit + shift) * scale, -700.0, 700.0)));
}

void relight(float* values, std::int64_t count, const Lighting& light) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    const int n = lanes_of(count, i);
    const D v = widen(n == kLanes ? load(values + i) : load_partial(values + i, n));
    const F lit = narrow({relit(v.low, light.shift, light.scale), relit(v.high, light.shift, light.scale)});
    if (n == kLanes) {
      store(values + i, lit);
    } else {
      store_partial(values + i, lit, n);
    }
  }
}

void normalise(const float* in, const float* mean, const float* scale, std::int64_t count, float* out) {
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, (load(in + i) - load(mean + i)) * load(scale + i));
  for (; i < count; ++i) out[i] = (in[i] - mean[i]) * scale[i];
}

void mix(const float* a, const float* b, float share, std::int64_t count, float* out) {
  const float rest = 1.0f - share;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, share * load(a + i) + rest * load(b + i));
  for (; i < count; ++i) out[i] = share * a[i] + rest * b[i];
}

}  // namespace

extern const ViewKernels view_table;
const ViewKernels view_table = {resample_row, relight, normalise, mix};

}  // namespace vitrine::kernels::VITRINE_ISA

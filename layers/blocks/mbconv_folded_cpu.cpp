#include "layers/blocks/mbconv_folded.h"

#include "layers/blocks/slab_cpu.h"
#include "layers/kernels/depthwise_tile_cpu.h"
#include "layers/kernels/packed_cpu.h"
#include "layers/kernels/window_cpu.h"
#include "layers/unary_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kTileRowsBudget = 2048;  // pixels of a strip's tile: 48 channels of them fill 384 KiB
constexpr std::int64_t kProductPixels = 128;    // pixels that are expanded at a time

template <class Function>
void activate(const Function& function, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, function.value(load(y + i)));
  if (i < n) store_partial(y + i, function.value(load_partial(y + i, static_cast<int>(n - i))), static_cast<int>(n - i));
}

void convolution(const ConvShape& z, const Packed& w, Activation activation, const float* x, float* y) {
  parallel_for(z.N * z.P, 1, [&](std::int64_t first, std::int64_t last) {
    float* const room = thread_scratch(static_cast<std::size_t>(z.R * padded_columns(z) * z.C));
    for (std::int64_t row = first; row < last; ++row) {
      float* const out = y + row * z.Q * z.K;
      packed_product(window_rows(z, x, row / z.P, row % z.P, room), w, z.Q, out);
      with_activation(activation, [&](const auto& function) { activate(function, out, z.Q * z.K); });
    }
  });
}

// Sweep A of one slab: tiles for its vectors, rows of the padded map from `first` on.
struct Strip {
  const FoldedShape& s;
  const FoldedSweep& sweep;
  std::int64_t c, width, columns, rows;  // channels c .. c + width; a tile's columns and rows
  float *tiles, *product, *line, *taps;
  std::int64_t first = 0, have = 0;  // padded rows in the tiles: first .. have
  std::int64_t group = -1;           // small maps: `product` holds the maps of the images from this one on

  static std::int64_t tile_rows(const ConvShape& z, std::int64_t columns) {
    const std::int64_t whole = (z.P - 1) * z.stride + z.R, budget = kTileRowsBudget / columns;
    const std::int64_t least = z.R + z.stride;
    return smaller(whole, budget < least ? least : budget);
  }
  static std::int64_t tile_columns(const ConvShape& z) {
    return TileSizes::larger((z.Q - 1) * z.stride + z.S, z.padding.left + z.W);
  }
  static std::int64_t chunk_rows(const ConvShape& z) { return TileSizes::larger(1, kProductPixels / z.W); }

  Strip(const FoldedShape& shape, const FoldedSweep& weights, std::int64_t channel, std::int64_t channels)
      : s(shape),
        sweep(weights),
        c(channel),
        width(channels),
        columns(tile_columns(s.depthwise)),
        rows(tile_rows(s.depthwise, columns)) {
    const ConvShape& z = s.depthwise;
    const std::int64_t tile = rows * columns * kSlab, chunk = TileSizes::larger(chunk_rows(z) * z.W, kProductPixels) * kSlab;
    tiles = thread_scratch(static_cast<std::size_t>(tile + chunk + (z.Q + z.R * z.S * kSlabVectors) * kLanes));
    product = tiles + tile;
    line = product + chunk;
    taps = line + z.Q * kLanes;
    for (std::int64_t k = 0; k < width; k += kLanes) {
      for (std::int64_t i = 0; i < z.R * z.S; ++i)
        store(taps_of(k) + i * kLanes, load_partial(sweep.depthwise + i * z.C + c + k, lanes_of(width, k)));
    }
    clear_borders();
  }
  // The columns left and right of the map; rows above and below it are not read.
  void clear_borders() {
    const ConvShape& z = s.depthwise;
    const std::int64_t right = z.padding.left + z.W;
    for (std::int64_t i = 0; i < rows * kSlabVectors; ++i) {
      float* const row = tiles + i * columns * kLanes;
      clear(row, z.padding.left * kLanes);
      if (right < columns) clear(row + right * kLanes, (columns - right) * kLanes);
    }
  }
  float* taps_of(std::int64_t k) const { return taps + k * s.depthwise.R * s.depthwise.S; }  // of the vector at channel c + k
  float* tile(std::int64_t k) const { return tiles + k / kLanes * rows * columns * kLanes; }
  float* row(std::int64_t k, std::int64_t padded) const { return tile(k) + (padded - first) * columns * kLanes; }
};

// act(product + bias) of map rows h0 .. h1 into the tiles.
template <class Function>
void expand_rows(const Strip& t, const float* x, std::int64_t n, std::int64_t h0, std::int64_t h1) {
  const ConvShape& z = t.s.depthwise;
  const Function function(t.s.activation);
  const std::int64_t columns = z.W;
  const std::int64_t pixel = t.group < 0 ? 0 : ((n - t.group) * z.H + h0) * z.W;  // of the first row in `product`
  if (t.group < 0) {
    packed_panel(LeftRows{x + (n * z.H + h0) * z.W * t.s.in, t.s.in, t.s.in}, t.sweep.expand, t.c, (h1 - h0) * z.W, t.product,
                 kSlab);
  }
  for (std::int64_t k = 0; k < t.width; k += kLanes) {
    for (std::int64_t h = h0; h < h1; ++h) {
      const float* from = t.product + (pixel + (h - h0) * z.W) * kSlab + k;
      float* to = t.row(k, h + z.padding.top) + z.padding.left * kLanes;
      for (std::int64_t v = 0; v < columns; ++v) store(to + v * kLanes, function.value(load(from + v * kSlab)));
    }
  }
}

void copy_row(const Strip& t, const float* x, std::int64_t n, std::int64_t h) {
  const ConvShape& z = t.s.depthwise;
  const std::int64_t columns = z.W, step = z.C;
  for (std::int64_t k = 0; k < t.width; k += kLanes) {
    const int lanes = lanes_of(t.width, k);
    const float* from = x + (n * z.H + h) * z.W * z.C + t.c + k;
    float* to = t.row(k, h + z.padding.top) + z.padding.left * kLanes;
    for (std::int64_t v = 0; v < columns; ++v) {
      read_ahead(from + v * step);
      store(to + v * kLanes, load_partial(from + v * step, lanes));
    }
  }
}

// Brings padded rows first .. last into the tiles; rows that are there already move up.
template <class Function>
void fill(Strip& t, const float* x, std::int64_t n, std::int64_t first, std::int64_t last) {
  const ConvShape& z = t.s.depthwise;
  const std::int64_t kept = t.have > first ? t.have - first : 0, row = t.columns * kLanes;
  for (std::int64_t k = 0; k < t.width && first > t.first; k += kLanes)
    __builtin_memmove(t.tile(k), t.tile(k) + (first - t.first) * row, static_cast<std::size_t>(kept * row) * sizeof(float));
  t.first = first;
  t.have = last;
  const std::int64_t chunk = Strip::chunk_rows(z);
  for (std::int64_t padded = first + kept; padded < last;) {
    const std::int64_t h = padded - z.padding.top;
    if (h < 0 || h >= z.H) {  // nobody reads it
      ++padded;
    } else if (t.sweep.expand.panels == nullptr) {
      copy_row(t, x, n, h);
      ++padded;
    } else {
      const std::int64_t end = smaller(smaller(z.H, h + chunk), last - z.padding.top);
      expand_rows<Function>(t, x, n, h, end);
      padded += end - h;
    }
  }
}

// Output rows p0 .. p1 of one vector of channels; adds them to the sum over pixels where that is wanted.
template <int R, int Stride, bool Mean, class Function>
void filter_rows(const Strip& t, std::int64_t k, std::int64_t n, std::int64_t p0, std::int64_t p1, float* d, D& sum) {
  const ConvShape& z = t.s.depthwise;
  const Function function(t.s.activation);
  const int lanes = lanes_of(t.width, k);
  const float *const taps = t.taps_of(k), *const line = t.line;
  const std::int64_t columns = z.Q;
  const F bias = load_partial(t.sweep.bias + t.c + k, lanes);
  float* out = d + plane_at(z.N * z.P * z.Q, (n * z.P + p0) * z.Q, t.c + k);
  D total = sum;
  for (std::int64_t p = p0; p < p1; ++p) {
    filter_row<R, Stride>(t.row(k, p * Stride), t.columns * kLanes, taps, rows_inside(R, p * Stride - z.padding.top, z.H), z.Q,
                          StoredOutputs{t.line});
    for (std::int64_t q = 0; q < columns; ++q, out += kPlane) {
      const F value = function.value(load(line + q * kLanes) + bias);
      if (Mean) total = total + widen(value);
      write_ahead(out);
      store_partial(out, value, lanes);
    }
  }
  sum = total;
}

// One image of a slab, strip by strip; without a mean where nobody asks for one.
template <int R, int Stride, class Function>
void depthwise_image(Strip& strip, const float* x, std::int64_t n, float* d, float* mean) {
  const ConvShape& z = strip.s.depthwise;
  const std::int64_t step = (strip.rows - R) / Stride + 1;
  const D count = broadcast_double(static_cast<double>(z.P * z.Q));
  D sums[kSlabVectors] = {};
  strip.first = strip.have = 0;
  for (std::int64_t p = 0; p < z.P; p += step) {
    const std::int64_t last = smaller(z.P, p + step);
    fill<Function>(strip, x, n, p * Stride, (last - 1) * Stride + R);
    const auto filter = mean != nullptr ? filter_rows<R, Stride, true, Function> : filter_rows<R, Stride, false, Function>;
    for (std::int64_t k = 0; k < strip.width; k += kLanes) filter(strip, k, n, p, last, d, sums[k / kLanes]);
  }
  for (std::int64_t k = 0; k < strip.width && mean != nullptr; k += kLanes)
    store_partial(mean + n * z.C + strip.c + k, narrow(sums[k / kLanes] / count), lanes_of(strip.width, k));
}

template <int R, int Stride, class Function>
void expand_depthwise_of(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const ConvShape& z = s.depthwise;
  const bool expands = sweep.expand.panels != nullptr;
  const std::int64_t slab = expands ? kSlab : kPlane, slabs = (z.C + slab - 1) / slab, pixels = z.H * z.W;
  // Small maps: the product of several images at a time has enough rows for its tiles.
  const std::int64_t group = expands ? smaller(z.N, TileSizes::larger(1, kProductPixels / pixels)) : 1;
  const std::int64_t groups = (z.N + group - 1) / group;
  parallel_for(groups * slabs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t n0 = job / slabs * group, n1 = smaller(z.N, n0 + group), c = job % slabs * slab;
      Strip strip(s, sweep, c, smaller(slab, z.C - c));
      if (group > 1) {
        strip.group = n0;
        packed_panel(LeftRows{x + n0 * pixels * s.in, s.in, s.in}, sweep.expand, c, (n1 - n0) * pixels, strip.product, kSlab);
      }
      for (std::int64_t n = n0; n < n1; ++n) depthwise_image<R, Stride, Function>(strip, x, n, d, mean);
    }
  });
}

template <class Function>
void expand_depthwise_with(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  const std::int64_t stride = s.depthwise.stride;
  const auto run = s.depthwise.R == 3
                       ? (stride == 1 ? expand_depthwise_of<3, 1, Function> : expand_depthwise_of<3, 2, Function>)
                       : (stride == 1 ? expand_depthwise_of<5, 1, Function> : expand_depthwise_of<5, 2, Function>);
  run(s, sweep, x, d, mean);
}

void expand_depthwise(const FoldedShape& s, const FoldedSweep& sweep, const float* x, float* d, float* mean) {
  with_activation(s.activation, [&]<class Function>(Function) { expand_depthwise_with<Function>(s, sweep, x, d, mean); });
}

// Parallel over rows, or over panels where there are few rows.
void dense(std::int64_t rows, const Packed& w, const float* x, float* y) {
  constexpr std::int64_t kRows = 64;
  const std::int64_t panels = (w.N + Packed::kPanel - 1) / Packed::kPanel, blocks = (rows + kRows - 1) / kRows;
  if (blocks > panels) {
    parallel_for(blocks, 1 + 65536 / (w.K * w.N * kRows), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t r = first * kRows; r < smaller(rows, last * kRows); r += kRows)
        packed_product(LeftRows{x + r * w.K, w.K, w.K}, w, smaller(kRows, rows - r), y + r * w.N);
    });
  } else {
    parallel_for(panels, 1 + 65536 / (w.K * Packed::kPanel * rows), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = first * Packed::kPanel; n < smaller(w.N, last * Packed::kPanel); n += Packed::kPanel)
        packed_panel(LeftRows{x, w.K, w.K}, w, n, rows, y + n, w.N);
    });
  }
}

void gate(std::int64_t N, const Packed& reduce, const Packed& expand, const float* mean, float* hidden, float* gates) {
  dense(N, reduce, mean, hidden);
  activate(SwishFunction<Lanes>{}, hidden, N * reduce.N);
  dense(N, expand, hidden, gates);
  std::int64_t i = 0;
  const std::int64_t n = N * expand.N;
  for (; i + kLanes <= n; i += kLanes) store(gates + i, sigmoid(load(gates + i)));
  if (i < n) store_partial(gates + i, sigmoid(load_partial(gates + i, lanes_of(n, i))), lanes_of(n, i));
}

// q [count][M] = gate times d, for rows r .. r + count of all images.
void scale(const float* d, const float* gates, std::int64_t rows, std::int64_t pixels, std::int64_t M, std::int64_t r,
           std::int64_t count, float* q) {
  for (std::int64_t c = 0; c < M; c += kLanes) {
    const int lanes = lanes_of(M, c);
    const float* const from = d + plane_at(rows, r, c);
    for (std::int64_t i = 0, n = r / pixels; i < count; ++n) {
      const std::int64_t end = smaller(count, (n + 1) * pixels - r);
      const F factor = load_partial(gates + n * M + c, lanes);
      for (; i < end; ++i) store_partial(q + i * M + c, load_partial(from + i * kPlane, lanes) * factor, lanes);
    }
  }
}

void project(std::int64_t N, std::int64_t pixels, const Packed& w, const float* d, const float* gates, const float* skip,
             float* y) {
  const std::int64_t M = w.K, rows = N * pixels, tile = kTileRows == 8 && pixels % 7 == 0 ? 7 : 8,
                     block = (rows < 256 && thread_count() > 1 ? 2 : 8) * tile;
  parallel_for((rows + block - 1) / block, 1, [&](std::int64_t first, std::int64_t last) {
    float* const q = thread_scratch(static_cast<std::size_t>(gates != nullptr ? block * M : 0));
    for (std::int64_t r = first * block; r < smaller(rows, last * block); r += block) {
      const std::int64_t count = smaller(block, rows - r);
      LeftRows left{d + plane_at(rows, r, 0), kPlane, kPlane, plane_rows(rows) * kPlane};
      if (gates != nullptr) {
        scale(d, gates, rows, pixels, M, r, count, q);
        left = {q, M, M};
      }
      packed_product(left, w, count, y + r * w.N);
      if (skip == nullptr) continue;
      for (std::int64_t i = 0; i < count * w.N; i += kLanes) {
        const int lanes = lanes_of(count * w.N, i);
        float* const out = y + r * w.N + i;
        store_partial(out, load_partial(skip + r * w.N + i, lanes) + load_partial(out, lanes), lanes);
      }
    }
  });
}

template <class Function>
void head_of(const Function& function, std::int64_t N, std::int64_t pixels, const Packed& w, const float* x, float* mean) {
  const std::int64_t panels = (w.N + Packed::kPanel - 1) / Packed::kPanel;
  const std::int64_t group = TileSizes::larger(1, smaller(N, kProductPixels / pixels));  // images at a time
  const D count = broadcast_double(static_cast<double>(pixels));
  parallel_for(panels, 1, [&](std::int64_t first, std::int64_t last) {
    float* const z = thread_scratch(static_cast<std::size_t>(group * pixels * kSlab));
    for (std::int64_t c = first * kSlab; c < smaller(w.N, last * kSlab); c += kSlab) {
      for (std::int64_t n0 = 0; n0 < N; n0 += group) {
        const std::int64_t images = smaller(group, N - n0);
        packed_panel(LeftRows{x + n0 * pixels * w.K, w.K, w.K}, w, c, images * pixels, z, kSlab);
        for (std::int64_t k = 0; k < smaller(kSlab, w.N - c); k += kLanes) {
          for (std::int64_t n = 0; n < images; ++n) {
            D sum = {};
            for (std::int64_t p = 0; p < pixels; ++p) sum = sum + widen(function.value(load(z + (n * pixels + p) * kSlab + k)));
            store_partial(mean + (n0 + n) * w.N + c + k, narrow(sum / count), lanes_of(w.N, c + k));
          }
        }
      }
    }
  });
}

void head(std::int64_t N, std::int64_t pixels, const Packed& w, Activation activation, const float* x, float* mean) {
  with_activation(activation, [&](const auto& function) { head_of(function, N, pixels, w, x, mean); });
}

}  // namespace

extern const FoldedKernels folded_table;
const FoldedKernels folded_table = {convolution, expand_depthwise, gate, project, head, dense};

}  // namespace vitrine::kernels::VITRINE_ISA

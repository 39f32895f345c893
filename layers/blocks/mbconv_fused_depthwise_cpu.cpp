// The depthwise convolution of layers/blocks/mbconv_fused.h and the elementwise work around it. A job is one segment of images and one slab
// of 48 channels; within it, one vector of channels at a time lies in tiles (layers/kernels/depthwise_tile_cpu.h).
#include <type_traits>

#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/slab_cpu.h"
#include "layers/kernels/depthwise_tile_cpu.h"
#include "layers/kernels/norm_cpu.h"
#include "layers/unary_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kChainPixels =
    256;  // a float32 sum of a depthwise weight gradient goes to float64 after at least so many

// Images n0 .. n1 and the vector of channels c .. c + lanes.
struct Job {
  std::int64_t segment, n0, n1, c;
  int lanes;
};

// body(job, room) for every segment and every vector of channels, the vectors of a slab one after the other; room = make_room() once
// for each thread's part.
template <class MakeRoom, class Body>
void for_vectors(const MBConvShape& s, MakeRoom make_room, Body body) {
  const std::int64_t M = s.depthwise.C, slabs = (M + kSlab - 1) / kSlab;
  parallel_for(s.segments() * slabs, 1, [&](std::int64_t first, std::int64_t last) {
    const auto room = make_room();
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t segment = i / slabs, slab = i % slabs * kSlab, n0 = segment * s.images;
      for (std::int64_t c = slab; c < smaller(M, slab + kSlab); c += kLanes)
        body(Job{segment, n0, smaller(s.depthwise.N, n0 + s.images), c, lanes_of(M, c)}, room);
    }
  });
}
template <class Body>
void for_vectors(const MBConvShape& s, Body body) {
  for_vectors(
      s, [] { return 0; }, [&](const Job& job, int) { body(job); });
}

// One vector of channels of w [R, S, C] as [R S][kLanes].
void load_taps(const ConvShape& z, const float* w, const Job& job, float* taps) {
  for (std::int64_t t = 0; t < z.R * z.S; ++t) store(taps + t * kLanes, load_partial(w + t * z.C + job.c, job.lanes));
}

// One vector of channels of one image: pixel p at at[p * step].
template <class T>
struct Map {
  T* at;
  std::int64_t step;
  T* pixel(std::int64_t p) const { return at + p * step; }
  F read(std::int64_t p, int lanes) const {  // and asks for what follows
    read_ahead(at + p * step);
    return load_partial(at + p * step, lanes);
  }
};
template <class T>
Map<T> wide_map(T* z, const ConvShape& s, std::int64_t pixels, const Job& job, std::int64_t n) {
  return {z + plane_at(s.N * pixels, n * pixels, job.c), kPlane};
}
template <class T>
Map<T> image_map(T* x, const ConvShape& s, std::int64_t pixels, const Job& job, std::int64_t n) {
  return {x + n * pixels * s.C + job.c, s.C};
}

// What a map is turned into on its way into a tile: act(BN(z)), or z itself where there is no norm.
template <class Function>
struct OnLoad {
  NormLanes norm;
  F shift;
  Function function;
  OnLoad(const MBConvShape& s, const NormOnLoad& n, const Job& job)
      : norm(n.constants, job.c, job.lanes), shift(load_partial(n.shift + job.c, job.lanes)), function(s.activation) {}
  template <class T>
  static Map<T> map(T* z1, const ConvShape& z, const Job& job, std::int64_t n) {
    return wide_map(z1, z, z.H * z.W, job, n);
  }
  F value(F z) const { return function.value(norm.value(z, shift)); }
  Activated value_and_slope(F z) const { return vitrine::value_and_slope(function, norm.value(z, shift)); }
};
struct AsIs {
  AsIs(const MBConvShape&, const NormOnLoad&, const Job&) {}
  template <class T>
  static Map<T> map(T* x, const ConvShape& z, const Job& job, std::int64_t n) {  // the block's input: NHWC
    return image_map(x, z, z.H * z.W, job, n);
  }
  F value(F z) const { return z; }
};

template <class Load>
void fill_input(const ConvShape& z, const TileSizes& sizes, const Load& load_as, const Job& job, std::int64_t n,
                const float* z1, float* tile) {
  const Map<const float> map = Load::map(z1, z, job, n);
  for (std::int64_t h = 0; h < z.H; ++h) {
    float* to = tile + ((h + z.padding.top) * sizes.columns + z.padding.left) * kLanes;
    for (std::int64_t v = 0; v < z.W; ++v) store(to + v * kLanes, load_as.value(map.read(h * z.W + v, job.lanes)));
  }
}

struct Sums {
  D sum = {}, squares = {};
  void add(F value) {
    const D exact = widen(value);
    sum = sum + exact;
    squares = fma(exact, exact, squares);
  }
};

void store_sums(double* partial, const MBConvShape& s, const Job& job, D first, D second) {
  const std::int64_t M = s.depthwise.C, bytes = job.lanes * static_cast<std::int64_t>(sizeof(double));
  __builtin_memcpy(partial + job.segment * 2 * M + job.c, &first, static_cast<std::size_t>(bytes));
  __builtin_memcpy(partial + (job.segment * 2 + 1) * M + job.c, &second, static_cast<std::size_t>(bytes));
}

// The scratch of one thread's part of the forward pass; the tile's borders stay zero from job to job.
struct ForwardRoom {
  float *tile, *line, *taps;

  explicit ForwardRoom(const ConvShape& z) {
    const TileSizes sizes(z);
    tile = thread_scratch(static_cast<std::size_t>(sizes.input() + (z.Q + z.R * z.S) * kLanes));
    line = tile + sizes.input();
    taps = line + z.Q * kLanes;
    clear(tile, sizes.input());
  }
};

template <int R, int Stride, class Load>
void forward_of(const MBConvShape& s, const NormOnLoad& norm1, const float* z1, const float* w, float* z2, double* partial) {
  const ConvShape& z = s.depthwise;
  const TileSizes sizes(z);
  for_vectors(
      s, [&] { return ForwardRoom(z); },
      [&](const Job& job, const ForwardRoom& room) {
        float *const tile = room.tile, *const line = room.line, *const taps = room.taps;
        load_taps(z, w, job, taps);
        const Load load_as(s, norm1, job);
        const bool streamed = is_streamed(z.N * z.P * z.Q, z.C);
        Sums sums;
        for (std::int64_t n = job.n0; n < job.n1; ++n) {
          fill_input(z, sizes, load_as, job, n, z1, tile);
          const Map<float> out = wide_map(z2, z, z.P * z.Q, job, n);
          for (std::int64_t p = 0; p < z.P; ++p) {
            filter_row<R, Stride, false>(tile + p * Stride * sizes.columns * kLanes, sizes.columns * kLanes, taps, z.Q, line);
            for (std::int64_t q = 0; q < z.Q; ++q) {
              const F value = load(line + q * kLanes);
              sums.add(value);
              store_row(out.pixel(p * z.Q + q), value, job.lanes, streamed);
            }
          }
        }
        finish_streaming();
        store_sums(partial, s, job, sums.sum, sums.squares);
      });
}

template <int R, int Stride>
void forward_with(const MBConvShape& s, const NormOnLoad& norm1, const float* z1, const float* w, float* z2, double* partial) {
  if (norm1.shift == nullptr) return forward_of<R, Stride, AsIs>(s, norm1, z1, w, z2, partial);
  with_activation(s.activation,
                  [&]<class Function>(Function) { forward_of<R, Stride, OnLoad<Function>>(s, norm1, z1, w, z2, partial); });
}

void forward(const MBConvShape& s, const NormOnLoad& norm1, const float* z1, const float* w, float* z2,
             const NormTarget& sums) {
  const ConvShape& z = s.depthwise;
  if (z.R == 3) {
    z.stride == 1 ? forward_with<3, 1>(s, norm1, z1, w, z2, sums.partial)
                  : forward_with<3, 2>(s, norm1, z1, w, z2, sums.partial);
  } else {
    z.stride == 1 ? forward_with<5, 1>(s, norm1, z1, w, z2, sums.partial)
                  : forward_with<5, 2>(s, norm1, z1, w, z2, sums.partial);
  }
}

template <class Function>
void pool_of(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, float* pooled) {
  const ConvShape& z = s.depthwise;
  const std::int64_t pixels = z.P * z.Q;
  const D count = broadcast_double(static_cast<double>(pixels));
  for_vectors(s, [&](const Job& job) {
    const OnLoad<Function> load_as(s, norm2, job);
    for (std::int64_t n = job.n0; n < job.n1; ++n) {
      const Map<const float> map = wide_map(z2, z, pixels, job, n);
      D sum = {};
      for (std::int64_t p = 0; p < pixels; ++p) sum = sum + widen(load_as.value(map.read(p, job.lanes)));
      store_partial(pooled + n * z.C + job.c, narrow(sum / count), job.lanes);
    }
  });
}

void pool(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, float* pooled) {
  with_activation(s.activation, [&]<class Function>(Function) { pool_of<Function>(s, norm2, z2, pooled); });
}

template <class Function>
void activation_gradient_of(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale,
                            const float* pooled_gradient, float* dq, double* partial) {
  const ConvShape& z = s.depthwise;
  const std::int64_t pixels = z.P * z.Q;
  const F count = broadcast(static_cast<float>(pixels));
  for_vectors(s, [&](const Job& job) {
    const OnLoad<Function> load_as(s, norm2, job);
    D sum = {}, sum_h = {};
    for (std::int64_t n = job.n0; n < job.n1; ++n) {
      const F factor = scale != nullptr ? load_partial(scale + n * z.C + job.c, job.lanes) : broadcast(1.0f);
      const F share = scale != nullptr ? load_partial(pooled_gradient + n * z.C + job.c, job.lanes) / count : zero();
      const Map<const float> map = wide_map(z2, z, pixels, job, n);
      const Map<float> gradients = wide_map(dq, z, pixels, job, n);
      for (std::int64_t p = 0; p < pixels; ++p) {
        const F value = map.read(p, job.lanes);
        const F slope = load_as.function.slope(load_as.norm.value(value, load_as.shift));
        const F g = (gradients.read(p, job.lanes) * factor + share) * slope;
        store_partial(gradients.pixel(p), g, job.lanes);
        sum = sum + widen(g);
        sum_h = fma(widen(g), widen(load_as.norm.standard(value)), sum_h);
      }
    }
    store_sums(partial, s, job, sum, sum_h);
  });
}

void activation_gradient(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale,
                         const float* pooled_gradient, float* dq, const NormGradientTarget& sums) {
  with_activation(s.activation, [&]<class Function>(Function) {
    activation_gradient_of<Function>(s, norm2, z2, scale, pooled_gradient, dq, sums.partial);
  });
}

// The scratch of one thread's part of the backward pass; the tiles' borders stay zero from job to job.
struct GradientRoom {
  TileSizes sizes;
  float *input, *slopes, *dilated, *dz2, *line, *taps, *tap_sums;

  explicit GradientRoom(const ConvShape& z) : sizes(z) {
    const std::int64_t map = z.H * z.W * kLanes, out = z.P * z.Q * kLanes, weights = z.R * z.S * kLanes;
    input = thread_scratch(static_cast<std::size_t>(sizes.input() + sizes.gradient() + map + out + z.W * kLanes + 2 * weights));
    dilated = input + sizes.input();
    slopes = dilated + sizes.gradient();
    dz2 = slopes + map;
    line = dz2 + out;
    taps = line + z.W * kLanes;
    tap_sums = taps + weights;
    clear(input, sizes.input() + sizes.gradient());
  }
};

// dz2 of one image, dense and with stride - 1 zeros between its pixels.
template <int R, int Stride>
void fill_gradient(const ConvShape& z, const GradientRoom& room, const NormLanes& norm, F mean_g, F mean_gh, const Job& job,
                   std::int64_t n, const float* z2, const float* g2) {
  const std::int64_t columns = room.sizes.gradient_columns;
  const Map<const float> map = wide_map(z2, z, z.P * z.Q, job, n), gradients = wide_map(g2, z, z.P * z.Q, job, n);
  for (std::int64_t p = 0; p < z.P; ++p) {
    const std::int64_t row = p * Stride + R - 1 - z.padding.top;
    for (std::int64_t q = 0; q < z.Q; ++q) {
      const std::int64_t pixel = p * z.Q + q, column = q * Stride + R - 1 - z.padding.left;
      const F g = norm.gradient(map.read(pixel, job.lanes), gradients.read(pixel, job.lanes), mean_g, mean_gh);
      store(room.dz2 + pixel * kLanes, g);
      if (row >= 0 && row < room.sizes.gradient_rows && column >= 0 && column < columns)
        store(room.dilated + (row * columns + column) * kLanes, g);
    }
  }
}

template <class Function>
void fill_input_and_slopes(const ConvShape& z, const GradientRoom& room, const OnLoad<Function>& load_as, const Job& job,
                           std::int64_t n, const float* z1) {
  const Map<const float> map = OnLoad<Function>::map(z1, z, job, n);
  for (std::int64_t h = 0; h < z.H; ++h) {
    float* to = room.input + ((h + z.padding.top) * room.sizes.columns + z.padding.left) * kLanes;
    float* slope = room.slopes + h * z.W * kLanes;
    for (std::int64_t v = 0; v < z.W; ++v) {
      const Activated a = load_as.value_and_slope(map.read(h * z.W + v, job.lanes));
      store(to + v * kLanes, a.value);
      store(slope + v * kLanes, a.slope);
    }
  }
}
void fill_input_and_slopes(const ConvShape& z, const GradientRoom& room, const AsIs& load_as, const Job& job, std::int64_t n,
                           const float* z1) {
  fill_input(z, room.sizes, load_as, job, n, z1, room.input);
}

// g1 of one image: the mirrored convolution of dz2, times the slope at z1; sums of g1 and g1 h1.
template <int R, class Load>
void input_gradient_of_image(const ConvShape& z, const GradientRoom& room, const Load& load_as, const Job& job, std::int64_t n,
                             const float* z1, float* g1, D& sum, D& sum_h) {
  const std::int64_t step = room.sizes.gradient_columns * kLanes;
  const Map<const float> map = Load::map(z1, z, job, n);
  const Map<float> gradients = Load::map(g1, z, job, n);
  const bool streamed = !std::is_same_v<Load, AsIs> && is_streamed(z.N * z.H * z.W, z.C);
  for (std::int64_t h = 0; h < z.H; ++h) {
    filter_row<R, 1, true>(room.dilated + h * step, step, room.taps, z.W, room.line);
    for (std::int64_t v = 0; v < z.W; ++v) {
      F g = load(room.line + v * kLanes);
      if constexpr (!std::is_same_v<Load, AsIs>) {
        g = g * load(room.slopes + (h * z.W + v) * kLanes);
        sum = sum + widen(g);
        sum_h = fma(widen(g), widen(load_as.norm.standard(map.read(h * z.W + v, job.lanes))), sum_h);
      }
      store_row(gradients.pixel(h * z.W + v), g, job.lanes, streamed);
    }
  }
}

template <int R, int Stride, class Load>
void gradient_of(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2,
                 const float* z1, const float* z2, const float* g2, const float* w, float* g1, double* sums,
                 const WeightGradientTarget& dw) {
  const ConvShape& z = s.depthwise;
  const std::int64_t group = 1 + smaller(kChainPixels / z.Q, z.P - 1);  // rows between two looks at the chain
  for_vectors(
      s, [&] { return GradientRoom(z); },
      [&](const Job& job, const GradientRoom& room) {
        load_taps(z, w, job, room.taps);
        const Load load_as(s, norm1, job);
        const NormLanes norm(norm2.constants, job.c, job.lanes);
        const F mean_g = load_partial(means2.g + job.c, job.lanes), mean_gh = load_partial(means2.gh + job.c, job.lanes);
        D sum = {}, sum_h = {}, total[R * R] = {};
        std::int64_t chain = 0;
        const auto close = [&] {
          for (int t = 0; t < R * R; ++t) total[t] = total[t] + widen(load(room.tap_sums + t * kLanes));
          clear(room.tap_sums, R * R * kLanes);
          chain = 0;
        };
        clear(room.tap_sums, R * R * kLanes);
        for (std::int64_t n = job.n0; n < job.n1; ++n) {
          fill_gradient<R, Stride>(z, room, norm, mean_g, mean_gh, job, n, z2, g2);
          fill_input_and_slopes(z, room, load_as, job, n, z1);
          for (std::int64_t p = 0; p < z.P; p += group) {
            const std::int64_t end = smaller(z.P, p + group);
            add_weight_gradient<R, Stride>(room.input, room.sizes.columns * kLanes, room.dz2, p, end, z.Q, room.tap_sums);
            chain += (end - p) * z.Q;
            if (chain >= kChainPixels) close();
          }
          input_gradient_of_image<R>(z, room, load_as, job, n, z1, g1, sum, sum_h);
        }
        close();
        finish_streaming();
        if (norm1.shift != nullptr) store_sums(sums, s, job, sum, sum_h);
        for (int t = 0; t < R * R; ++t) {
          if (dw.partial != nullptr) {
            __builtin_memcpy(dw.partial + (job.segment * R * R + t) * z.C + job.c, &total[t],
                             static_cast<std::size_t>(job.lanes) * sizeof(double));
          } else {
            store_partial(dw.whole + t * z.C + job.c, narrow(total[t]), job.lanes);
          }
        }
      });
}

template <int R, int Stride>
void gradient_with(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2,
                   const float* z1, const float* z2, const float* g2, const float* w, float* g1, double* sums,
                   const WeightGradientTarget& dw) {
  if (norm1.shift == nullptr) return gradient_of<R, Stride, AsIs>(s, norm1, norm2, means2, z1, z2, g2, w, g1, sums, dw);
  with_activation(s.activation, [&]<class Function>(Function) {
    gradient_of<R, Stride, OnLoad<Function>>(s, norm1, norm2, means2, z1, z2, g2, w, g1, sums, dw);
  });
}

void gradient(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2, const float* z1,
              const float* z2, const float* g2, const float* w, float* g1, const NormGradientTarget& sums,
              const WeightGradientTarget& dw) {
  const auto run = s.depthwise.R == 3 ? (s.depthwise.stride == 1 ? gradient_with<3, 1> : gradient_with<3, 2>)
                                      : (s.depthwise.stride == 1 ? gradient_with<5, 1> : gradient_with<5, 2>);
  run(s, norm1, norm2, means2, z1, z2, g2, w, g1, sums.partial, dw);
}

template <int R, int Stride>
void filter_tile_of(const ConvShape& z, const float* tile, const float* taps, float* y) {
  const std::int64_t row = TileSizes(z).columns * kLanes;
  for (std::int64_t p = 0; p < z.P; ++p)
    filter_row<R, Stride, false>(tile + p * Stride * row, row, taps, z.Q, y + p * z.Q * kLanes);
}

double filter_tile(const ConvShape& z, const float* tile, const float* taps, float* y) {
  const auto run = z.R == 3 ? (z.stride == 1 ? filter_tile_of<3, 1> : filter_tile_of<3, 2>)
                            : (z.stride == 1 ? filter_tile_of<5, 1> : filter_tile_of<5, 2>);
  run(z, tile, taps, y);
  return static_cast<double>(z.P * z.Q * z.R * z.S * kLanes);
}

}  // namespace

extern const FusedDepthwiseKernels fused_depthwise_table;
const FusedDepthwiseKernels fused_depthwise_table = {forward, pool, activation_gradient, gradient, filter_tile};

}  // namespace vitrine::kernels::VITRINE_ISA

// The depthwise convolution of layers/blocks/mbconv_fused.h and the elementwise work around it. A job is one segment of images and one slab
// of 48 channels; within it, one vector of channels at a time lies in tiles (layers/kernels/depthwise_tile_cpu.h).
#include "layers/blocks/mbconv_fused_depthwise_cpu.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

struct Sums {
  D sum = {}, squares = {};
  void add(F value) {
    const D exact = widen(value);
    sum = sum + exact;
    squares = fma(exact, exact, squares);
  }
};

// The scratch of one thread's part of the forward pass; the tile's borders stay zero from job to job.
struct ForwardRoom {
  float *tile, *taps;

  explicit ForwardRoom(const ConvShape& z) {
    const TileSizes sizes(z);
    tile = thread_scratch(static_cast<std::size_t>(sizes.input() + z.R * z.S * kLanes));
    taps = tile + sizes.input();
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
        float *const tile = room.tile, *const taps = room.taps;
        load_taps(z, w, job, taps);
        const Load load_as(s, norm1, job);
        const bool streamed = is_streamed(z.N * z.P * z.Q, z.C);
        const int lanes = Load::lanes(job);
        Sums sums;
        for (std::int64_t n = job.n0; n < job.n1; ++n) {
          fill_input(z, sizes, load_as, job, n, z1, tile);
          const Map<float> out = wide_map(z2, z, z.P * z.Q, job, n);
          for (std::int64_t p = 0; p < z.P; ++p) {
            const auto use = [&]<int Count>(std::int64_t q, const F(&y)[Count]) {
              Sums total = sums;
#pragma GCC unroll 8
              for (int j = 0; j < Count; ++j) {
                total.add(y[j]);
                store_row(out.pixel(p * z.Q + q + j), y[j], lanes, streamed);
              }
              sums = total;
              put_down(sums);
            };
            filter_row<R, Stride>(tile + p * Stride * sizes.columns * kLanes, sizes.columns * kLanes, taps, {0, R}, z.Q, use);
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
      alignas(64) float values[kAtATime * kLanes];
      for (std::int64_t first = 0; first < pixels; first += kAtATime) {
        const std::int64_t count = smaller(kAtATime, pixels - first);
        for (std::int64_t i = 0; i < count; ++i) store(values + i * kLanes, load_as.value(map.read(first + i, job.lanes)));
        for (std::int64_t i = 0; i < count; ++i) sum = sum + widen(load(values + i * kLanes));
      }
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
    const int lanes = job.lanes;
    D sum = {}, sum_h = {};
    for (std::int64_t n = job.n0; n < job.n1; ++n) {
      const F factor = scale != nullptr ? load_partial(scale + n * z.C + job.c, job.lanes) : broadcast(1.0f);
      const F share = scale != nullptr ? load_partial(pooled_gradient + n * z.C + job.c, job.lanes) / count : zero();
      const Map<const float> map = wide_map(z2, z, pixels, job, n);
      const Map<float> gradients = wide_map(dq, z, pixels, job, n);
      alignas(64) float slopes[kAtATime * kLanes];
      for (std::int64_t first = 0; first < pixels; first += kAtATime) {
        const std::int64_t last = smaller(pixels, first + kAtATime);
        for (std::int64_t p = first; p < last; ++p) {
          const F value = load_as.norm.value(map.read(p, lanes), load_as.shift);
          store(slopes + (p - first) * kLanes, load_as.function.slope(value));
        }
        for (std::int64_t p = first; p < last; ++p) {
          const F slope = load(slopes + (p - first) * kLanes), value = load_partial(map.pixel(p), lanes);
          const F g = (gradients.read(p, lanes) * factor + share) * slope;
          store_partial(gradients.pixel(p), g, lanes);
          sum = sum + widen(g);
          sum_h = fma(widen(g), widen(load_as.norm.standard(value)), sum_h);
        }
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

template <int R, int Stride>
void filter_tile_of(const ConvShape& z, const float* tile, const float* taps, float* y) {
  const std::int64_t row = TileSizes(z).columns * kLanes;
  for (std::int64_t p = 0; p < z.P; ++p)
    filter_row<R, Stride>(tile + p * Stride * row, row, taps, {0, R}, z.Q, StoredOutputs{y + p * z.Q * kLanes});
}

double filter_tile(const ConvShape& z, const float* tile, const float* taps, float* y) {
  const auto run = z.R == 3 ? (z.stride == 1 ? filter_tile_of<3, 1> : filter_tile_of<3, 2>)
                            : (z.stride == 1 ? filter_tile_of<5, 1> : filter_tile_of<5, 2>);
  run(z, tile, taps, y);
  return static_cast<double>(z.P * z.Q * z.R * z.S * kLanes);
}

}  // namespace

extern const FusedDepthwiseKernels fused_depthwise_table;
const FusedDepthwiseKernels fused_depthwise_table = {forward, pool, activation_gradient, depthwise_gradient, filter_tile};

}  // namespace vitrine::kernels::VITRINE_ISA

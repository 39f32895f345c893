// The gradient of the depthwise convolution of layers/blocks/mbconv_fused.h, of the norm after it and the activation before it, in one sweep.
#include "layers/blocks/mbconv_fused_depthwise_cpu.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kChainPixels =
    256;  // a float32 sum of a depthwise weight gradient goes to float64 after at least so many

// The scratch of one thread's part of the backward pass; the tiles' borders stay zero from job to job.
struct GradientRoom {
  TileSizes sizes;
  float *input, *gradient, *slopes, *taps, *tap_sums;

  explicit GradientRoom(const ConvShape& z) : sizes(z) {
    const std::int64_t map = z.H * z.W * kLanes, weights = z.R * z.S * kLanes;
    input = thread_scratch(static_cast<std::size_t>(sizes.input() + sizes.gradient() + map + 2 * weights));
    gradient = input + sizes.input();
    slopes = gradient + sizes.gradient();
    taps = slopes + map;
    tap_sums = taps + weights;
    clear(input, sizes.input() + sizes.gradient());
  }
  // Of dz2, row p.
  float* gradient_row(std::int64_t p) const {
    return gradient + ((sizes.top + p) * sizes.gradient_columns + sizes.left) * kLanes;
  }
};

// dz2 of one image.
void fill_gradient(const ConvShape& z, const GradientRoom& room, const NormLanes norm, F mean_g, F mean_gh, const Job& job,
                   std::int64_t n, const float* z2, const float* g2) {
  const Map<const float> map = wide_map(z2, z, z.P * z.Q, job, n), gradients = wide_map(g2, z, z.P * z.Q, job, n);
  const std::int64_t columns = z.Q;
  const int lanes = job.lanes;
  for (std::int64_t p = 0; p < z.P; ++p) {
    float* const to = room.gradient_row(p);
    for (std::int64_t q = 0; q < columns; ++q) {
      const std::int64_t pixel = p * columns + q;
      store(to + q * kLanes, norm.gradient(map.read(pixel, lanes), gradients.read(pixel, lanes), mean_g, mean_gh));
    }
  }
}

template <class Function>
void fill_input_and_slopes(const ConvShape& z, const GradientRoom& room, const OnLoad<Function> load_as, const Job& job,
                           std::int64_t n, const float* z1) {
  const Map<const float> map = OnLoad<Function>::map(z1, z, job, n);
  const std::int64_t columns = z.W;
  const int lanes = load_as.lanes(job);
  for (std::int64_t h = 0; h < z.H; ++h) {
    float* const to = room.input + ((h + z.padding.top) * room.sizes.columns + z.padding.left) * kLanes;
    float* const slope = room.slopes + h * columns * kLanes;
    for (std::int64_t v = 0; v < columns; ++v) {
      const Activated a = load_as.value_and_slope(map.read(h * columns + v, lanes));
      store(to + v * kLanes, a.value);
      store(slope + v * kLanes, a.slope);
    }
  }
}
void fill_input_and_slopes(const ConvShape& z, const GradientRoom& room, const AsIs& load_as, const Job& job, std::int64_t n,
                           const float* z1) {
  fill_input(z, room.sizes, load_as, job, n, z1, room.input);
}

// The taps that lead from row h of the map to rows of the output, and the row p of the first one; the next ones lie above it.
struct OutputRows {
  std::int64_t p;
  TapRows taps;
};
template <int R, int Stride>
OutputRows output_rows(const ConvShape& z, std::int64_t h) {
  const std::int64_t padded = h + z.padding.top, last = padded / Stride, p = smaller(last, z.P - 1);
  const std::int64_t first = padded % Stride + (last - p) * Stride;
  return {p, {static_cast<int>(first), static_cast<int>(smaller(R, first + (p + 1) * Stride))}};
}

// g1 of one image: the gradient by its map, times the slope at z1; sums of g1 and g1 h1.
template <int R, int Stride, class Load>
void input_gradient_of_image(const ConvShape& z, const GradientRoom& room, const Load load_as, const Job& job, std::int64_t n,
                             const float* z1, float* g1, D& sum, D& sum_h) {
  const std::int64_t columns = z.W;
  const int lanes = Load::lanes(job);
  const float* const slopes = room.slopes;
  const std::int64_t step = room.sizes.gradient_columns * kLanes;
  const Map<const float> map = Load::map(z1, z, job, n);
  const Map<float> gradients = Load::map(g1, z, job, n);
  const bool streamed = !std::is_same_v<Load, AsIs> && is_streamed(z.N * z.H * z.W, z.C);
  for (std::int64_t h = 0; h < z.H; ++h) {
    const auto use = [&]<int Count>(std::int64_t v, const F(&y)[Count]) {
      D total = sum, total_h = sum_h;
#pragma GCC unroll 8
      for (int j = 0; j < Count; ++j) {
        const std::int64_t pixel = h * columns + v + j;
        F g = y[j];
        if constexpr (!std::is_same_v<Load, AsIs>) {
          g = g * load(slopes + pixel * kLanes);
          total = total + widen(g);
          total_h = fma(widen(g), widen(load_as.norm.standard(map.read(pixel, lanes))), total_h);
        }
        store_row(gradients.pixel(pixel), g, lanes, streamed);
      }
      sum = total;
      sum_h = total_h;
      put_down(sum);
      put_down(sum_h);
    };
    const OutputRows rows = output_rows<R, Stride>(z, h);
    gradient_row<R, Stride>(room.gradient_row(rows.p), step, room.taps, rows.taps, z.padding.left, z.W, use);
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
          fill_gradient(z, room, norm, mean_g, mean_gh, job, n, z2, g2);
          fill_input_and_slopes(z, room, load_as, job, n, z1);
          for (std::int64_t p = 0; p < z.P; p += group) {
            const std::int64_t end = smaller(z.P, p + group);
            add_weight_gradient<R, Stride>(room.input, room.sizes.columns * kLanes, room.gradient_row(0),
                                           room.sizes.gradient_columns * kLanes, p, end, z.Q, room.tap_sums);
            chain += (end - p) * z.Q;
            if (chain >= kChainPixels) close();
          }
          input_gradient_of_image<R, Stride>(z, room, load_as, job, n, z1, g1, sum, sum_h);
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

}  // namespace

void depthwise_gradient(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2,
                        const float* z1, const float* z2, const float* g2, const float* w, float* g1,
                        const NormGradientTarget& sums, const WeightGradientTarget& dw) {
  const auto run = s.depthwise.R == 3 ? (s.depthwise.stride == 1 ? gradient_with<3, 1> : gradient_with<3, 2>)
                                      : (s.depthwise.stride == 1 ? gradient_with<5, 1> : gradient_with<5, 2>);
  run(s, norm1, norm2, means2, z1, z2, g2, w, g1, sums.partial, dw);
}

}  // namespace vitrine::kernels::VITRINE_ISA

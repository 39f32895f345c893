// What the two halves of the depthwise part of layers/blocks/mbconv_fused.h share: jobs, and how values come into tiles.
#pragma once

#include <type_traits>

#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/slab_cpu.h"
#include "layers/kernels/depthwise_tile_cpu.h"
#include "layers/kernels/norm_cpu.h"
#include "layers/unary_cpu.h"
#include "tensor/scratch.h"

namespace vitrine::kernels::VITRINE_ISA {

// FusedDepthwiseKernels::gradient.
void depthwise_gradient(const MBConvShape& s, const NormOnLoad& norm1, const NormOnLoad& norm2, const NormMeans& means2,
                        const float* z1, const float* z2, const float* g2, const float* w, float* g1,
                        const NormGradientTarget& sums, const WeightGradientTarget& dw);

// Images n0 .. n1 and the vector of channels c .. c + lanes.
struct Job {
  std::int64_t segment, n0, n1, c;
  int lanes;
};

// body(job, room) for every segment and every vector of channels, the vectors of a slab one after the other; room = make_room() once
// for each thread's part.
template <class MakeRoom, class Body>
static inline void for_vectors(const MBConvShape& s, MakeRoom make_room, Body body) {
  const std::int64_t M = s.depthwise.C;
  const SlabJobs jobs(s.segments(), M);
  parallel_for(jobs.count(), 1, [&](std::int64_t first, std::int64_t last) {
    const auto room = make_room();
    for (std::int64_t i = first; i < last; ++i) {
      const auto [segment, slab] = jobs.at(i);
      const std::int64_t n0 = segment * s.images;
      for (std::int64_t c = slab; c < smaller(M, slab + kSlab); c += kLanes)
        body(Job{segment, n0, smaller(s.depthwise.N, n0 + s.images), c, lanes_of(M, c)}, room);
    }
  });
}
template <class Body>
static inline void for_vectors(const MBConvShape& s, Body body) {
  for_vectors(
      s, [] { return 0; }, [&](const Job& job, int) { body(job); });
}

// One vector of channels of w [R, S, C] as [R S][kLanes].
static inline void load_taps(const ConvShape& z, const float* w, const Job& job, float* taps) {
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
static inline Map<T> wide_map(T* z, const ConvShape& s, std::int64_t pixels, const Job& job, std::int64_t n) {
  return {z + plane_at(s.N * pixels, n * pixels, job.c), kPlane};
}
template <class T>
static inline Map<T> image_map(T* x, const ConvShape& s, std::int64_t pixels, const Job& job, std::int64_t n) {
  return {x + n * pixels * s.C + job.c, s.C};
}

// What a map is turned into on its way into a tile: act(BN(z)), or z itself where there is no norm. `lanes` of an expanded tensor are whole vectors.
// Loops take it by value: gcc reads what lies behind a reference again after each store.
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
  static int lanes(const Job&) { return kLanes; }
  F value(F z) const { return function.value(norm.value(z, shift)); }
  Activated value_and_slope(F z) const { return vitrine::value_and_slope(function, norm.value(z, shift)); }
};
struct AsIs {
  AsIs(const MBConvShape&, const NormOnLoad&, const Job&) {}
  template <class T>
  static Map<T> map(T* x, const ConvShape& z, const Job& job, std::int64_t n) {  // the block's input: NHWC
    return image_map(x, z, z.H * z.W, job, n);
  }
  static int lanes(const Job& job) { return job.lanes; }
  F value(F z) const { return z; }
};

template <class Load>
static inline void fill_input(const ConvShape& z, const TileSizes& sizes, const Load load_as, const Job& job, std::int64_t n,
                              const float* z1, float* tile) {
  const Map<const float> map = Load::map(z1, z, job, n);
  const std::int64_t columns = z.W;
  const int lanes = Load::lanes(job);
  for (std::int64_t h = 0; h < z.H; ++h) {
    float* const to = tile + ((h + z.padding.top) * sizes.columns + z.padding.left) * kLanes;
    for (std::int64_t v = 0; v < columns; ++v) store(to + v * kLanes, load_as.value(map.read(h * columns + v, lanes)));
  }
}

static inline void store_sums(double* partial, const MBConvShape& s, const Job& job, D first, D second) {
  const std::int64_t M = s.depthwise.C, bytes = job.lanes * static_cast<std::int64_t>(sizeof(double));
  __builtin_memcpy(partial + job.segment * 2 * M + job.c, &first, static_cast<std::size_t>(bytes));
  __builtin_memcpy(partial + (job.segment * 2 + 1) * M + job.c, &second, static_cast<std::size_t>(bytes));
}

}  // namespace vitrine::kernels::VITRINE_ISA

// The 1x1 convolutions of layers/blocks/mbconv_fused.h. A job is one slab of 48 channels and one segment of images, or all of them in turn.
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/slab_cpu.h"
#include "layers/kernels/norm_cpu.h"
#include "layers/unary_cpu.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

constexpr std::int64_t kRowUnit = 16;  // a thread's rows are so many times some

// Columns c .. c + width of segments first .. last.
struct Job {
  std::int64_t first, last, c, width;
};

// A job for every slab of every segment; or, joined, one for every slab, which takes the segments in their order.
template <class Body>
void for_slabs(const MBConvShape& s, bool joined, Body body) {
  const std::int64_t M = s.depthwise.C, together = joined ? s.segments() : 1;
  const SlabJobs jobs(s.segments() / together, M);
  parallel_for(jobs.count(), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const auto [segment, c] = jobs.at(i);
      body(Job{segment, segment + together, c, smaller(kSlab, M - c)});
    }
  });
}

// The rows of a segment, of `pixels` an image.
struct SegmentRows {
  std::int64_t first, last;
  SegmentRows(const MBConvShape& s, std::int64_t pixels, std::int64_t segment)
      : first(segment * s.images * pixels), last(smaller(s.depthwise.N, (segment + 1) * s.images) * pixels) {}
};

// How a product of kBlockRows rows of a slab comes into its planes: where it is made; or by way of a block [kBlockRows][kSlab], where it is
// streamed past the caches or the slab is narrower than a product.
struct SlabWrites {
  float *planes, *block;
  std::int64_t rows;  // of the tensor
  bool streamed, in_place;

  SlabWrites(float* to, float* room, std::int64_t all, std::int64_t M, std::int64_t width)
      : planes(to), block(room), rows(all), streamed(is_streamed(all, M)), in_place(!streamed && width == kSlab) {}

  SlabOutput output(std::int64_t r, std::int64_t c) const {
    if (!in_place) return {block, kSlab, kPlane};
    return {planes + plane_at(rows, r, c), kPlane, plane_rows(rows) * kPlane};
  }
  // Row r + i of the vector at channel c + k, from the product of rows r on and channels c on.
  F settled(std::int64_t r, std::int64_t i, std::int64_t c, std::int64_t k, int lanes) const {
    float* const at = planes + plane_at(rows, r, c + k) + i * kPlane;
    if (in_place) {
      __builtin_prefetch(at + kBlockRows * kPlane, 1, 3);  // the row that takes this one's turn in the next product
      return load(at);
    }
    const F value = load(block + i * kSlab + k);
    store_row(at, value, lanes, streamed);
    return value;
  }
};

void expand(const MBConvShape& s, const float* x, const float* w, float* z1, const NormTarget& sums) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.H * s.depthwise.W, all = s.depthwise.N * pixels;
  for_slabs(s, false, [&](const Job& job) {
    const std::int64_t c = job.c;
    float* const panel = thread_scratch(static_cast<std::size_t>((s.in + kBlockRows) * kSlab));
    const SlabWrites writes(z1, panel + s.in * kSlab, all, M, kSlab);
    pack_slab(w, s.in, M, c, panel);
    D sum[kSlabVectors] = {}, squares[kSlabVectors] = {};
    const SegmentRows segment(s, pixels, job.first);
    for (std::int64_t r = segment.first; r < segment.last; r += kBlockRows) {
      const std::int64_t rows = smaller(kBlockRows, segment.last - r);
      slab_product(x + r * s.in, s.in, panel, s.in, rows, writes.output(r, c));
      for (int v = 0; v < kSlabVectors; ++v) {
        D total = sum[v], total_of_squares = squares[v];
        for (std::int64_t i = 0; i < rows; ++i) {
          const F value = writes.settled(r, i, c, v * kLanes, kLanes);
          total = total + widen(value);
          total_of_squares = fma(widen(value), widen(value), total_of_squares);
        }
        sum[v] = total;
        squares[v] = total_of_squares;
      }
    }
    finish_streaming();
    for (int v = 0; v < kSlabVectors; ++v) {
      store_wide(sums.partial + job.first * 2 * M + c + v * kLanes, sum[v]);
      store_wide(sums.partial + (job.first * 2 + 1) * M + c + v * kLanes, squares[v]);
    }
  });
}

// Row i of a plane, and asks for what follows.
F read_row(const float* plane, std::int64_t i, int lanes) {
  read_ahead(plane + i * kPlane);
  return load_partial(plane + i * kPlane, lanes);
}

// q [rows][M] = scale[image] act(BN2(z2)) for rows r .. r + rows.
template <class Function>
void scaled_activation(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale, std::int64_t r,
                       std::int64_t rows, float* q) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q, all = s.depthwise.N * pixels;
  const Function function(s.activation);
  const std::int64_t ahead = across_planes(all, rows);
  for (std::int64_t c = 0; c < M; c += kLanes) {
    const float* const z = z2 + plane_at(all, r, c);
    const int lanes = lanes_of(M, c);
    const NormLanes norm(norm2.constants, c, lanes);
    const F shift = load_partial(norm2.shift + c, lanes);
    for (std::int64_t i = 0, image = r / pixels; i < rows; ++image) {
      const std::int64_t end = smaller(rows, (image + 1) * pixels - r);
      const F factor = scale != nullptr ? load_partial(scale + image * M + c, lanes) : broadcast(1.0f);
      for (; i < end; ++i) {
        __builtin_prefetch(z + ahead + i * kPlane, 0, 3);
        const F a = function.value(norm.value(load_partial(z + i * kPlane, lanes), shift));
        store_partial(q + i * M + c, a * factor, lanes);
      }
    }
  }
}

template <class Function>
void project_of(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale, const float* w, float* z3) {
  const std::int64_t M = s.depthwise.C, rows = s.depthwise.N * s.depthwise.P * s.depthwise.Q;
  const std::int64_t block = rows < 1024 ? kRowUnit : 64;
  parallel_for((rows + kRowUnit - 1) / kRowUnit, 1, [&](std::int64_t first, std::int64_t last) {
    float* const q = thread_scratch(static_cast<std::size_t>(block * M));
    const std::int64_t end = smaller(rows, last * kRowUnit);
    for (std::int64_t r = first * kRowUnit; r < end; r += block) {
      const std::int64_t count = smaller(block, end - r);
      scaled_activation<Function>(s, norm2, z2, scale, r, count, q);
      product_columns(q, w, nullptr, count, M, s.out, 0, s.out, z3 + r * s.out);
    }
  });
}

void project(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale, const float* w, float* z3) {
  with_activation(s.activation, [&]<class Function>(Function) { project_of<Function>(s, norm2, z2, scale, w, z3); });
}

// For rows r .. r + rows of a slab, the product dq in hand: q [rows][kSlab] = scale act(BN2(z2)) and
// scale_sums [image - image0][kSlab] += dq act(BN2(z2)).
template <class Function>
void scale_gradient_block(const MBConvShape& s, const Job& job, const NormOnLoad& norm2, const float* z2, const float* scale,
                          std::int64_t image0, std::int64_t r, std::int64_t rows, const SlabWrites dq, float* q,
                          double* scale_sums) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.P * s.depthwise.Q, all = s.depthwise.N * pixels;
  const Function function(s.activation);
  for (std::int64_t k = 0; k < job.width; k += kLanes) {
    const std::int64_t c = job.c + k, at_plane = plane_at(all, r, c);
    const int lanes = lanes_of(job.width, k);
    const NormLanes norm(norm2.constants, c, lanes);
    const F shift = load_partial(norm2.shift + c, lanes);
    for (std::int64_t i = 0, image = r / pixels; i < rows; ++image) {
      const std::int64_t end = smaller(rows, (image + 1) * pixels - r);
      const F factor = scale != nullptr ? load_partial(scale + image * M + c, lanes) : broadcast(1.0f);
      double* const at = scale_sums + (image - image0) * kSlab + k;
      D sum = load_wide(at);
      for (; i < end; ++i) {
        const F a = function.value(norm.value(read_row(z2 + at_plane, i, lanes), shift));
        const F g = dq.settled(r, i, job.c, k, lanes);
        sum = fma(widen(g), widen(a), sum);
        store(q + i * kSlab + k, a * factor);
      }
      store_wide(at, sum);
    }
  }
}

// total [rows][ldt] of a slab to the sums of a segment.
void store_partial_sums(const double* total, std::int64_t ldt, std::int64_t rows, std::int64_t M, const Job& job,
                        double* partial) {
  for (std::int64_t k = 0; k < rows; ++k) {
    __builtin_memcpy(partial + (job.first * rows + k) * M + job.c, total + k * ldt,
                     static_cast<std::size_t>(job.width) * sizeof(double));
  }
}

// total [rows][ldt] of a job into the weight [rows][M], or to its segment's sums. The slab is whole, as all of an expanded tensor are.
void store_slab(const double* total, std::int64_t ldt, std::int64_t rows, std::int64_t M, const Job& job,
                const WeightGradientTarget& dw) {
  if (dw.partial != nullptr) return store_partial_sums(total, ldt, rows, M, job, dw.partial);
  for (std::int64_t k = 0; k < rows; ++k) {
    for (int v = 0; v < kSlabVectors; ++v)
      store(dw.whole + k * M + job.c + v * kLanes, narrow(load_wide(total + k * ldt + v * kLanes)));
  }
}

// room [columns][kSlab] of a job, transposed, into the weight [M][columns].
void transpose_slab(const float* room, std::int64_t columns, const Job& job, float* whole) {
  for (std::int64_t j = 0; j < job.width; j += kLanes) {
    float* const to = whole + (job.c + j) * columns;
    for (std::int64_t k = 0; k < columns; k += kLanes)
      transpose_square(room + k * kSlab + j, kSlab, lanes_of(columns, k), lanes_of(job.width, j), to + k, columns);
  }
}

// total [columns][kSlab] of a job, transposed, into the weight [M][columns], or to its segment's sums; `room` [columns][kSlab].
void store_slab_transposed(const double* total, std::int64_t columns, std::int64_t M, const Job& job, float* room,
                           const WeightGradientTarget& dw) {
  if (dw.partial != nullptr) return store_partial_sums(total, kSlab, columns, M, job, dw.partial);
  for (std::int64_t i = 0; i < columns * kSlab; i += kLanes) store(room + i, narrow(load_wide(total + i)));
  transpose_slab(room, columns, job, dw.whole);
}

// Whether a weight gradient is the sum of one block of rows.
bool is_one_block(const MBConvShape& s, std::int64_t pixels, const WeightGradientTarget& dw) {
  return dw.partial == nullptr && s.segments() == 1 && s.depthwise.N * pixels <= kBlockRows;
}

// The float64 sums [rows][kSlab] of a job: those of its first segment, to which the sums of each next one are added (sum_of_segments in
// layers/blocks/batch_statistics.h).
struct JobSums {
  double *total, *next;
  std::int64_t size;

  static std::int64_t floats(std::int64_t rows) { return 2 * 2 * rows * kSlab; }
  JobSums(float* room, std::int64_t rows)
      : total(reinterpret_cast<double*>(room)), next(total + rows * kSlab), size(rows * kSlab) {}

  double* of(const Job& job, std::int64_t segment) const { return segment == job.first ? total : next; }
  void close(const Job& job, std::int64_t segment) const {
    if (segment == job.first) return;
    for (std::int64_t i = 0; i < size; i += kLanes) store_wide(total + i, load_wide(total + i) + load_wide(next + i));
  }
};

template <class Function>
void project_gradient_of(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale, const float* w,
                         const float* dz3, float* dq, float* scale_gradient, const WeightGradientTarget& dw) {
  const std::int64_t M = s.depthwise.C, K = s.out, pixels = s.depthwise.P * s.depthwise.Q;
  const std::int64_t panel_room = K * kSlab, block_room = kBlockRows * kSlab, scale_room = 2 * s.images * kSlab;
  const bool one_block = is_one_block(s, pixels, dw);
  for_slabs(s, dw.partial == nullptr, [&](const Job& job) {
    float* const panel =
        thread_scratch(static_cast<std::size_t>(panel_room + 2 * block_room + scale_room + JobSums::floats(K)));
    float* const q = panel + panel_room;
    float* const block = q + block_room;
    const SlabWrites writes(dq, block, s.depthwise.N * pixels, M, job.width);
    double* const scale_sums = reinterpret_cast<double*>(block + block_room);
    const JobSums sums(block + block_room + scale_room, K);
    clear(q, block_room);
    pack_slab_transposed(w, K, job.c, job.width, panel);
    for (std::int64_t i = job.first; i < job.last; ++i) {
      const SegmentRows segment(s, pixels, i);
      clear(reinterpret_cast<float*>(scale_sums), scale_room);
      for (std::int64_t r = segment.first; r < segment.last; r += kBlockRows) {
        const std::int64_t rows = smaller(kBlockRows, segment.last - r);
        slab_product(dz3 + r * K, K, panel, K, rows, writes.output(r, job.c));
        scale_gradient_block<Function>(s, job, norm2, z2, scale, i * s.images, r, rows, writes, q, scale_sums);
        if (one_block) {
          whole_slab_gradient(dz3 + r * K, K, K, q, kSlab, rows, panel, kSlab);  // whose weights are not needed any more
        } else {
          slab_gradient(r == segment.first, dz3 + r * K, K, K, q, kSlab, rows, sums.of(job, i), kSlab);
        }
      }
      sums.close(job, i);
      if (scale == nullptr) continue;
      for (std::int64_t n = i * s.images; n < segment.last / pixels; ++n) {
        for (std::int64_t j = 0; j < job.width; ++j)
          scale_gradient[n * M + job.c + j] = static_cast<float>(scale_sums[(n - i * s.images) * kSlab + j]);
      }
    }
    finish_streaming();
    one_block ? transpose_slab(panel, K, job, dw.whole) : store_slab_transposed(sums.total, K, M, job, panel, dw);
  });
}

void project_gradient(const MBConvShape& s, const NormOnLoad& norm2, const float* z2, const float* scale, const float* w,
                      const float* dz3, float* dq, float* scale_gradient, const WeightGradientTarget& dw) {
  with_activation(s.activation, [&]<class Function>(Function) {
    project_gradient_of<Function>(s, norm2, z2, scale, w, dz3, dq, scale_gradient, dw);
  });
}

// dz [rows][ldz] = the gradient by z1 of rows r .. r + rows and channels c .. c + width; into g1 as well where `keep`.
template <bool Keep>
void norm_gradient_block(const MBConvShape& s, const NormOnLoad& norm1, const NormMeans& means, const float* z1, std::int64_t r,
                         std::int64_t rows, std::int64_t c, std::int64_t width, float* g1, float* dz, std::int64_t ldz) {
  const std::int64_t all = s.depthwise.N * s.depthwise.H * s.depthwise.W;
  for (std::int64_t k = 0; k < width; k += kLanes) {
    const NormLanes norm(norm1.constants, c + k, kLanes);
    const F mean_g = load(means.g + c + k), mean_gh = load(means.gh + c + k);
    const float* const z = z1 + plane_at(all, r, c + k);
    float* g = g1 + plane_at(all, r, c + k);
    for (std::int64_t i = 0; i < rows; ++i, g += kPlane) {
      const F value = norm.gradient(read_row(z, i, kLanes), read_row(g, 0, kLanes), mean_g, mean_gh);
      if (Keep) store(g, value);
      store(dz + i * ldz + k, value);
    }
  }
}

// Many rows: a segment with all its channels is a job, and dz1 stays in the cache between its two uses. The rows of z1 and g1 that the next block
// begins with are asked for beside this one's multiply-adds, a plane of the slab in each tile of them: else one waits for memory and then the
// other for arithmetic.
void expand_gradient_by_segment(const MBConvShape& s, const NormOnLoad& norm1, const NormMeans& means, const float* x,
                                const float* z1, const float* w, float* scratch, float* g1, float* dx,
                                const WeightGradientTarget& dw) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.H * s.depthwise.W, all = s.depthwise.N * pixels;
  const std::int64_t tiles = s.in / kTileRows, planes = kSlab / kPlane;
  if (dx != nullptr) transpose(w, s.in, M, scratch);
  parallel_for(s.segments(), 1, [&](std::int64_t first, std::int64_t last) {
    float* const dz = thread_scratch(static_cast<std::size_t>((kBlockRows + 2 * s.in) * M));
    double* const total = reinterpret_cast<double*>(dz + kBlockRows * M);
    for (std::int64_t segment = first; segment < last; ++segment) {
      const std::int64_t r0 = segment * s.images * pixels, r1 = smaller(all, r0 + s.images * pixels);
      for (std::int64_t r = r0; r < r1; r += kBlockRows) {
        const std::int64_t rows = smaller(kBlockRows, r1 - r);
        norm_gradient_block<false>(s, norm1, means, z1, r, rows, 0, M, g1, dz, M);
        for (std::int64_t c = 0; c < M; c += kSlab) {
          slab_gradient(r == r0, x + r * s.in, s.in, s.in, dz + c, M, rows, total + c, M, [&](std::int64_t tile) {
            const std::int64_t at = plane_at(all, r + kBlockRows, c + tile * planes / tiles * kPlane);
            return [z = z1 + at, g = g1 + at](std::int64_t row) {
              __builtin_prefetch(z + row * kPlane, 0, 2);
              __builtin_prefetch(g + row * kPlane, 0, 2);
            };
          });
        }
        if (dx != nullptr) product_columns(dz, scratch, nullptr, rows, M, s.in, 0, s.in, dx + r * s.in);
      }
      for (std::int64_t c = 0; c < M; c += kSlab) store_slab(total + c, M, s.in, M, Job{segment, segment + 1, c, kSlab}, dw);
    }
  });
}

// Few rows, many channels: first a job for every slab, which leaves dz1 in g1, then one for every block of rows.
void expand_gradient_by_slab(const MBConvShape& s, const NormOnLoad& norm1, const NormMeans& means, const float* x,
                             const float* z1, const float* w, float* scratch, float* g1, float* dx,
                             const WeightGradientTarget& dw) {
  const std::int64_t M = s.depthwise.C, pixels = s.depthwise.H * s.depthwise.W, all = s.depthwise.N * pixels;
  const std::int64_t block_room = kBlockRows * kSlab;
  const bool one_block = is_one_block(s, pixels, dw);
  for_slabs(s, dw.partial == nullptr, [&](const Job& job) {
    float* const dz = thread_scratch(static_cast<std::size_t>(block_room + JobSums::floats(s.in)));
    const JobSums sums(dz + block_room, s.in);
    for (std::int64_t i = job.first; i < job.last; ++i) {
      const SegmentRows segment(s, pixels, i);
      for (std::int64_t r = segment.first; r < segment.last; r += kBlockRows) {
        const std::int64_t rows = smaller(kBlockRows, segment.last - r);
        norm_gradient_block<true>(s, norm1, means, z1, r, rows, job.c, kSlab, g1, dz, kSlab);
        if (one_block) {
          whole_slab_gradient(x + r * s.in, s.in, s.in, dz, kSlab, rows, dw.whole + job.c, M);
        } else {
          slab_gradient(r == segment.first, x + r * s.in, s.in, s.in, dz, kSlab, rows, sums.of(job, i), kSlab);
        }
      }
      sums.close(job, i);
    }
    if (!one_block) store_slab(sums.total, kSlab, s.in, M, job, dw);
  });
  if (dx == nullptr) return;
  if (is_product_by_columns(all, M, s.in)) return product_by_columns(g1, w, all, M, s.in, dx);
  transpose(w, s.in, M, scratch);
  const std::int64_t block = all < 1024 ? kRowUnit : 64;
  parallel_for((all + kRowUnit - 1) / kRowUnit, 1, [&](std::int64_t first, std::int64_t last) {
    float* const dz = thread_scratch(static_cast<std::size_t>(block * M));
    const std::int64_t end = smaller(all, last * kRowUnit);
    for (std::int64_t r = first * kRowUnit; r < end; r += block) {
      const std::int64_t count = smaller(block, end - r);
      rows_of_planes(g1, all, M, r, count, dz);
      product_columns(dz, scratch, nullptr, count, M, s.in, 0, s.in, dx + r * s.in);
    }
  });
}

void expand_gradient(const MBConvShape& s, const NormOnLoad& norm1, const NormMeans& means, const float* x, const float* z1,
                     const float* w, float* scratch, float* g1, float* dx, const WeightGradientTarget& dw) {
  constexpr std::int64_t kSumsInCache = 40000;  // weights whose float64 sums may stay in one core's cache
  const bool joined = dw.partial == nullptr && s.segments() > 1;
  const std::int64_t M = s.depthwise.C;
  const bool by_segment = !joined && s.in * M <= kSumsInCache && s.segments() >= thread_count();
  const auto run = by_segment ? expand_gradient_by_segment : expand_gradient_by_slab;  // the same bits either way
  run(s, norm1, means, x, z1, w, scratch, g1, dx, dw);
}

}  // namespace

extern const FusedPointwiseKernels fused_pointwise_table;
const FusedPointwiseKernels fused_pointwise_table = {expand, project, project_gradient, expand_gradient};

}  // namespace vitrine::kernels::VITRINE_ISA

// What preparation does most often, one table for each instruction set (tensor/isa.h): the same bits in all of them, and those of the plain
// formula in tests/imaging/prep_kernels_test.cpp.
#pragma once

#include <cstdint>

namespace vitrine::imaging::kernels {

// Lines of a volume that lie side by side: value i of line l is at [i * kLinesAbreast + l].
inline constexpr int kLinesAbreast = 16;

// A running mean of 2 reach + 1 values, the outermost two counted by `edge`; `width` is the sum of these weights.
struct MeanWindow {
  std::int64_t reach = 0;
  float edge = 0, width = 1;
};

// A normal density: scale * exp(-((value - mean) / deviation)^2 / 2), 0 where the square is above 80.
struct NormalDensity {
  double mean, deviation, scale;
};

// Where the rows begin that meet in one, and what each counts.
struct RowTaps {
  const std::int64_t* offsets;
  const float* weights;
  std::int64_t taps;
};

// An affine map into a volume: index = direction^T (matrix * p + shift - origin) / spacing.
struct MappedVolume {
  double matrix[9], shift[3];
  double direction[9], origin[3], spacing[3];
  std::int64_t size[3];
  const float* data;
};

inline constexpr int kPlacesAbreast = 16;  // the number of places that are mapped is rounded up to a multiple of it
inline constexpr int kShareColumns = 8;

struct PrepKernels {
  // lines: `count` values behind `reach` more on each side. means: the same; those of the `count` values are written.
  // The sum moves on in double by what enters it less what leaves it.
  void (*running_means)(const float* lines, std::int64_t count, const MeanWindow& window, float* means);

  // out[i] for `count` values.
  void (*normal_densities)(const double* values, std::int64_t count, const NormalDensity& density, double* out);

  // out[i] = values[i] exp(-logs[i]) for `count` of them; A logarithm beyond 700 or -700 counts as that.
  void (*without_logs)(const double* values, const double* logs, std::int64_t count, double* out);

  // Over rows that begin at source + offsets[t], t = 0, 1, ...: out[i] = sum of weights[t] row_t[i], tap by tap from 0.
  void (*weighted_sums)(const float* source, const RowTaps& taps, std::int64_t count, float* out);
  // The least of row_t[i] + weights[t], or infinity.
  void (*least_sums)(const float* source, const RowTaps& taps, std::int64_t count, float* out);

  // For every place inside the field of view, place by place: the value v there, linear between voxels, shares out the place's row of `shares`
  // over the rows floor(v) and floor(v) + 1 of `counts`, each of kShareColumns. How many places those were.
  // places: x of all, then y, then z, each `stride` apart, a multiple of kPlacesAbreast that is at least `count`.
  std::int64_t (*shared_counts)(const MappedVolume& volume, const double* places, std::int64_t stride, std::int64_t count,
                                const float* shares, double* counts);
};

const PrepKernels& prep_kernels();  // those of this machine

}  // namespace vitrine::imaging::kernels

// The heads that `vitrine bench imaging` measures on: simulated, with their truth.
//
// T1c     1 mm (2 mm when quick), SPGR, MPRAGE and SE in turn, noise of 3 to 5 %, fields of 20 and 40 % in turn, a neck of 25, 60, 25 and 0 mm
// FLAIR, T2  4.5 mm slices every 5 mm, 0.9 mm pixels, tilted by up to 15 degrees, moved by up to 10 mm and 10 degrees per axis
// Far     the same voxels with headers that lie 20 to 80 mm and 10 to 30 degrees off
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "imaging/simulator/scan.h"

namespace vitrine::imaging {

struct BenchMoving {
  Volume volume;
  Mask brain;
  Matrix4 from_t1c{};
  Geometry far_grid;  // of the same voxels
  Matrix4 far_from_t1c{};
};

struct BenchCase {
  std::string name;      // case-01
  std::string sequence;  // of T1c
  double bias = 0, noise = 0, neck_mm = 0;
  Volume t1c, clean, field, tissue;  // clean: the signal without field and noise; tissue: imaging/simulator/scan.h tissue_truth
  Mask brain, lesion;
  std::array<BenchMoving, 2> moving;  // FLAIR, T2
};

// Case `number` from 0 on. Interrupted.
BenchCase make_bench_case(const Anatomy& anatomy, int number, bool quick);

// Files for other programs: t1c, flair, t2, flair_far, t2_far, brain, brain_flair, brain_t2, lesion, field, clean, tissue (.nii.gz), case.json.
void keep_bench_case(const std::filesystem::path& folder, const BenchCase& c);

}  // namespace vitrine::imaging

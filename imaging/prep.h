// From a cohort of volumes to crops that a network can be trained on.
//
// Order      read, coregister FLAIR and T2 to T1c, brain mask, bias field, normalise, crop: the paper's
// Output     OUT/crops/<sample>.safetensors (`image` [64, 64, 3], channels t1c, flair, t2, in [0, 1]), OUT/previews/<sample>.png,
//            OUT/subjects/<subject>.json (what was done, and the key of its inputs), OUT/manifest.csv, OUT/prep.json
// Resume     a subject whose inputs and options have not changed since its JSON was written is not prepared again
#pragma once

#include <filesystem>
#include <string>

#include "base/progress.h"
#include "data/manifest.h"
#include "imaging/crop.h"

namespace vitrine::imaging {

struct PrepOptions {
  CropOptions crop;
  int jobs = 2;  // subjects at a time; results do not depend on it
};

struct PrepResult {
  Manifest manifest;
  int prepared = 0, kept = 0;  // subjects worked on now, and found finished
};

// DataError naming the subject for whatever its volumes or masks get wrong (docs/imaging.md); Interrupted between subjects.
PrepResult prepare_cohort(const std::filesystem::path& cohort_csv, const std::filesystem::path& out, const PrepOptions& options,
                          Progress& progress);

}  // namespace vitrine::imaging

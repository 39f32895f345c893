// From a cohort of volumes to crops that a network can be trained on.
//
// Order      read in LPS order, brain mask, coregister FLAIR and T2 to T1c, bias field, normalise, crop: the paper's, with what can be refused
//            at once first
// Output     OUT/crops/<sample>.safetensors (`image` [64, 64, 3], channels t1c, flair, t2, in [0, 1], orientation LP), OUT/previews/<sample>.png,
//            OUT/qc/<subject>/*.png (imaging/qc_pictures.h),
//            OUT/subjects/<subject>.json (what was done, warned of and hashed), OUT/manifest.csv, OUT/qc.html, OUT/prep.json
// Resume     a subject is kept when its inputs and options are those of its record and every crop, preview and picture has the hash that stands there
// Refused    a subject that cannot be prepared does not stop the others: the manifest holds those that can. Where there are none, and from the
//            moment on that a subject is prepared anew until the end, there is no manifest, so that an old one never stands for new crops.
#pragma once

#include <filesystem>
#include <string>

#include "base/progress.h"
#include "data/manifest.h"
#include "imaging/steps/crop.h"

namespace vitrine::imaging {

struct PrepOptions {
  CropOptions crop;
  int jobs = 2;  // subjects at a time; results do not depend on it
};

struct PrepResult {
  Manifest manifest;
  int prepared = 0, kept = 0;  // subjects worked on now, and found finished
};

// DataError for a table that is not accepted: nothing is written then. DataError at the end when subjects were refused, after everything is
// written: with one its reason, with several their number, each reason shown before. Notes of each subject are shown as they come.
// Interrupted: subjects that are finished stay.
PrepResult prepare_cohort(const std::filesystem::path& cohort_csv, const std::filesystem::path& out, const PrepOptions& options,
                          Progress& progress);

}  // namespace vitrine::imaging

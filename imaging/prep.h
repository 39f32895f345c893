// From a cohort of volumes to crops that a network can be trained on.
//
// Order      imaging/subject.h
// Output     OUT/crops/<sample>.safetensors (`image` [64, 64, C] in [0, 1], orientation LP; channels t1c, flair, t2 as far as the subject has
//            them, those that it lacks in the metadata `without`), OUT/previews/<sample>.png, OUT/qc/<subject>/*.png (for quality control),
//            OUT/subjects/<subject>.json (what was done, warned of and hashed), OUT/lineage/<subject>.safetensors (imaging/lineage.h),
//            OUT/manifest.csv, OUT/qc.html, OUT/prep.json
// Resume     a subject is kept when its inputs and options are those of its record and every crop and preview has the hash that stands there
// Refused    a subject that cannot be prepared does not stop the others: the manifest holds those that can. Where there are none, and from the
//            moment on that a subject is prepared anew until the end, there is no manifest, so that an old one never stands for new crops.
#pragma once

#include <filesystem>
#include <string>

#include "base/progress.h"
#include "data/manifest.h"
#include "imaging/subject.h"

namespace vitrine::imaging {

struct PrepOptions {
  SubjectOptions subject;
  int jobs = 2;  // subjects at a time; results do not depend on it
};

// Prepares the subject in row `row` (from 0) of the table alone and leaves its crops and record; no manifest: prepare_cohort makes one of all
// records. Processes may prepare different subjects of one folder at a time, on any machines that share it. DataError when the subject is
// refused, or when there is no such row; Error (exit code 1) when another process has this subject.
void prepare_one_subject(const std::filesystem::path& cohort_csv, std::size_t row, const std::filesystem::path& out,
                         const PrepOptions& options, Progress& progress);

// Is there a record of the subject? It may be of other files or options: prepare_cohort looks.
bool has_record(const std::filesystem::path& out, const std::string& subject_id);

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

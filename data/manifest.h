// manifest.csv: one row per crop, the hand-over from `imaging/` (or any other source) to training.
//
// Columns   sample_id, subject_id, lesion_id, slice, label, file, preview, side_mm, sha256
//           `file` and `preview` are relative to the manifest. `file` is a safetensors file with one tensor `image`,
//           [H, W, C] float32 in [0, 1], and metadata `channels` = "t1c,flair,t2".
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace vitrine {

struct Sample {
  std::string sample_id;
  std::string subject_id;
  int lesion_id = 0;  // within the subject, from 1
  int slice = 0;      // axial index on the T1c grid
  std::string label;  // class name
  std::string file;
  std::string preview;  // may be empty
  double side_mm = 0;   // side of the cropped square
  std::string sha256;   // of `file`
};

struct Manifest {
  std::filesystem::path path;
  std::vector<Sample> samples;
  std::vector<std::string> notes;  // what a reader should know: columns that are not read and look as if they were meant

  std::vector<std::string> classes() const;           // sorted names: NSCLC before SCLC
  std::vector<std::string> subjects() const;          // in order of first appearance
  std::map<std::string, std::string> labels() const;  // of each subject
};

// Names lose the spaces around them. DataError for a missing column, a name that is none (base/names.h), names that differ by capitals
// alone, a duplicate sample_id, a subject with two labels, fewer than two classes, no rows.
Manifest read_manifest(const std::filesystem::path& path);
void write_manifest(const Manifest& manifest);  // to manifest.path, atomically

}  // namespace vitrine

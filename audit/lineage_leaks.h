// Leaks between the parts of a split: what lies in two of train, inner, validation and test of one fold, under whatever names.
//
// Compared   the subjects; the subject that a crop's file names itself; SHA-256 of the crops' files, of each channel's pixels (a channel of one
//            value says nothing and is left out), and of whatever else is given, as the files of the volumes
#pragma once

#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/split.h"

namespace vitrine {

// Something of a subject that no other part may hold.
struct Fingerprint {
  std::string subject_id;
  std::string kind;   // "subject", "crop file", "pixels", "volume file", "voxels"
  std::string value;  // what is compared
  std::string name;   // where it is: "crops/a_l1_s5.safetensors"
};

// Of every crop of the manifest. DataError for a crop that is missing or was changed. Interrupted.
std::vector<Fingerprint> crop_fingerprints(const Manifest& manifest);

struct Leak {
  int fold = 0;
  std::string kind;
  struct Place {
    std::string part, subject_id, name;
  } first, second;
};
std::string text_of(const Leak& leak);

// In the order of folds; of what lies in two parts of a fold more than once only the first pair. `nested`: the inner part is not trained on.
std::vector<Leak> find_leaks(const Splits& splits, bool nested, const std::vector<Fingerprint>& fingerprints);

}  // namespace vitrine

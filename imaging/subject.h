// The steps of preparation for one subject.
#pragma once

#include <array>
#include <vector>

#include "base/json.h"
#include "imaging/cohort.h"
#include "imaging/crop.h"

namespace vitrine::imaging {

struct PreparedSubject {
  std::array<Volume, 3> channels;  // t1c, flair, t2 on T1c's grid, normalised to [0, 1]
  std::vector<LesionSlice> slices;
  Json steps;  // transforms, metrics, volumes, constants: for the record
};

PreparedSubject prepare_subject(const Subject& subject, const CropOptions& options);

}  // namespace vitrine::imaging

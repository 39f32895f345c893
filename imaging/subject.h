// The steps of preparation for one subject.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/cohort.h"
#include "imaging/notes.h"
#include "imaging/qc_pictures.h"
#include "imaging/steps/agreement.h"
#include "imaging/steps/crop.h"

namespace vitrine::imaging {

struct PreparedSubject {
  std::array<Volume, 3> channels;  // t1c, flair, t2 on T1c's grid, normalised to [0, 1]
  LesionSearch lesions;
  SeriesAgreement agreement;
  double brain_ml = 0;  // as given or extracted, without the lesion's margin
  double lesion_ml = 0;
  Notes notes;
  std::vector<QcPicture> pictures;                   // for quality control
  std::map<std::string, std::string> voxels_sha256;  // of each column's volume
  Json steps = Json::object();                       // per column: order, place, transforms, constants; for the record
};

// `file_sha256` of each column, as the files were when their hashes were taken: DataError when one has changed since. DataError for whatever
// volumes or masks get wrong (docs/imaging.md), without the subject's name; Interrupted.
PreparedSubject prepare_subject(const Subject& subject, const std::map<std::string, std::string>& file_sha256,
                                const CropOptions& options);

}  // namespace vitrine::imaging

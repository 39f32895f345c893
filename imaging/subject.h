// The steps of preparation for one subject.
//
// Order      read (LPS order) -> axial grid -> lesions and their slices -> coregistration of FLAIR and T2 to T1c -> brain -> comparisons of the
//            series -> bias field -> normalisation -> feathering: the paper's order, with what can be refused at once first
// Once       every volume is interpolated once: T1c only where it is re-cut, FLAIR and T2 from their own voxels to the axial grid
// Missing    a subject without FLAIR or T2 has fewer channels; nothing stands for them
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/cohort.h"
#include "imaging/lineage.h"
#include "imaging/notes.h"
#include "imaging/qc_pictures.h"
#include "imaging/steps/agreement.h"
#include "imaging/steps/crop.h"
#include "imaging/steps/normalize.h"
#include "imaging/steps/registration.h"

namespace vitrine::imaging {

struct SubjectOptions {
  CropOptions crop;
  NormalizationMethod normalization = NormalizationMethod::zscore;
  RegistrationPreset registration = RegistrationPreset::vitrine;
  bool pictures = true;  // for quality control
};

struct PreparedChannel {
  std::string column;  // t1c, flair, t2
  Volume volume;       // on the axial grid, normalised to [0, 1]: what crops are cut from
};

struct PreparedSubject {
  std::vector<PreparedChannel> channels;  // those that the subject has, in the order t1c, flair, t2
  LesionSearch lesions;
  SeriesAgreement agreement;
  double brain_ml = 0;  // as given or extracted, without the lesion's margin
  double lesion_ml = 0;
  double flair_metric = 0,
         t2_metric = 0;  // negative mutual information with T1c after coregistration; 0: not coregistered here
  Notes notes;
  std::vector<QcPicture> pictures;
  std::map<std::string, std::string> voxels_sha256;  // of each column's volume
  Json steps = Json::object();                       // per column: order, place, transforms, constants; for the record
  SubjectLineage lineage;                            // without the subject's name
};

// `file_sha256` of each column, as the files were when their hashes were taken: DataError when one has changed since. DataError for whatever
// volumes or masks get wrong (docs/imaging.md), without the subject's name; Interrupted.
PreparedSubject prepare_subject(const Subject& subject, const std::map<std::string, std::string>& file_sha256,
                                const SubjectOptions& options);

}  // namespace vitrine::imaging

// OUT/subjects/<subject>.json: what was done to a subject, what is worth knowing about it, and the hashes by which its crops are kept.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/manifest.h"
#include "imaging/equal_files.h"
#include "imaging/notes.h"
#include "imaging/steps/agreement.h"
#include "imaging/steps/crop.h"

namespace vitrine::imaging {

struct RecordedPicture {
  std::string name, caption, file, sha256;  // file: relative to the output folder
};

struct RecordedSample {
  Sample sample;
  std::string preview_sha256;
};

struct SubjectRecord {
  std::string key;  // of inputs and options: another one means that the subject is prepared again
  Json inputs, options;
  Json steps = Json::object();
  Notes notes;         // of the subject alone
  Notes cohort_notes;  // beside the others of the cohort
  ColumnHashes voxels_sha256;
  SeriesAgreement agreement;
  double flair_metric = 0,
         t2_metric = 0;  // negative mutual information with T1c after coregistration; 0: not coregistered here
  double brain_ml = 0, lesion_ml = 0;
  std::vector<FoundLesion> lesions;
  std::vector<RecordedSample> samples;
  std::vector<RecordedPicture> pictures;  // for quality control
  std::string lineage_sha256;             // of imaging/lineage.h's file; empty in a record of version 4
};

// Where a picture of a subject lies, relative to the output folder.
std::string picture_file(const std::string& subject_id, const std::string& name);

// Where the files of a sample lie, relative to the output folder: from its subject, lesion and slice alone.
Sample named_sample(const std::string& subject_id, const std::string& label, int lesion, int slice);

// Sealed JSON. std::runtime_error for a record that is damaged, or not of this subject.
std::string record_text(const SubjectRecord& record, const std::string& subject_id);
SubjectRecord parse_record(const std::string& bytes, const std::string& subject_id, const std::string& label);

// Why the crops of a record cannot be kept: the first file that is missing or has changed. Empty when all are as they were.
std::string changed_file(const SubjectRecord& record, const std::string& subject_id, const std::filesystem::path& out);

// Removes crops and previews of the subject that `record` does not name: those of an earlier result.
void remove_other_crops(const SubjectRecord& record, const std::string& subject_id, const std::filesystem::path& out);

}  // namespace vitrine::imaging

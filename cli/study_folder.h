// A study on disk: what it was asked for, and the tasks that it is made of.
//
//   OUT/study.json    table of the cohort (relative to OUT) and its SHA-256, how it is prepared, every option of training and splitting
//   OUT/plan.csv      of `study --plan`: task, stage, subject, inputs, fold
//   OUT/prep/         imaging/prep.h; not there when the study was given prepared crops
//   OUT/splits.json, OUT/runs/<inputs>/, OUT/report.html
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/lock.h"
#include "cli/prep_choice.h"
#include "data/split.h"
#include "train/chosen_options.h"

namespace vitrine::cli {

struct StudyFolder {
  std::filesystem::path out;
  std::filesystem::path table;  // of a cohort of volumes, or a manifest of crops
  bool prepared = false;        // it is a manifest
  std::string table_sha256, synthetic_note;
  PrepChoice choice;
  RunOptions options;

  std::filesystem::path manifest() const { return prepared ? table : out / "prep" / "manifest.csv"; }
  std::filesystem::path splits() const { return out / "splits.json"; }
  std::filesystem::path run(const std::string& inputs) const { return out / "runs" / inputs; }
  TrainOptions training(const std::string& inputs) const;  // with their device
};

inline constexpr const char *kStudyFile = "study.json", *kPlanFile = "plan.csv";

// Is the table a manifest of crops? It has the columns sample_id and file. DataError when it cannot be read.
bool is_manifest(const std::filesystem::path& table);
std::string table_sha256(const std::filesystem::path& table);

void write_study_folder(const StudyFolder& study);
// DataError when there is no study, the file is malformed or of another version, or the table has changed since.
StudyFolder read_study_folder(const std::filesystem::path& out);
// The manifest that the study in `out` trains on. DataError when study.json is malformed.
std::filesystem::path manifest_of_study(const std::filesystem::path& out);
// UsageError when `study.out` holds the study of another table, or the plan of a study that was asked for otherwise (options that only say how
// a run is kept may differ); false when it holds none.
bool check_study_folder(const StudyFolder& study);

enum class Stage { prepare, split, train, report };
struct StudyTask {
  int number = 0;
  Stage stage = Stage::prepare;
  std::string subject;  // prepare
  std::string inputs;   // train
  int fold = 0;
};
// In the order of their numbers: a subject each, the split, the folds of each input configuration, the report.
std::vector<StudyTask> study_tasks(const StudyFolder& study, const std::vector<std::string>& subjects);
std::string text_of(const StudyTask& task);  // "train t1c fold 3"
bool is_done(const StudyFolder& study, const StudyTask& task);
// Who holds the folder that the task works in. Nothing where nobody does.
std::optional<LockHolder> holder_of(const StudyFolder& study, const StudyTask& task);
std::string plan_csv(const std::vector<StudyTask>& tasks);

}  // namespace vitrine::cli

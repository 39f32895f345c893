// From the files of a study or run to the numbers of its report.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/manifest.h"
#include "data/split.h"
#include "evaluation/evaluation.h"
#include "evaluation/evaluation_tables.h"
#include "report/results.h"
#include "train/cross_validation.h"

namespace vitrine::cli {

struct ReportedRun {
  std::string inputs;
  RunResult run;  // of the folds that are finished, with their numbers
};

struct ReportData {
  report::StudyResult study;
  std::vector<RunEvaluation> evaluations;  // of every input, part and level
  std::vector<RunComparison> comparisons;  // of every pair of inputs
};

// DataError when the folder is no study's or run's, or when its files contradict each other. Folds that are not finished are left out, and a
// caveat says so.
ReportData report_data(const std::filesystem::path& folder);

// What `vitrine report --csv` writes: name and content of every table.
std::vector<std::pair<std::string, std::string>> tables_of_report(const ReportData& data);

// cli/report_evaluation.cpp
void add_run(report::StudyResult& study, const ReportedRun& run);              // Tables 2 and 3, Figure 3, learning curves
void add_evaluations(ReportData& data, const std::vector<ReportedRun>& runs);  // levels, intervals, differences

// cli/report_pictures.cpp
std::vector<report::CropPicture> example_pictures(const Manifest& manifest);
std::vector<report::CropPicture> predicted_pictures(const Manifest& manifest, const ReportedRun& run);
std::vector<report::CropPicture> costliest_pictures(const Manifest& manifest, const ReportedRun& run);
std::vector<report::Explanation> read_explanations(const std::filesystem::path& folder);  // explain/; empty without it

// cli/report_record.cpp
std::vector<report::CohortRow> cohort_rows(const Manifest& manifest, const Splits& splits);
std::vector<report::SplitRow> split_rows(const Manifest& manifest, const Splits& splits, bool nested);
void add_controls(report::StudyResult& study, const std::filesystem::path& folder);  // controls/; nothing without it
void add_configuration(report::StudyResult& study, const std::filesystem::path& run);
std::string synthetic_note_of(const std::filesystem::path& folder);  // study.json; empty without it

}  // namespace vitrine::cli

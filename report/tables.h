// The numbers of the report as CSV, as `vitrine report --csv` writes them. An undefined number is n/a; numbers read back to the same bits.
//
//   table1_cohort.csv        class, subjects, subjects_paper, test_subjects, test_subjects_paper, lesions, lesions_paper, slices, slices_paper
//   table2_validation.csv, table3_test.csv   input, class, figure, mean, sd, folds, paper; class empty for accuracy and AUC
//   figure1_examples.csv, figure2_predictions.csv, figure10_losses.csv   sample, subject, lesion, slice, label, part, fold, predicted,
//                            probability of the predicted and of the actual class, loss; pixels stand in the crops
//   mean_roc.csv             input, part, false_positive_rate, mean, low, high: the bold line and band of Figures 3 and 4
//   history.csv              input, fold, epoch, train_loss, validation_loss, validation_accuracy, kept, refit_train_loss
//   controls.csv, explanations.csv, splits.csv, environment.csv, configuration.csv, claim.csv
//
// metrics.csv, roc.csv, pr.csv, calibration.csv, confusion.csv and differences.csv are those of evaluation/evaluation_tables.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/results.h"

namespace vitrine::report {

std::vector<std::pair<std::string, std::string>> csv_tables(const StudyResult& study);  // name, content
std::vector<std::string> table_names();                                                 // of all, those of evaluation/ too

}  // namespace vitrine::report

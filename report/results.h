// What a report is made of: plain numbers and texts, filled in by `cli/` from a run folder. No files are read here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::report {

struct Value {  // "0.90 +- 0.04"; n/a when count is 0
  double mean = 0;
  double sd = 0;
  int count = 0;
};

struct Curve {
  std::vector<double> x;
  std::vector<double> y;
};

struct ClassRow {  // a line of the paper's Tables 2 and 3
  std::string name;
  Value precision, recall, f1;
};

struct PartResult {  // one part (validation or test) of one input configuration, over the folds
  Value accuracy;
  Value auc;
  std::vector<ClassRow> classes;
  std::vector<Curve> roc;  // one per fold, x = false positive rate, y = true positive rate
};

struct History {                                                         // one fold
  std::vector<double> train_loss, validation_loss, validation_accuracy;  // per epoch
  int best_epoch = 0;                                                    // from 0
};

struct InputResult {
  std::string inputs;  // "t1c+flair+t2"
  PartResult validation, test;
  std::vector<History> folds;
};

struct CropPicture {  // one crop as the network sees it
  std::string sample_id, subject_id, label, predicted;
  double probability = 0;  // of the predicted class
  bool correct = false;
  int width = 0, height = 0;
  std::vector<std::pair<std::string, std::vector<float>>> channels;  // name, height * width values in [0, 1]
};

struct CohortRow {  // per class
  std::string label;
  int subjects = 0, lesions = 0, slices = 0, test_subjects = 0;
};

struct StudyResult {
  std::string title;
  std::string synthetic_note;  // non-empty for simulated cohorts: shown in a box at the top
  std::vector<CohortRow> cohort;
  std::vector<InputResult> inputs;       // in the paper's order
  std::vector<CropPicture> examples;     // Figure 1: a few crops per class
  std::vector<CropPicture> predictions;  // Figure 2: representative predictions of the three-channel run on the test part
  std::vector<std::pair<std::string, std::string>> configuration;  // exact, name and value
  std::vector<std::string> caveats;                                // sentences shown under the tables
};

}  // namespace vitrine::report

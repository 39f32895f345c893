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
  std::vector<Curve> roc;  // one per fold with both classes, x = false positive rate, y = true positive rate
};

struct History {                                                         // one fold
  std::vector<double> train_loss, validation_loss, validation_accuracy;  // per epoch; of the inner part with --select nested
  int best_epoch = 0;                                                    // the one that was kept, from 0
  int fold = 0;                                                          // its number in the split
  std::vector<double> refit_loss{};  // training loss of the second training; empty without one
};

struct Estimate {   // a figure of pooled units with its 95 % interval, and its mean over the folds
  std::string key;  // "average_precision"
  std::optional<double> value, low, high;
  std::string why;  // there is no value, or no interval
  Value over_folds;
};

struct Bin {  // of the reliability diagram
  double low = 0, high = 0;
  int count = 0;
  std::optional<double> predicted, observed;
};

struct LevelResult {        // one part of one input configuration at one level
  std::string part, level;  // "validation" or "test"; "slice", "lesion" or "subject"
  int units = 0, positives = 0, subjects = 0, folds = 0;
  std::string threshold;  // the one of sensitivity and specificity, or why there is none
  std::vector<Estimate> figures;
  std::vector<std::vector<int>> confusion;  // [actual][predicted]
  std::vector<Bin> bins;
  Curve pr;  // x = recall, y = precision; empty with one class
};

struct Difference {  // of the ROC AUCs of two inputs, a minus b
  std::string a, b, part, level, method;
  int units = 0, subjects = 0;
  std::optional<double> value, low, high, p;
  std::string why;  // a number is missing, or how to read it
};

struct InputResult {
  std::string inputs;  // "t1c+flair+t2"
  PartResult validation, test;
  std::vector<History> folds;
  std::vector<LevelResult> levels;
  std::vector<std::string> classes;  // the last one is the positive class
};

struct CropPicture {  // one crop as the network sees it
  std::string sample_id, subject_id, label, predicted;
  int lesion = 0, slice = 0;
  double probability = 0;         // of the predicted class
  double actual_probability = 0;  // of the true class
  bool correct = false;
  std::string part;  // "validation" or "test": where it was predicted
  int fold = 0;      // whose network predicted it
  int width = 0, height = 0;
  std::vector<std::pair<std::string, std::vector<float>>> channels;  // name, height * width values in [0, 1]
};

struct CohortRow {  // per class
  std::string label;
  int subjects = 0, lesions = 0, slices = 0, test_subjects = 0;
};

struct SplitRow {  // subjects of a part, by class
  std::string part;
  std::vector<int> subjects;
};

struct ControlRow {  // a run of `vitrine controls`: AUC by subject on the validation parts together
  std::string group, name, what;
  std::optional<double> auc, low, high;
  std::optional<double> difference, difference_low, difference_high;  // to the study's own run
};

struct Explanation {  // a picture of `vitrine explain`
  std::string png;    // the file's bytes
  std::vector<std::pair<std::string, std::string>> facts;
};

struct StudyResult {
  std::string title;
  std::string synthetic_note;                         // non-empty for simulated cohorts: shown in a box at the top
  std::string runs = "runs/*/";                       // where the folds lie, below the folder of the report
  std::string select = "best", monitor = "accuracy";  // how the epoch was chosen (train/choice.h); select empty: unknown
  std::vector<CohortRow> cohort;
  std::vector<InputResult> inputs;       // in the paper's order
  std::vector<CropPicture> examples;     // Figure 1: a few crops per class
  std::vector<CropPicture> predictions;  // Figure 2: representative predictions of the last input's run on the test part
  std::vector<CropPicture> losses;       // of the last input's run: the costliest predictions
  std::vector<Difference> differences;
  std::vector<ControlRow> controls;
  std::vector<std::string> verdicts;  // what the controls say
  std::vector<Explanation> explanations;
  std::vector<SplitRow> splits;
  std::vector<std::pair<std::string, std::string>> environment;    // name and value
  std::vector<std::pair<std::string, std::string>> configuration;  // exact, name and value
  std::vector<std::string> caveats;                                // sentences on what is not in the figures

  bool has_refit() const { return select == "nested-refit"; }
  bool has_inner_part() const { return select == "nested" || has_refit(); }

  std::string option(const std::string& name) const {  // of the configuration; empty when it is not there
    for (const auto& [key, value] : configuration) {
      if (key == name) return value;
    }
    return {};
  }
};

}  // namespace vitrine::report

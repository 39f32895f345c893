// What a network said about slices, and a run's predictions.
#pragma once

#include <string>
#include <vector>

namespace vitrine {

struct Prediction {
  std::string sample_id, subject_id;
  int lesion_id = 0;
  int slice = 0;
  int label = 0;                    // index into the classes
  std::vector<double> probability;  // per class
};

struct FoldPredictions {  // of one fold's network
  std::vector<Prediction> validation, test;
  int number = -1;  // in the split; negative: its place here
};

// Of a cross-validation: the folds' validation parts share no subject, their test parts are one and the same.
struct RunPredictions {
  std::string name;                  // for tables and messages
  std::vector<std::string> classes;  // the last one is the positive class
  std::vector<FoldPredictions> folds;
};

}  // namespace vitrine

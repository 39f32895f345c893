// The figures of the report, each as a piece of HTML.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"

namespace vitrine::report {

// Vertical average of ROC curves on 101 false positive rates, 0 at 0 and 1 at 1, with the deviation over the curves.
struct MeanRoc {
  std::vector<double> x, mean, low, high;
};
MeanRoc mean_roc(const std::vector<Curve>& curves);

std::string roc_figure(const std::vector<InputResult>& inputs, bool test);
std::string loss_figure(const std::vector<InputResult>& inputs);
std::string examples_figure(const std::vector<CropPicture>& crops);
std::string predictions_figure(const std::vector<CropPicture>& crops);

std::string value_text(const Value& value);  // "0.90 ± 0.04", "0.90" for one fold, "n/a" for none

}  // namespace vitrine::report

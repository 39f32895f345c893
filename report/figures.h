// The figures of the report, each as a piece of HTML.
#pragma once

#include <string>
#include <vector>

#include "report/results.h"
#include "report/svg.h"

namespace vitrine::report {

// Vertical average of ROC curves on 101 false positive rates, 0 at 0 and 1 at 1, with the deviation over the curves.
struct MeanRoc {
  std::vector<double> x, mean, low, high;
};
MeanRoc mean_roc(const std::vector<Curve>& curves);

// The empty drawings that the figures are made in: what they hold can be rebuilt from the tables.
Plot roc_plot(const std::string& title, const std::string& about = {});
Plot pr_plot(const std::string& title, const std::string& about = {});
Plot reliability_plot(const std::string& title, const std::string& about = {});

std::string roc_figure(const std::vector<InputResult>& inputs, bool test);
std::string pr_figure(const std::vector<InputResult>& inputs);           // of slices; validation and test
std::string reliability_figure(const std::vector<InputResult>& inputs);  // of slices; validation and test
std::string learning_figure(const std::vector<InputResult>& inputs, bool inner_part);
std::string examples_figure(const std::vector<CropPicture>& crops);
std::string predictions_figure(const std::vector<CropPicture>& crops);
std::string losses_figure(const std::vector<CropPicture>& crops);
std::string explanations_figure(const std::vector<Explanation>& explanations);
// Figures with intervals, one below the other; dashed lines at chance and at the first row's figure.
std::string forest_figure(const std::vector<ControlRow>& rows, const std::string& about);

double loss_of(const CropPicture& crop);     // -ln of the true class's probability, no smaller than 2^-52
std::string value_text(const Value& value);  // "0.90 ± 0.04", "0.90" for one fold, "n/a" for none
const LevelResult* find_level(const InputResult& input, const std::string& part,
                              const std::string& level);  // null when it is not there

}  // namespace vitrine::report

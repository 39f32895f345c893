// The intensities of a brain as a mixture of normal distributions, fitted by expectation maximisation (Dempster et al. 1977), beside a
// uniform one for what belongs to none: vessels, and whatever else is rare and bright.
//
// More classes than tissues: mixtures of tissues in a voxel, deep grey matter, brainstem and oedema have intensities of their own.
#pragma once

#include <vector>

namespace vitrine::imaging {

struct TissueClasses {
  struct Class {
    double mean = 0, deviation = 1, share = 0;
  };
  std::vector<Class> classes;  // by rising mean at the start
  double rare_share = 0.02;    // of the uniform distribution on [0, 3]

  // `count` classes by weighted k-means from the quantiles (k + 1/2) / count. Values are positive, with median 1.
  static TissueClasses started(const std::vector<double>& values, const std::vector<double>& weights, int count,
                               double least_deviation);
  // One step of expectation maximisation.
  void refine(const std::vector<double>& values, const std::vector<double>& weights, double least_deviation);
  // What each value says about the logarithm of its factor beside the classes: the mean of log(value / class mean) and its precision.
  struct Evidence {
    double precision = 0, log_factor = 0;
  };
  std::vector<Evidence> evidence(const std::vector<double>& values) const;

 private:
  std::vector<std::vector<double>> responsibilities(const std::vector<double>& values) const;
};

}  // namespace vitrine::imaging

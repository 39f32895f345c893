#include "report/paper.h"

namespace vitrine::report {
namespace {

constexpr const char* kAll = "t1c+flair+t2";

}  // namespace

std::string paper_accuracy(const std::string& inputs, bool test) {
  if (inputs != kAll) return kNotInOurCopy;
  return test ? "0.87 ± 0.05" : "0.90 ± 0.04";
}

std::string paper_f1(const std::string& inputs, const std::string& label, bool test) {
  if (inputs != kAll) return kNotInOurCopy;
  if (label == "NSCLC") return test ? "0.88 ± 0.05" : "0.92 ± 0.05";
  if (label == "SCLC") return test ? "0.85 ± 0.05" : "0.87 ± 0.08";
  return kNotInOurCopy;
}

std::string paper_auc(const std::string& inputs, bool test) {
  if (test) return kNotInOurCopy;
  if (inputs == kAll) return "0.90 ± 0.05";
  if (inputs == "t1c") return "0.85 ± 0.07";
  if (inputs == "flair") return "0.81 ± 0.07";
  if (inputs == "t2") return "0.88 ± 0.09";
  return kNotInOurCopy;
}

std::string paper_subjects(const std::string& label) {
  if (label.empty()) return "69";
  if (label == "NSCLC") return "44 (its Results say 45)";
  return label == "SCLC" ? "25" : kNotInOurCopy;
}

std::string paper_test_subjects(const std::string& label) { return label.empty() ? "10 %" : kNotInOurCopy; }
std::string paper_lesions(const std::string& label) { return label.empty() ? "102" : kNotInOurCopy; }
std::string paper_slices(const std::string& label) { return label.empty() ? "296" : kNotInOurCopy; }

}  // namespace vitrine::report

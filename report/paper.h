// What Grossman et al. 2021 (doi 10.1177/15330338211004919) report, as far as the copy that this was written from has it. Cells that it lacks are
// said to be "not in our copy"; nothing is filled in.
#pragma once

#include <string>

namespace vitrine::report {

inline constexpr const char* kNotInOurCopy = "not in our copy";

// Each gives the paper's text, or kNotInOurCopy. `test`: of the test part, else of validation. `inputs` as "t1c+flair+t2"; `label` "NSCLC", "SCLC".
std::string paper_accuracy(const std::string& inputs, bool test);
std::string paper_f1(const std::string& inputs, const std::string& label, bool test);
// Mean over the folds. The copy does not name the part; its Figure 3 has the curves of validation, so it stands beside that.
std::string paper_auc(const std::string& inputs, bool test);
std::string paper_subjects(const std::string& label);  // of a class; all for an empty label
std::string paper_test_subjects(const std::string& label);
std::string paper_lesions(const std::string& label);
std::string paper_slices(const std::string& label);

}  // namespace vitrine::report

// Which epoch of a fold is kept.
//
//   best    the epoch with the best figure on the validation part, the first of equals, as Grossman et al. 2021: validation figures are then
//           optimistic
//   last    the last one: nothing is chosen
//   nested  as best, but by an inner part that is taken from the training subjects (data/split.h) and not trained on: the validation part is seen
//           by nobody before the end
//   nested-refit  as nested, and then the fold is trained once more, from its beginning and on all of its training subjects, for as many epochs
//           as the chosen one counts; what is kept is the end of that. The schedule spans those epochs, so that the rate comes down at the end of
//           them: the second training is, bit for bit, one of `last` with so many epochs. An epoch in the middle of a one-cycle schedule was met
//           at a high rate, and stopping the same schedule there would leave a network that the rate never let settle (Howard, Gugger, "Deep
//           Learning for Coders", 2020, chapter 5, says so of fast.ai's)
//
// Figures, all by slices: accuracy; auc, of the last class by the trapezoid; loss, mean cross-entropy of the true class, the lower the better;
// f1, the mean over the classes of 2 TP / (2 TP + FP + FN), which is 0 for a class that is never found.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/run_files.h"

namespace vitrine {

enum class Select { best, last, nested, nested_refit };
enum class Monitor { accuracy, auc, loss, f1 };

const std::vector<std::string>& select_names();
Select select_from_name(const std::string& name);    // UsageError naming the choices
Monitor monitor_from_name(const std::string& name);  // UsageError naming the choices
const std::string& name_of(Monitor monitor);

// Does an inner part of the training subjects choose?
inline bool is_nested(Select select) { return select == Select::nested || select == Select::nested_refit; }
bool is_nested(const std::string& select);  // by its name

// Fills the four figures of `record` from probabilities [N][classes]. An AUC of one class alone is -1.
void evaluate(const std::vector<std::vector<double>>& probability, const std::vector<int>& labels, int classes,
              EpochRecord& record);

// The figure of an epoch; none for an AUC of one class alone.
std::optional<double> figure_of(const EpochRecord& epoch, Monitor monitor);

// Is the epoch better by this figure than the best one so far?
bool is_better(const EpochRecord& epoch, const EpochRecord& best, Monitor monitor);

// "best epoch by validation accuracy, the first of equals": for the record of a run.
std::string description(Select select, Monitor monitor);
// The choice of which that is the description, with its names; none for a sentence of another version.
struct NamedChoice {
  std::string select, monitor;
};
std::optional<NamedChoice> choice_of_description(const std::string& sentence);

}  // namespace vitrine

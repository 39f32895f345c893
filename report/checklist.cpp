#include "report/record_part.h"

namespace vitrine::report {

const std::vector<ChecklistItem>& checklist() {
  static const std::vector<ChecklistItem> items = {
      {"Title, abstract", "Names the work as one of AI and the kind of method",
       "A convolutional network (EfficientNet), supervised.", "model-card"},
      {"Title, abstract", "Structured summary", "", ""},
      {"Introduction", "Background and intended clinical role", "", ""},
      {"Introduction", "Aims and hypotheses", "Reruns the protocol of Grossman et al. 2021; your own aims are yours to state.",
       "model-card"},
      {"Study design", "Prospective or retrospective", "", ""},
      {"Study design", "Goal of the study", "Making a model and judging it by cross-validation; not a trial.", "model-card"},
      {"Data", "Sources of data", "", ""},
      {"Data", "Who was eligible, and how found", "", ""},
      {"Data", "Preprocessing", "Options of preparation and training are listed in full.", "configuration"},
      {"Data", "Selection of subsets", "Slices and lesions that the manifest names.", "table-1"},
      {"Data", "Definitions of data elements", "", ""},
      {"Data", "De-identification", "", ""},
      {"Data", "Missing data", "Crops without a series are left out of that input and counted.", "levels-validation"},
      {"Ground truth", "Definition of the reference standard", "", ""},
      {"Ground truth", "Why this standard", "", ""},
      {"Ground truth", "Who annotated, with what training", "", ""},
      {"Ground truth", "Tools of annotation", "", ""},
      {"Ground truth", "Agreement of annotators", "", ""},
      {"Partitions", "Intended size of the sample", "", ""},
      {"Partitions", "How data went to partitions, in what shares",
       "Drawn by subject, stratified by class; seed and shares are given.", "splits"},
      {"Partitions", "At which level partitions are disjoint", "Subject; equal pixels of two subjects are refused.", "splits"},
      {"Model", "Description with inputs and outputs", "Architecture, head, input size and channels.", "configuration"},
      {"Model", "Software", "Vitrine and its version.", "environment"},
      {"Model", "Initial parameters", "Drawn or from a checkpoint, with its hash.", "environment"},
      {"Training", "Training in detail", "Every option; one network for each fold and input.", "configuration"},
      {"Training", "How the final model was chosen", "The epoch that was kept, and by what.", "learning"},
      {"Training", "Ensembles", "Mean probability of the folds’ networks on the test part.", "levels-test"},
      {"Evaluation", "Measures of performance", "By slice, lesion and subject.", "levels-validation"},
      {"Evaluation", "Uncertainty and significance", "Bootstrap of subjects, DeLong’s test.", "differences"},
      {"Evaluation", "Robustness and sensitivity", "Seeds, controls and open choices, where they were run.", "controls"},
      {"Evaluation", "Explanations and how they were checked", "Saliency beside random weights, where it was made.",
       "saliency"},
      {"Evaluation", "External data", "None; another cohort has to be brought.", "limits"},
      {"Results", "Flow of cases", "", ""},
      {"Results", "Characteristics of cases in each partition", "Classes of each part; age, sex and scanners are yours to add.",
       "splits"},
      {"Results", "Performance on all partitions", "Validation and test; training is shown by its loss alone.", "levels-test"},
      {"Results", "Accuracy with its precision", "95 % intervals.", "levels-test"},
      {"Results", "Failures", "The costliest predictions with all series.", "losses"},
      {"Discussion", "Limits, bias, uncertainty", "Those that the program knows of.", "limits"},
      {"Discussion", "What follows for practice", "Not a medical device; no use in care follows.", "model-card"},
      {"Other", "Registration", "", ""},
      {"Other", "Where the protocol can be had", "The options and splits of this report are the protocol.", "configuration"},
      {"Other", "Funding", "", ""},
  };
  return items;
}

}  // namespace vitrine::report

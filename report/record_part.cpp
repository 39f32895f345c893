#include "report/record_part.h"

#include <algorithm>

#include "base/error.h"
#include "base/number.h"
#include "report/figures.h"
#include "report/markup.h"
#include "report/table.h"

namespace vitrine::report {
namespace {

constexpr int kFewSubjects = 20;  // as evaluation/bootstrap.h

std::string list_html(const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (pairs.empty()) return {};
  std::string out = "<dl>\n";
  for (const auto& [name, value] : pairs)
    out += text("<dt>", escaped(name), "</dt><dd>", value.empty() ? "–" : escaped(value), "</dd>\n");
  return out + "</dl>\n";
}

std::string split_table(const StudyResult& study) {
  std::vector<Column> columns{{"part", true}};
  for (const CohortRow& c : study.cohort) columns.push_back({c.label});
  columns.push_back({"subjects"});
  Table table("Subjects of each part by class", columns);
  for (const SplitRow& r : study.splits) {
    std::vector<std::string> cells{escaped(r.part)};
    int all = 0;
    for (const int count : r.subjects) {
      cells.push_back(std::to_string(count));
      all += count;
    }
    cells.push_back(std::to_string(all));
    if (cells.size() == columns.size()) table.row(cells);
  }
  return table.html();
}

std::string choice_sentence(const StudyResult& study) {
  const std::string &select = study.select, &monitor = study.monitor;
  if (select.empty()) return text("How the epoch of a fold was chosen: ", study.option("select"), ".");
  if (study.has_refit())
    return text("The epoch of a fold was chosen by the ", monitor,
                " of an inner part of its training subjects, and the fold trained anew on all of them for so many epochs "
                "(nested-refit): validation saw no choice, but it is one training of each fold.");
  if (select == "nested")
    return text(
        "The epoch of a fold was chosen by the ", monitor,
        " of an inner part of its training subjects (nested): validation saw no choice, but it is one training of each fold.");
  if (select == "last")
    return "The last epoch of a fold was kept: nothing was chosen on validation, unless options were chosen by looking at it.";
  return text("The epoch of a fold was chosen by the ", monitor,
              " of the validation part that is reported for it, as in the paper: the validation figures are optimistic. With "
              "--select nested they are not.");
}

// "The test part has 7 subjects ... 0.71 (0.20 to 1.00)".
std::string test_sentence(const StudyResult& study) {
  const LevelResult* level = study.inputs.empty() ? nullptr : find_level(study.inputs.back(), "test", "subject");
  if (level == nullptr) return {};
  const auto auc = std::find_if(level->figures.begin(), level->figures.end(), [](const Estimate& e) { return e.key == "auc"; });
  std::string out = text("The test part has ", counted(level->subjects, "subject"), " (", level->positives, " of ",
                         study.inputs.back().classes.empty() ? "the positive class" : study.inputs.back().classes.back(), ")");
  if (auc == level->figures.end()) return out + ".";
  if (!auc->value) return out + text("; its ROC AUC by subject is not defined: ", auc->why, ".");
  out += text("; its ROC AUC by subject is ", fixed(*auc->value, 2));
  if (auc->low && auc->high)
    return out + text(", 95 % interval ", interval_text(auc->low, auc->high), ": ", fixed(*auc->high - *auc->low, 2), " wide",
                      level->subjects < kFewSubjects ? ", and with so few subjects even that is too narrow." : ".");
  return out + text(" and has no interval: ", auc->why, ".");
}

std::string limits(const StudyResult& study) {
  std::vector<std::string> all = study.caveats;
  all.push_back(choice_sentence(study));
  if (const std::string views = study.option("tta"); !views.empty() && views != "none")
    all.push_back(text("Every probability is the mean over a crop and its mirror images (test-time augmentation, --tta ", views,
                       "); the paper does not say that it did so. Saliency maps are of the crop as it is."));
  all.push_back(
      "The deviation over networks on the test part is that of one network of each fold on one and the same subjects, not of "
      "new "
      "subjects.");
  all.push_back(
      "Slices of a subject are not independent: figures by slice look surer than they are. Splits and intervals are by "
      "subject.");
  all.push_back("Intervals keep networks and thresholds as they are: they say nothing of what another training would give.");
  all.push_back("There is no external test: scanners, site and the choice of patients are those of one cohort.");
  std::string out = "<ul>\n";
  for (const std::string& sentence : all) out += text("<li>", escaped(sentence), "</li>\n");
  return out + "</ul>\n";
}

std::string model_card(const StudyResult& study) {
  int subjects = 0, slices = 0;
  for (const CohortRow& r : study.cohort) {
    subjects += r.subjects;
    slices += r.slices;
  }
  const std::string weights = study.option("weights");
  std::vector<std::pair<std::string, std::string>> card{
      {"model", text("EfficientNet ", study.option("arch"), ", one network for each fold and input configuration")},
      {"intended use", "research on method: to rerun and question the protocol of Grossman et al. 2021 on one’s own cohort"},
      {"not for", "diagnosis, triage or any other use in care. This is not a medical device."},
      {"input", "crops of one axial slice through a lesion: T1c, FLAIR, T2, or the three together, values from 0 to 1"},
      {"output", "a probability of each class; what is right at which threshold is chosen on validation"},
      {"data", text(counted(subjects, "subject"), ", ", counted(slices, "slice"),
                    study.synthetic_note.empty() ? "" : ", made by a simulator: nothing here is about patients")},
      {"weights at the start", weights.empty() || weights == "none"
                                   ? "drawn at random"
                                   : text("from ", weights, ", SHA-256 ", study.option("weights_sha256"))},
      {"measures",
       "accuracy, balanced accuracy, sensitivity, specificity, ROC and PR AUC, Brier score, calibration error; by "
       "slice, lesion and subject, with intervals"},
      {"groups", "no figures by age, sex, scanner or site are made: the manifest does not name them"}};
  if (study.inputs.size() > 0) {
    if (const LevelResult* level = find_level(study.inputs.back(), "validation", "subject"))
      for (const Estimate& e : level->figures) {
        if (e.key == "auc")
          card.emplace_back("figure", text("ROC AUC by subject on validation ", number_text(e.value), " (95 % interval ",
                                           interval_text(e.low, e.high), "), input ", input_title(study.inputs.back().inputs)));
      }
  }
  return list_html(card);
}

// Is there something in the section?
bool is_shown(const StudyResult& study, const std::string& id) {
  if (id == "table-1" || id == "limits" || id == "model-card") return true;
  if (id == "splits") return !study.splits.empty();
  if (id == "environment") return !study.environment.empty();
  if (id == "configuration") return !study.configuration.empty();
  if (id == "controls" || id == "learning" || id == "losses" || id == "saliency") return !study.inputs.empty();
  return std::any_of(study.inputs.begin(), study.inputs.end(), [](const InputResult& i) { return !i.levels.empty(); });
}

std::string claim(const StudyResult& study) {
  Table table("CLAIM: the items in other words, our answer and where it stands",
              {{"no.", true}, {"topic", true}, {"item", true}, {"answer", true}, {"where", true}});
  int number = 0, open = 0;
  std::string topic;
  for (const ChecklistItem& c : checklist()) {
    const bool answered = *c.answer != '\0';
    open += answered ? 0 : 1;
    const bool linked = *c.where != '\0' && is_shown(study, c.where);
    table.row(
        {std::to_string(++number), c.topic, c.item, answered ? c.answer : "<span class=\"yours\">to be answered by you</span>",
         linked ? text("<a href=\"#", c.where, "\">", c.where, "</a>") : std::string()},
        topic == c.topic ? "" : "group");
    topic = c.topic;
  }
  return text(
      "<p>In the form of the Checklist for Artificial Intelligence in Medical Imaging (Mongan, Moy, Kahn 2020, doi "
      "10.1148/ryai.2020200029). The program answers ",
      number - open, " of ", number, " items; ", open, " are marked for you.</p>\n<div class=\"dense\">", table.html(),
      "</div>");
}

}  // namespace

std::vector<std::string> worth(const StudyResult& study) {
  if (study.inputs.empty()) return {};
  std::vector<std::string> all{choice_sentence(study)};
  if (std::string test = test_sentence(study); !test.empty()) all.push_back(std::move(test));
  return all;
}

std::vector<Section> record_sections(const StudyResult& study) {
  const std::string configuration = list_html(study.configuration);
  return {
      {"limits", "Limits", limits(study)},
      {"splits", "Splits",
       study.splits.empty() ? "" : split_table(study) + source_line("splits.json and the manifest", "splits.csv")},
      {"environment", "Environment",
       study.environment.empty() ? ""
                                 : list_html(study.environment) + source_line(study.runs + "config.json", "environment.csv")},
      {"configuration", "Configuration",
       configuration.empty() ? "" : configuration + source_line(study.runs + "config.json", "configuration.csv")},
      {"model-card", "Model card", model_card(study)},
      {"claim", "Checklist (CLAIM)", claim(study)},
  };
}

}  // namespace vitrine::report

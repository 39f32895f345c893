#include "cli/study_folder.h"

#include <algorithm>

#include "audit/fold_audit.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/sha256.h"
#include "base/version.h"
#include "cli/device_options.h"
#include "data/dataset.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxJson = 1u << 20, kMaxTable = std::uint64_t{64} << 20;

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::prepare: return "prepare";
    case Stage::split: return "split";
    case Stage::train: return "train";
    case Stage::report: return "report";
  }
  return "?";
}

Json choice_json(const PrepChoice& c) {
  return {{"normalise", c.normalise},       {"crop", c.crop}, {"slices", c.slices},
          {"registration", c.registration}, {"fov", c.fov},   {"distance", c.distance},
          {"no_pictures", c.no_pictures}};
}

PrepChoice choice_of(const Json& json) {
  PrepChoice c;
  c.normalise = text_in(json, "normalise");
  c.crop = text_in(json, "crop");
  c.slices = text_in(json, "slices");
  c.registration = text_in(json, "registration");
  c.fov = number_in(json, "fov", 0, 1e6);
  c.distance = number_in(json, "distance", 0, 1e6);
  c.no_pictures = member(json, "no_pictures") == true;
  return c;
}

// Weights are named relative to the study, so that whoever takes a task finds them from anywhere.
std::string weights_from(const fs::path& out, const std::string& weights) {
  return weights.empty() ? weights : fs::proximate(fs::absolute(weights), fs::absolute(out)).string();
}

// The inputs are not chosen: a study trains on all of them. That a damaged fold may be trained again is said each time.
bool is_of_study(const OptionRow& row) {
  return std::string_view(row.group) != "data" && std::string_view(row.name) != "retrain-damaged";
}

Json options_json(const StudyFolder& study) {
  RunOptions options = study.options;
  options.train.weights = weights_from(study.out, options.train.weights);
  Json json = Json::object();
  for (const OptionRow& row : option_rows()) {
    if (is_of_study(row)) json[row.name] = value_text(row, options);
  }
  return json;
}

// Where a path that study.json names relative to the study lies. It is made short only where that means the same file: a study's folder that
// is a link has another parent than its name says.
fs::path placed(const fs::path& out, const std::string& relative) {
  const fs::path exact = out / relative;
  const fs::path shorter = exact.lexically_normal();
  std::error_code none;
  return path_exists(exact) && !fs::equivalent(exact, shorter, none) ? exact : shorter;
}

// Tasks of a plan may be under way anywhere, so what it was made for stays. UsageError naming the first difference.
void check_same_plan(const StudyFolder& study, const Json& found) {
  const auto compare = [&](const std::string& name, const Json& there, const Json& asked) {
    if (there == asked) return;
    const auto value = [](const Json& v) { return v.is_string() ? printable(v.get<std::string>(), 60) : v.dump(); };
    throw UsageError(text(study.out, " holds the plan of a study with other options (there: ", name, " = ", value(there),
                          "; asked: ", name, " = ", value(asked),
                          "); choose another folder, or --force-new to keep that one beside it under another name"));
  };
  compare("version", member(found, "version"), std::string(version()));
  const Json& options = member(found, "options");
  const Json asked_choice = choice_json(study.choice), asked_options = options_json(study);
  if (!study.prepared) {
    const Json& choice = member(found, "preparation");
    for (const auto& [name, value] : asked_choice.items()) compare(name, member(choice, name), value);
  }
  for (const OptionRow& row : option_rows()) {
    if (is_of_study(row) && std::string_view(row.group) != "keeping")
      compare(row.name, member(options, row.name), member(asked_options, row.name));
  }
}

Json read_json(const fs::path& path) {
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxJson); });
  try {
    return parse_json(bytes);
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), "; choose another folder"));
  }
}

// The table that study.json names. DataError where it is not there.
fs::path table_of(const fs::path& out, const Json& json) {
  fs::path table = placed(out, text_in(json, "table"));
  if (!path_exists(table))
    throw DataError(text(table, " does not exist, and ", out / kStudyFile,
                         " names it as the study's table; put it back, or write its new place there, relative to the study"));
  return table;
}

}  // namespace

TrainOptions StudyFolder::training(const std::string& inputs) const {
  TrainOptions train = options.train;
  train.inputs = inputs;
  DeviceChoice{options.device}.choose(train);
  audit::watch_as_asked(train);
  return train;
}

bool is_manifest(const fs::path& table) {
  const CsvTable csv = read_csv(table);
  return csv.find_column("sample_id") && csv.find_column("file");
}

std::string table_sha256(const fs::path& table) {
  return as<DataError>([&] { return sha256_of_file(table, kMaxTable); });
}

void write_study_folder(const StudyFolder& study) {
  Json json = Json::object();
  json["version"] = std::string(version());
  json["cohort"] = study.table.filename().string();
  json["table"] = fs::proximate(fs::absolute(study.table), fs::absolute(study.out)).string();
  json["prepared"] = study.prepared;
  json["cohort_sha256"] = study.table_sha256;
  json["synthetic_note"] = study.synthetic_note;
  json["preparation"] = study.prepared ? Json() : choice_json(study.choice);
  json["options"] = options_json(study);
  write_file(study.out / kStudyFile, json_text(json));
}

StudyFolder read_study_folder(const fs::path& out) {
  const fs::path path = out / kStudyFile;
  if (!path_exists(path))
    throw DataError(
        text(out, " holds no study (no ", kStudyFile, "); make one with `vitrine study COHORT -o ", out, " --plan`"));
  const Json json = read_json(path);
  StudyFolder study;
  study.out = out;
  try {
    if (!json.contains("version") || text_in(json, "version") != version())
      throw DataError(text(path, ": it was made by version ",
                           json.contains("version") ? printable(text_in(json, "version")) : "0.6.0 or older", ", this is ",
                           version(), "; run `vitrine study` again in another folder"));
    study.table = table_of(out, json);
    study.prepared = member(json, "prepared") == true;
    study.table_sha256 = text_in(json, "cohort_sha256");
    study.synthetic_note = text_in(json, "synthetic_note");
    if (!study.prepared) study.choice = choice_of(member(json, "preparation"));
    const Json& options = member(json, "options");
    for (const OptionRow& row : option_rows()) {
      if (is_of_study(row)) assign(row, study.options, text_in(options, row.name));
    }
    check(study.options.train);
  } catch (const UsageError& error) {
    throw DataError(text(path, ": ", error.what()));
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what()));
  }
  std::string& weights = study.options.train.weights;
  if (!weights.empty()) weights = placed(out, weights).string();
  if (table_sha256(study.table) != study.table_sha256)
    throw DataError(
        text(study.table, " was changed since the study in ", out, " was begun; restore it, or choose another folder"));
  return study;
}

fs::path manifest_of_study(const fs::path& out) {
  if (path_exists(out / kStudyFile)) {
    const Json json = read_json(out / kStudyFile);
    try {
      if (json.contains("prepared") && member(json, "prepared") == true) return table_of(out, json);
    } catch (const std::runtime_error& error) {
      throw DataError(text(out / kStudyFile, ": ", error.what()));
    }
  }
  const fs::path prepared = out / "prep" / "manifest.csv";
  if (!path_exists(out / kStudyFile) && !path_exists(prepared))
    throw DataError(text(out, " has no ", kStudyFile, ", which names the table of its crops, and no ", prepared,
                         "; put one of them back, or run `vitrine study` again in another folder"));
  return prepared;
}

bool check_study_folder(const StudyFolder& study) {
  const fs::path& out = study.out;
  for (const char* name : {"splits.json", "report.html", "runs", "prep", kPlanFile}) {
    if (path_exists(out / name) && !path_exists(out / kStudyFile))
      throw UsageError(text(out / name, " is there, but no ", kStudyFile, " of a study; choose another folder"));
  }
  for (const auto& [name, kind] : {std::pair{"config.json", "run"}, std::pair{"search.json", "search"}}) {
    if (path_exists(out / name))
      throw UsageError(text(out, " is the folder of a ", kind, " (", name, "); choose another folder for a study"));
  }
  if (!path_exists(out / kStudyFile)) return false;
  const Json json = read_json(out / kStudyFile);
  try {
    if (text_in(json, "cohort_sha256") != study.table_sha256)
      throw UsageError(text(out,
                            " holds the study of another cohort, or of this one before it was changed; choose another folder, "
                            "or --force-new to keep that one beside it under another name"));
    if (path_exists(out / kPlanFile)) check_same_plan(study, json);
  } catch (const std::runtime_error& error) {
    throw DataError(text(out / kStudyFile, ": ", error.what(), "; choose another folder"));
  }
  return true;
}

std::vector<StudyTask> study_tasks(const StudyFolder& study, const std::vector<std::string>& subjects) {
  std::vector<StudyTask> tasks;
  const auto add = [&](StudyTask task) {
    task.number = static_cast<int>(tasks.size());
    tasks.push_back(std::move(task));
  };
  if (!study.prepared) {
    for (const std::string& subject : subjects) add({0, Stage::prepare, subject, "", 0});
  }
  add({0, Stage::split, "", "", 0});
  for (const std::string& inputs : input_configuration_names()) {
    for (int fold = 0; fold < study.options.split.folds; ++fold) add({0, Stage::train, "", inputs, fold});
  }
  add({0, Stage::report, "", "", 0});
  return tasks;
}

std::string text_of(const StudyTask& task) {
  switch (task.stage) {
    case Stage::prepare: return "prepare " + printable(task.subject);
    case Stage::split: return "split";
    case Stage::train: return text("train ", task.inputs, " fold ", task.fold);
    case Stage::report: return "report";
  }
  return "?";
}

bool is_done(const StudyFolder& study, const StudyTask& task) {
  switch (task.stage) {
    case Stage::prepare: return path_exists(study.out / "prep" / "subjects" / (task.subject + ".json"));
    case Stage::split: return path_exists(study.splits()) && path_exists(study.manifest());
    case Stage::train: return path_exists(study.run(task.inputs) / text("fold_", task.fold) / "fold.json");
    case Stage::report: return path_exists(study.out / "report.html");
  }
  return false;
}

std::optional<LockHolder> holder_of(const StudyFolder& study, const StudyTask& task) {
  switch (task.stage) {
    case Stage::prepare: return lock_holder(study.out / "prep" / "qc" / task.subject);
    case Stage::train: return lock_holder(study.run(task.inputs) / text("fold_", task.fold));
    case Stage::split:
    case Stage::report: return lock_holder(study.out);
  }
  return std::nullopt;
}

std::string plan_csv(const std::vector<StudyTask>& tasks) {
  std::string out = csv_line({"task", "stage", "subject", "inputs", "fold"});
  for (const StudyTask& t : tasks) {
    const bool trains = t.stage == Stage::train;
    out += csv_line({std::to_string(t.number), stage_name(t.stage), t.subject, t.inputs, trains ? std::to_string(t.fold) : ""});
  }
  return out;
}

}  // namespace vitrine::cli

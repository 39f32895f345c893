#include "train/run_files.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/sha256.h"
#include "base/version.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20, kMaxFile = std::uint64_t{4} << 30;
constexpr double kAny = std::numeric_limits<double>::max();
constexpr const char *kDone = "fold.json", *kRefit = "refit.csv";

double number_in(const CsvTable& table, const CsvRow& row, std::string_view column, double low = -kAny, double high = kAny) {
  double value = 0;
  const std::string_view cell = row[table.column(column)];
  if (!parse_number(cell, value) || !(value >= low && value <= high))
    row.refuse(text("the column '", printable(column), "' holds '", printable(cell), "', a number ",
                    high < kAny ? text("from ", low, " to ", high, " ") : std::string(), "was expected"));
  return value;
}

Json metrics_json(const Metrics& metrics) {
  const auto value = [](const std::optional<double>& v) { return v ? Json(*v) : Json(); };
  Json out = Json::object();
  out["count"] = metrics.count;
  out["accuracy"] = metrics.accuracy;
  out["auc"] = value(metrics.auc);
  out["classes"] = Json::array();
  for (const ClassMetrics& c : metrics.classes) {
    out["classes"].push_back({{"name", c.name},
                              {"precision", value(c.precision)},
                              {"recall", value(c.recall)},
                              {"f1", value(c.f1)},
                              {"support", c.support}});
  }
  out["confusion"] = metrics.confusion;
  return out;
}

std::vector<EpochRecord> read_history(const fs::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<EpochRecord> history;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    if (number_in(table, row, "epoch") != static_cast<double>(i + 1)) row.refuse(text("epoch ", i + 1, " is expected here"));
    const bool no_auc = row[table.column("validation_auc")] == "n/a";
    history.push_back({static_cast<int>(i + 1), number_in(table, row, "train_loss"), number_in(table, row, "validation_loss"),
                       number_in(table, row, "validation_accuracy"),
                       no_auc ? -1 : number_in(table, row, "validation_auc", 0, 1), number_in(table, row, "validation_f1"),
                       number_in(table, row, "lr"), number_in(table, row, "momentum")});
  }
  return history;
}

std::vector<EpochRecord> read_refit(const fs::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<EpochRecord> refit;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table[i];
    if (number_in(table, row, "epoch") != static_cast<double>(i + 1)) row.refuse(text("epoch ", i + 1, " is expected here"));
    EpochRecord e;
    e.epoch = static_cast<int>(i + 1);
    e.train_loss = number_in(table, row, "train_loss");
    e.lr = number_in(table, row, "lr");
    e.momentum = number_in(table, row, "momentum");
    refit.push_back(e);
  }
  return refit;
}

Prediction prediction_of(const CsvTable& table, const CsvRow& row, const std::vector<std::string>& classes) {
  Prediction p;
  p.sample_id = row.name(table.column("sample_id"), identifier_flaw);
  p.subject_id = row.name(table.column("subject_id"), identifier_flaw);
  p.lesion_id = static_cast<int>(number_in(table, row, "lesion_id", 0, 1e6));
  p.slice = static_cast<int>(number_in(table, row, "slice", 0, 1e6));
  const std::string_view label = row[table.column("label")];
  const auto found = std::find(classes.begin(), classes.end(), label);
  if (found == classes.end()) row.refuse(text("the label '", printable(label), "' has no prob_ column"));
  p.label = static_cast<int>(found - classes.begin());
  double sum = 0;
  for (const std::string& name : classes) {
    p.probability.push_back(number_in(table, row, "prob_" + name, 0, 1));
    sum += p.probability.back();
  }
  if (!(std::abs(sum - 1) <= 1e-3)) row.refuse(text("the probabilities add up to ", sum, ", 1 is expected"));
  return p;
}

std::vector<Prediction> read_predictions(const fs::path& path, std::vector<std::string>& classes) {
  const CsvTable table = read_csv(path);
  classes.clear();
  for (const std::string& name : table.header) {
    if (name.starts_with("prob_")) classes.push_back(name.substr(5));
  }
  if (classes.size() < 2) throw DataError(text(path, ": it has ", classes.size(), " prob_ columns, two or more are expected"));
  std::vector<Prediction> predictions;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < table.size(); ++i) {
    predictions.push_back(prediction_of(table, table[i], classes));
    if (!seen.insert(predictions.back().sample_id).second)
      table[i].refuse(text("the sample_id '", predictions.back().sample_id, "' appears twice"));
  }
  return predictions;
}

// The files that fold.json vouches for.
std::vector<const char*> trusted_files(bool has_refit) {
  std::vector<const char*> names{"history.csv", "best.safetensors", "preds_val.csv", "preds_test.csv"};
  if (has_refit) names.push_back(kRefit);
  return names;
}
bool has_refit(const Json& done) { return member(done, "files").contains(kRefit); }

// fold.json, whose own seal fits. DataError.
Json read_done(const fs::path& folder) {
  const fs::path path = folder / kDone;
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxJson); });
  try {
    return parse_sealed_json(bytes);
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), "; restore it, or train the fold again with --retrain-damaged"));
  }
}

// Why a finished fold has another key than this run.
std::string why_another(const Json& done) {
  const std::string made_by = done.contains("version") ? text_in(done, "version") : "0.2.0 or older";
  if (made_by != version()) return text("it was made by version ", printable(made_by), ", this is ", version());
  return "it belongs to a run with other options or data";
}

// DataError naming the first file that is not the one that fold.json was written for.
void check_files(const fs::path& folder, const Json& done) {
  for (const char* name : trusted_files(has_refit(done))) {
    const fs::path path = folder / name;
    std::string flaw = path_flaw(path);
    if (flaw.empty() && as<DataError>([&] { return sha256_of_file(path, kMaxFile); }) != text_in(member(done, "files"), name))
      flaw = text("was changed or damaged since the fold was finished (its SHA-256 is not that of ", kDone, ")");
    if (!flaw.empty()) throw DataError(text(path, " ", flaw, "; restore it, or train the fold again with --retrain-damaged"));
  }
}

}  // namespace

std::string history_csv(const std::vector<EpochRecord>& history) {
  std::string out = csv_line(
      {"epoch", "train_loss", "validation_loss", "validation_accuracy", "validation_auc", "validation_f1", "lr", "momentum"});
  for (const EpochRecord& e : history) {
    out += csv_line({std::to_string(e.epoch), shortest(e.train_loss), shortest(e.validation_loss),
                     shortest(e.validation_accuracy), e.validation_auc < 0 ? "n/a" : shortest(e.validation_auc),
                     shortest(e.validation_f1), shortest(e.lr), shortest(e.momentum)});
  }
  return out;
}

std::string refit_csv(const std::vector<EpochRecord>& refit) {
  std::string out = csv_line({"epoch", "train_loss", "lr", "momentum"});
  for (const EpochRecord& e : refit)
    out += csv_line({std::to_string(e.epoch), shortest(e.train_loss), shortest(e.lr), shortest(e.momentum)});
  return out;
}

std::string predictions_csv(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes) {
  std::vector<std::string> header = {"sample_id", "subject_id", "lesion_id", "slice", "label", "pred"};
  for (const std::string& name : classes) header.push_back("prob_" + name);
  std::string out = csv_line(header);
  for (const Prediction& p : predictions) {
    const auto best = std::max_element(p.probability.begin(), p.probability.end()) - p.probability.begin();
    std::vector<std::string> cells = {p.sample_id,
                                      p.subject_id,
                                      std::to_string(p.lesion_id),
                                      std::to_string(p.slice),
                                      classes[static_cast<std::size_t>(p.label)],
                                      classes[static_cast<std::size_t>(best)]};
    for (const double probability : p.probability) cells.push_back(shortest(probability));
    out += csv_line(cells);
  }
  return out;
}

std::vector<Prediction> predictions_of(const Dataset& data, const std::vector<std::vector<double>>& probability) {
  std::vector<Prediction> out;
  for (std::size_t i = 0; i < data.samples.size(); ++i) {
    const Sample& s = data.samples[i];
    out.push_back({s.sample_id, s.subject_id, s.lesion_id, s.slice, data.labels[i], probability[i]});
  }
  return out;
}

Metrics metrics_of(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes) {
  std::vector<int> labels;
  std::vector<std::vector<double>> probability;
  for (const Prediction& p : predictions) {
    labels.push_back(p.label);
    probability.push_back(p.probability);
  }
  return classification_metrics(labels, probability, classes);
}

void write_fold(const fs::path& folder, const FoldFiles& files, const std::string& key) {
  write_file(folder / "history.csv", history_csv(files.history));
  if (!files.refit.empty()) write_file(folder / kRefit, refit_csv(files.refit));
  write_file(folder / "preds_val.csv", predictions_csv(files.validation, files.classes));
  write_file(folder / "preds_test.csv", predictions_csv(files.test, files.classes));
  Json done = Json::object();
  done["key"] = key;
  done["version"] = std::string(version());
  done["best_epoch"] = files.best_epoch;
  done["files"] = Json::object();
  for (const char* name : trusted_files(!files.refit.empty())) done["files"][name] = sha256_of_file(folder / name, kMaxFile);
  done["validation"] = metrics_json(metrics_of(files.validation, files.classes));
  done["test"] = metrics_json(metrics_of(files.test, files.classes));
  write_file(folder / kDone, sealed_json_text(std::move(done)));
}

std::string fold_key(const std::string& config, int fold) { return sha256(text(config, "fold ", fold)); }

bool fold_is_finished(const fs::path& folder, const std::string& key) {
  if (!path_exists(folder / kDone)) return false;
  try {
    const Json done = read_done(folder);
    if (text_in(done, "key") != key) {
      throw DataError(text(folder / kDone, ": ", why_another(done),
                           "; choose another folder, or train the fold again with --retrain-damaged"));
    }
    check_files(folder, done);
    return true;
  } catch (const std::runtime_error& error) {
    throw DataError(text(folder / kDone, ": ", error.what(), "; train the fold again with --retrain-damaged"));
  }
}

FoldFiles read_fold(const fs::path& folder) {
  FoldFiles files;
  try {
    const Json done = read_done(folder);
    check_files(folder, done);
    files.history = read_history(folder / "history.csv");
    files.best_epoch = static_cast<int>(integer_in(done, "best_epoch", 1, static_cast<std::int64_t>(files.history.size())));
    if (has_refit(done)) files.refit = read_refit(folder / kRefit);
    if (has_refit(done) && std::ssize(files.refit) != files.best_epoch)
      throw DataError(text(kRefit, " has ", files.refit.size(), " epochs, ", files.best_epoch, " were chosen"));
  } catch (const std::runtime_error& error) {
    throw DataError(text(folder / kDone, ": ", error.what(), "; train the fold again with --retrain-damaged"));
  }
  std::vector<std::string> classes;
  files.validation = read_predictions(folder / "preds_val.csv", files.classes);
  files.test = read_predictions(folder / "preds_test.csv", classes);
  if (classes != files.classes)
    throw DataError(
        text(folder, ": preds_val.csv and preds_test.csv have other classes (prob_ columns); train the fold again"));
  std::set<std::string> validated;
  for (const Prediction& p : files.validation) validated.insert(p.subject_id);
  for (const Prediction& p : files.test) {
    if (validated.contains(p.subject_id))
      throw DataError(text(folder, ": the subject '", p.subject_id, "' lies in the validation and in the test part"));
  }
  return files;
}

}  // namespace vitrine

#include "train/run_files.h"

#include <algorithm>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;

double number_in(const CsvTable& table, const CsvRow& row, std::string_view column) {
  double value = 0;
  const std::string& cell = row.cells[table.column(column)];
  if (!parse_number(cell, value)) {
    throw DataError(
        text(table.path.string(), ":", row.line, ": the column '", column, "' holds '", cell, "', a number was expected"));
  }
  return value;
}

Json metrics_json(const Metrics& metrics) {
  const auto value = [](const std::optional<double>& v) { return v ? Json(*v) : Json(); };
  Json out;
  out["count"] = metrics.count;
  out["accuracy"] = metrics.accuracy;
  out["auc"] = value(metrics.auc);
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

std::vector<EpochRecord> read_history(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  std::vector<EpochRecord> history;
  for (const CsvRow& row : table.rows) {
    history.push_back({static_cast<int>(number_in(table, row, "epoch")), number_in(table, row, "train_loss"),
                       number_in(table, row, "validation_loss"), number_in(table, row, "validation_accuracy"),
                       number_in(table, row, "lr"), number_in(table, row, "momentum")});
  }
  return history;
}

std::vector<Prediction> read_predictions(const std::filesystem::path& path, std::vector<std::string>& classes) {
  const CsvTable table = read_csv(path);
  classes.clear();
  for (const std::string& name : table.header) {
    if (name.starts_with("prob_")) classes.push_back(name.substr(5));
  }
  std::vector<Prediction> predictions;
  for (const CsvRow& row : table.rows) {
    Prediction p;
    p.sample_id = row.cells[table.column("sample_id")];
    p.subject_id = row.cells[table.column("subject_id")];
    p.lesion_id = static_cast<int>(number_in(table, row, "lesion_id"));
    p.slice = static_cast<int>(number_in(table, row, "slice"));
    const std::string& label = row.cells[table.column("label")];
    const auto found = std::find(classes.begin(), classes.end(), label);
    if (found == classes.end())
      throw DataError(text(path.string(), ":", row.line, ": the label '", label, "' has no prob_ column"));
    p.label = static_cast<int>(found - classes.begin());
    for (const std::string& name : classes) p.probability.push_back(number_in(table, row, "prob_" + name));
    predictions.push_back(std::move(p));
  }
  return predictions;
}

}  // namespace

std::string history_csv(const std::vector<EpochRecord>& history) {
  std::string out = csv_line({"epoch", "train_loss", "validation_loss", "validation_accuracy", "lr", "momentum"});
  for (const EpochRecord& e : history) {
    out += csv_line({std::to_string(e.epoch), shortest(e.train_loss), shortest(e.validation_loss),
                     shortest(e.validation_accuracy), shortest(e.lr), shortest(e.momentum)});
  }
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

void write_fold(const std::filesystem::path& folder, const FoldFiles& files, const std::string& key) {
  write_file(folder / "history.csv", history_csv(files.history));
  write_file(folder / "preds_val.csv", predictions_csv(files.validation, files.classes));
  write_file(folder / "preds_test.csv", predictions_csv(files.test, files.classes));
  Json done;
  done["key"] = key;
  done["best_epoch"] = files.best_epoch;
  done["validation"] = metrics_json(metrics_of(files.validation, files.classes));
  done["test"] = metrics_json(metrics_of(files.test, files.classes));
  write_file(folder / "fold.json", json_text(done));
}

bool fold_is_finished(const std::filesystem::path& folder, const std::string& key) {
  const std::filesystem::path path = folder / "fold.json";
  if (!std::filesystem::exists(path)) return false;
  try {
    return parse_json(read_file(path, kMaxJson)).at("key").get<std::string>() == key;
  } catch (const std::exception&) {
    return false;  // a torn or foreign file: the fold is trained again and the file replaced
  }
}

FoldFiles read_fold(const std::filesystem::path& folder) {
  FoldFiles files;
  files.history = read_history(folder / "history.csv");
  files.validation = read_predictions(folder / "preds_val.csv", files.classes);
  files.test = read_predictions(folder / "preds_test.csv", files.classes);
  const std::filesystem::path done = folder / "fold.json";
  try {
    files.best_epoch = parse_json(read_file(done, kMaxJson)).at("best_epoch").get<int>();
  } catch (const std::exception& error) {
    throw DataError(text(done.string(), ": ", error.what(), "; delete the folder and train the fold again"));
  }
  return files;
}

}  // namespace vitrine

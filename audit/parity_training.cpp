// Optimisers, training steps, metrics, schedules and checkpoints of a reference folder.
#include <algorithm>
#include <cmath>
#include <map>

#include "audit/formula.h"
#include "audit/parity.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/names.h"
#include "base/number.h"
#include "evaluation/metrics.h"
#include "nn/modules/optimizer.h"
#include "train/schedule.h"
#include "train/step.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr double kExact = 1e-12;  // float64 against float64

// The settings that a case's file name stands for.
struct OptimizerCase {
  std::string name;
  OptimizerOptions options;
  double lr;
};

std::vector<OptimizerCase> optimizer_cases() {
  OptimizerOptions adam, adamw, sgd, rmsprop;
  adam.beta2 = 0.999;
  adam.eps = 1e-8;
  adamw.rule = Rule::adamw;
  adamw.beta1 = 0.95;
  adamw.weight_decay = 0.01;
  sgd.rule = Rule::sgd;
  rmsprop.rule = Rule::rmsprop;
  rmsprop.eps = 1e-3;
  return {{"optimizer-adam", adam, 1e-3},
          {"optimizer-adamw-wd0.01-eps1e-5-betas0.95_0.99", adamw, 1e-3},
          {"optimizer-sgd-momentum0.9", sgd, 0.1},
          {"optimizer-rmsprop-a0.9-m0.9", rmsprop, 1e-2}};
}

double largest_of(const std::vector<double>& v) {
  double most = 0;
  for (const double x : v) most = std::max(most, std::abs(x));
  return most;
}

void take(double& worst, double error) {
  if (!(error <= worst)) worst = error;  // NaN stays
}

Json read_json(const fs::path& path) {
  try {
    return parse_json(read_file(path, 1u << 24));
  } catch (const std::exception& error) {
    throw DataError(text(path.string(), ": ", error.what()));
  }
}

Batch batch_of(std::int64_t batch, std::int64_t size, std::uint64_t step) {
  std::vector<float> targets;
  for (const double u : formula_uniform("label", batch, step)) {
    targets.push_back(static_cast<float>(u));
    targets.push_back(static_cast<float>(1 - u));
  }
  return {formula_images(batch, size, step), Tensor::from({batch, 2}, targets)};
}

}  // namespace

ParityRow optimizer_parity(const fs::path& path) {
  const std::string name = path.stem().string();
  for (const OptimizerCase& c : optimizer_cases()) {
    if (c.name != name) continue;
    const TensorFile file = read_safetensors(path);
    Tensor w = file.at("start").to_float();
    Optimizer optimizer(c.options);
    double worst = 0, steps = 0;
    for (; file.find(text("grad.", steps)) != nullptr; ++steps) {
      optimizer.step("w", w, file.at(text("grad.", steps)).to_float(), c.lr);
      const std::vector<double> truth = file.at(text("after.", steps)).to_double();
      if (truth.size() != static_cast<std::size_t>(w.size()))
        throw DataError(text(path, ": 'after.", steps, "' has ", truth.size(), " values, the weight ", w.size(),
                             "; make the reference folder again"));
      for (std::size_t i = 0; i < truth.size(); ++i)
        take(worst, std::abs(static_cast<double>(w.host()[i]) - truth[i]) / largest_of(truth));
    }
    // A step adds a few roundings of the weight and of the update, both at most the largest weight: four a step.
    return {"optimizer", name, worst, std::nullopt, 4 * steps * 0x1p-24};
  }
  throw DataError(text(path.string(), ": the settings of the optimiser case '", name, "' are not known"));
}

std::vector<ParityRow> training_parity(const fs::path& path) {
  const std::string name = path.stem().string();
  if (name != "torchvision-b0-64-adam-10steps")
    throw DataError(text(path.string(), ": the training case '", name, "' is not known"));
  const TensorFile file = read_safetensors(path);
  const std::vector<std::string> peers = split_at(required_metadata(file.metadata, "float32_loss_error", path.string()), ' ');
  EfficientNet net = formula_network(Family::torchvision, "b0", 2, 0, 2.0);
  OptimizerOptions adam;
  adam.beta2 = 0.999;
  adam.eps = 1e-8;
  Optimizer optimizer(adam);
  double first = 0, first_peer = 0, worst = 0, worst_peer = 0;
  for (std::uint64_t step = 0; step < 10; ++step) {
    const double loss = train_step(net, optimizer, batch_of(16, 64, step), {.lr = 1e-3}).loss;
    double peer = 0;
    if (step >= peers.size() || !parse_number(std::string_view(peers[step]), peer))
      throw DataError(text(path, ": the metadata 'float32_loss_error' has no number for step ", step));
    const double error = std::abs(loss - file.at(text("loss.", step)).to_double().at(0));
    if (step == 0) {
      first = error;
      first_peer = peer;
    }
    take(worst, error);
    worst_peer = std::max(worst_peer, peer);
  }
  // Adam divides by the size of a gradient: where it is near zero, rounding decides the sign of a whole step, in any library.
  return {{"training", name + ", first loss", first, first_peer, 1e-6},
          {"training", name + ", worst loss", worst, worst_peer, 3e-4}};
}

ParityRow metrics_parity(const fs::path& path) {
  double worst = 0;
  for (const Json& row : read_json(path)) {
    const auto labels = row.at("label").get<std::vector<int>>();
    const auto score = row.at("score").get<std::vector<double>>();
    if (labels.empty() || labels.size() != score.size() ||
        std::any_of(labels.begin(), labels.end(), [](int l) { return l < 0 || l > 1; }))
      throw DataError(text(path, ": a case has ", labels.size(), " labels for ", score.size(),
                           " scores, or labels besides 0 and 1; make the reference folder again"));
    std::vector<std::vector<double>> probability;
    // The file predicts class 1 from score 0.5 on; the first of equal probabilities is class 0, so the tie is tipped.
    for (const double s : score)
      probability.push_back(s == 0.5 ? std::vector<double>{0.5 - 1e-9, 0.5} : std::vector<double>{1 - s, s});
    const Metrics m = classification_metrics(labels, probability, {"a", "b"});
    const auto compare = [&](std::optional<double> got, const Json& truth) {
      if (truth.is_number()) take(worst, got ? std::abs(*got - truth.get<double>()) : HUGE_VAL);
    };
    compare(m.accuracy, row.at("accuracy"));
    compare(m.auc, row.at("auc"));
    for (std::size_t c = 0; c < 2; ++c) {
      compare(m.classes[c].precision, row.at("precision").at(c));
      compare(m.classes[c].recall, row.at("recall").at(c));
      compare(m.classes[c].f1, row.at("f1").at(c));
      compare(m.classes[c].support, row.at("support").at(c));
    }
    const RocCurve curve = roc_curve(labels, score);
    const auto fpr = row.at("fpr").get<std::vector<double>>(), tpr = row.at("tpr").get<std::vector<double>>();
    if (fpr.size() != curve.false_positive_rate.size() || tpr.size() != fpr.size() ||
        m.confusion != row.at("confusion").get<std::vector<std::vector<int>>>()) {
      worst = HUGE_VAL;
      continue;
    }
    for (std::size_t i = 0; i < fpr.size(); ++i) {
      take(worst, std::abs(curve.false_positive_rate[i] - fpr[i]));
      take(worst, std::abs(curve.true_positive_rate[i] - tpr[i]));
    }
  }
  return {"metrics", path.stem().string(), worst, std::nullopt, kExact};
}

ParityRow schedule_parity(const fs::path& path) {
  const Json row = read_json(path).at("fastai_one_cycle");
  OneCycle schedule;
  schedule.total_steps = row.at("total_steps").get<int>();
  const auto lr = row.at("lr").get<std::vector<double>>(), momentum = row.at("momentum").get<std::vector<double>>();
  double worst = 0;
  for (int step = 0; step < schedule.total_steps; ++step) {
    const auto i = static_cast<std::size_t>(step);
    take(worst, std::abs(schedule.lr(step) - lr.at(i)) / schedule.max_lr);
    take(worst, std::abs(schedule.momentum(step) - momentum.at(i)));
  }
  return {"schedule", "one-cycle", worst, std::nullopt, kExact};
}

std::vector<ParityRow> checkpoint_parity(const fs::path& folder) {
  const TensorFile truth = read_safetensors(folder / "state_dict.safetensors");
  std::vector<fs::path> files = entries_of(folder);
  std::erase_if(files, [](const fs::path& path) { return path.extension() != ".pth"; });
  std::vector<ParityRow> rows;
  for (const fs::path& path : files) {
    const TensorFile file = read_checkpoint(path);
    double worst = 0;
    std::size_t compared = 0;
    for (const StoredTensor& t : file.tensors) {
      const StoredTensor* expected = truth.find(t.name);
      if (expected == nullptr) continue;
      const std::vector<double> a = t.to_double(), b = expected->to_double();
      if (!(t.shape == expected->shape)) worst = HUGE_VAL;
      for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) take(worst, std::abs(a[i] - b[i]));
      ++compared;
    }
    if (compared == 0) continue;  // another content than state_dict.safetensors: the tests of weights/ know it
    rows.push_back({"checkpoint", text(path.filename().string(), ", ", compared, " tensors"), worst, std::nullopt, 0});
  }
  return rows;
}

}  // namespace vitrine

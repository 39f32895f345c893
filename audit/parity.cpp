#include "audit/parity.h"

#include <algorithm>
#include <cmath>

#include "audit/formula.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/inference.h"
#include "weights/safetensors.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files = entries_of(folder);
  std::erase_if(files, [](const fs::path& path) { return path.extension() != ".safetensors"; });
  return files;
}

}  // namespace

double ParityRow::ratio() const {
  const double base = peer.value_or(limit);
  if (error == 0) return 0;
  return base > 0 ? error / base : HUGE_VAL;
}

ParityRow model_parity(const fs::path& path, bool folded) {
  const TensorFile file = read_safetensors(path);
  const std::string name = path.string();
  const auto number = [&](const char* key) {
    double value = 0;
    const std::string& s = required_metadata(file.metadata, key, name);
    if (!parse_number(s, value)) throw DataError(text(name, ": the metadata '", key, "' is '", s, "', a number is expected"));
    return value;
  };
  std::string library = required_metadata(file.metadata, "library", name);
  std::replace(library.begin(), library.end(), '_', '-');
  const auto family = family_from_name(library);
  if (!family) throw DataError(text(name, ": the library '", library, "' is not known"));
  const auto seed = static_cast<std::uint64_t>(number("seed"));
  const auto size = static_cast<std::int64_t>(number("size")), batch = static_cast<std::int64_t>(number("batch"));
  if (size < 32 || size > 1024 || batch < 1 || batch > 256)
    throw DataError(text(name, ": a batch of ", batch, " at ", size, " pixels; 1 to 256 at 32 to 1024 are run"));
  const std::vector<double> truth = file.at("logits").to_double();
  const Shape& shape = file.at("logits").shape;
  if (shape.rank() != 2 || shape[1] < 1 || shape[1] > 100'000)
    throw DataError(
        text(name, ": 'logits' is ", shape.text(), ", expected [images, classes]; make the reference folder again"));
  const std::int64_t classes = shape[1];
  EfficientNet net =
      formula_network(*family, required_metadata(file.metadata, "architecture", name), classes, seed, number("gain"), size);
  const Tensor images = formula_images(batch, size, seed);
  const Tensor logits = folded ? Inference(net).run(images) : net.forward(images, Pass{}).tensor();
  if (static_cast<std::size_t>(logits.size()) != truth.size())
    throw DataError(text(name, ": it has ", truth.size(), " logits, the network gives ", logits.size()));
  double worst = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = std::abs(static_cast<double>(logits.host()[i]) - truth[i]);
    if (!(error <= worst)) worst = error;
  }
  const double peer = number("float32_error");
  return {folded ? "folded" : "model", path.stem().string(), worst, peer, 2 * peer};
}

std::vector<ParityRow> run_parity(const fs::path& folder, const std::function<void(const ParityRow&)>& seen) {
  std::vector<ParityRow> rows;
  const auto add = [&](ParityRow row) {
    seen(row);
    rows.push_back(std::move(row));
  };
  for (const bool folded : {false, true}) {
    for (const fs::path& file : files_in(folder / "models")) add(model_parity(file, folded));
  }
  for (const bool optimizers : {false, true}) {
    for (const fs::path& file : files_in(folder / "ops")) {
      if (file.filename().string().starts_with("optimizer-") != optimizers) continue;
      add(optimizers ? optimizer_parity(file) : op_parity(file));
    }
  }
  for (const fs::path& file : files_in(folder / "training")) {
    for (ParityRow& row : training_parity(file)) add(std::move(row));
  }
  using Table = std::pair<const char*, ParityRow (*)(const fs::path&)>;
  for (const auto& [file, parity] : {Table{"metrics.json", metrics_parity}, Table{"schedules.json", schedule_parity}}) {
    if (!fs::exists(folder / file)) continue;
    try {
      add(parity(folder / file));
    } catch (const nlohmann::json::exception& error) {
      throw DataError(text(folder / file, ": ", printable(error.what()), "; make the reference folder again"));
    } catch (const std::out_of_range&) {
      throw DataError(text(folder / file, ": a list is too short; make the reference folder again"));
    }
  }
  if (fs::exists(folder / "checkpoints")) {
    for (ParityRow& row : checkpoint_parity(folder / "checkpoints")) add(std::move(row));
  }
  if (rows.empty()) {
    throw DataError(text(folder.string(),
                         ": it holds no reference case; models/, ops/, training/, checkpoints/, metrics.json or "
                         "schedules.json is expected"));
  }
  return rows;
}

ParitySummary summarize(const std::vector<ParityRow>& rows) {
  ParitySummary s;
  std::vector<double> ratios;
  for (const ParityRow& row : rows) {
    ++s.cases;
    s.within += row.within() ? 1 : 0;
    if (row.group == "model") ratios.push_back(row.ratio());
  }
  std::sort(ratios.begin(), ratios.end());
  s.models = ratios.size();
  if (!ratios.empty()) {
    const std::size_t half = ratios.size() / 2;
    s.median_model_ratio = ratios.size() % 2 == 1 ? ratios[half] : (ratios[half - 1] + ratios[half]) / 2;
    s.largest_model_ratio = ratios.back();
  }
  s.holds = s.within == s.cases && s.median_model_ratio <= 1;
  return s;
}

}  // namespace vitrine

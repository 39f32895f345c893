// The pictures of a report: crops as the network sees them, and the maps of `vitrine explain`.
#include <algorithm>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/number.h"
#include "cli/report_data.h"
#include "data/dataset.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kExamplesPerClass = 3;
constexpr std::size_t kPredictionsShown = 4;    // right ones and wrong ones each
constexpr std::size_t kLossesShown[] = {8, 4};  // of validation and of the test part
constexpr std::size_t kExplanationsShown = 24;
constexpr std::uint64_t kMaxPicture = 256u << 10, kMaxPictures = 1536u << 10;  // bytes of a map, and of all that are shown

const Sample* find_sample(const Manifest& manifest, const std::string& id) {
  const auto found =
      std::find_if(manifest.samples.begin(), manifest.samples.end(), [&](const Sample& s) { return s.sample_id == id; });
  return found == manifest.samples.end() ? nullptr : &*found;
}

// With the channels of the crop.
void fill(report::CropPicture& picture, const Manifest& manifest, const Sample& sample) {
  CropChannels crop = load_crop(manifest, sample);
  picture.sample_id = sample.sample_id;
  picture.subject_id = sample.subject_id;
  picture.label = sample.label;
  picture.lesion = sample.lesion_id;
  picture.slice = sample.slice;
  picture.height = static_cast<int>(crop.height);
  picture.width = static_cast<int>(crop.width);
  for (auto& [name, values] : crop.channels) picture.channels.emplace_back(channel_title(name), std::move(values));
}

// Of a prediction, without its pixels.
report::CropPicture outline_of(const Prediction& p, const std::vector<std::string>& classes) {
  const auto best = std::max_element(p.probability.begin(), p.probability.end());
  report::CropPicture picture;
  picture.sample_id = p.sample_id;
  picture.predicted = classes[static_cast<std::size_t>(best - p.probability.begin())];
  picture.probability = *best;
  picture.actual_probability = p.probability[static_cast<std::size_t>(p.label)];
  picture.correct = best - p.probability.begin() == p.label;
  return picture;
}

// The first `most` of these, one of each lesion and outcome, with their pixels.
void show_first(std::vector<report::CropPicture>& shown, const std::vector<report::CropPicture>& ordered, std::size_t most,
                const Manifest& manifest) {
  std::set<std::string> lesions;
  std::size_t count = 0;
  for (const report::CropPicture& picture : ordered) {
    if (count == most) break;
    const Sample* sample = find_sample(manifest, picture.sample_id);
    if (sample == nullptr || !lesions.insert(text(sample->subject_id, "/", sample->lesion_id)).second) continue;
    shown.push_back(picture);
    fill(shown.back(), manifest, *sample);
    ++count;
  }
}

std::vector<report::CropPicture> by_loss(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes,
                                         const char* part) {
  std::vector<report::CropPicture> all;
  for (const Prediction& p : predictions) {
    all.push_back(outline_of(p, classes));
    all.back().part = part;
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.actual_probability < b.actual_probability; });
  return all;
}

}  // namespace

// One crop of each of the first subjects of every class.
std::vector<report::CropPicture> example_pictures(const Manifest& manifest) {
  std::vector<report::CropPicture> pictures;
  for (const std::string& label : manifest.classes()) {
    std::set<std::string> seen;
    for (const Sample& s : manifest.samples) {
      if (s.label != label || !seen.insert(s.subject_id).second) continue;
      pictures.emplace_back();
      fill(pictures.back(), manifest, s);
      if (seen.size() == kExamplesPerClass) break;
    }
  }
  return pictures;
}

// The most confident right and wrong predictions on the test part, one of each lesion, over all folds' networks.
std::vector<report::CropPicture> predicted_pictures(const Manifest& manifest, const ReportedRun& run) {
  std::vector<report::CropPicture> right, wrong, shown;
  for (std::size_t f = 0; f < run.run.folds.size(); ++f) {
    const FoldFiles& fold = run.run.folds[f];
    for (const Prediction& p : fold.test) {
      report::CropPicture picture = outline_of(p, fold.classes);
      picture.part = "test";
      picture.fold = run.run.numbers[f];
      (picture.correct ? right : wrong).push_back(std::move(picture));
    }
  }
  for (auto* group : {&right, &wrong}) {
    std::stable_sort(group->begin(), group->end(), [](const auto& a, const auto& b) { return a.probability > b.probability; });
    show_first(shown, *group, kPredictionsShown, manifest);
  }
  return shown;
}

std::vector<report::CropPicture> costliest_pictures(const Manifest& manifest, const ReportedRun& run) {
  std::vector<Prediction> validation;
  std::vector<FoldPredictions> folds;
  for (const FoldFiles& fold : run.run.folds) {
    validation.insert(validation.end(), fold.validation.begin(), fold.validation.end());
    folds.push_back({{}, fold.test});
  }
  const std::vector<std::string>& classes = run.run.folds.front().classes;
  std::vector<report::CropPicture> shown;
  show_first(shown, by_loss(validation, classes, "validation"), kLossesShown[0], manifest);
  show_first(shown, by_loss(ensemble_of_test(folds), classes, "test"), kLossesShown[1], manifest);
  return shown;
}

// What the caption of a map says, by its column of index.csv (docs/explain.md).
constexpr std::pair<const char*, const char*> kMapFacts[] = {
    {"sample_id", "sample"},
    {"label", "label"},
    {"predicted", "predicted"},
    {"class", "map of class"},
    {"method", "method"},
    {"layer", "layer"},
    {"map_height", "rows of the map"},
    {"map_width", "columns of the map"},
    {"correlation_classifier", "correlation with the classifier redrawn"},
    {"correlation_stem", "with all weights redrawn"},
    {"remark", "remark"}};

std::string rounded(std::string_view cell) {
  double value = 0;
  const bool has_fraction = cell.find('.') != std::string_view::npos;
  return has_fraction && parse_number(cell, value) ? fixed(value, 2) : std::string(cell);
}

// index.csv has a column `picture`, of PNGs beside it.
std::vector<report::Explanation> read_explanations(const fs::path& folder) {
  const fs::path index = folder / "explain" / "index.csv";
  std::vector<report::Explanation> all;
  if (!path_exists(index)) return all;
  const CsvTable table = read_csv(index);
  const std::size_t file = table.column("picture");
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < table.size() && all.size() < kExplanationsShown; ++i) {
    const CsvRow row = table[i];
    const fs::path name(std::string{row[file]});
    if (name.is_absolute() || std::count(name.begin(), name.end(), "..") > 0 || name.extension() != ".png")
      row.refuse(text("the file '", printable(row[file]), "' is no PNG in this folder"));
    report::Explanation e;
    e.png = as<DataError>([&] { return read_file(index.parent_path() / name, kMaxPicture); });
    bytes += e.png.size();
    if (bytes > kMaxPictures) break;
    if (!e.png.starts_with("\x89PNG\r\n\x1a\n")) row.refuse(text("the file '", printable(row[file]), "' is no PNG"));
    for (const auto& [name, title] : kMapFacts) {
      const auto column = table.find_column(name);
      if (column && !row[*column].empty()) e.facts.emplace_back(title, rounded(row[*column]));
    }
    all.push_back(std::move(e));
  }
  return all;
}

}  // namespace vitrine::cli

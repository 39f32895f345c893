// `vitrine audit stability`: how many bits of a network's predictions survive noise in the last place of every value.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "audit/stability.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/number.h"
#include "cli/checkpoint_options.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/explain.h"
#include "cli/noted_manifest.h"
#include "data/photograph.h"
#include "nn/efficientnet/prediction.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

struct AuditStabilityCommand {
  CheckpointCommand checkpoint;
  std::vector<std::string> images;
  std::string manifest;
  int most = 16;
  bool json = false;
  StabilityOptions options;
};

struct NamedImage {
  std::string name;
  Tensor image;  // [H, W, C] in [0, 1]
};

void check_options(const AuditStabilityCommand& c) {
  if (c.options.draws < 2 || c.options.draws > 1000)
    throw UsageError(text("--draws is ", c.options.draws, ", expected 2 to 1000"));
  if (c.most < 1 || c.most > 10000) throw UsageError(text("--most is ", c.most, ", expected 1 to 10000"));
  if (c.images.empty() == c.manifest.empty())
    throw UsageError("stability needs --images (photographs, or folders of them) or --manifest (crops), one of the two");
}

bool is_photograph(const fs::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

// Files as they are named; of a folder its PNG and JPEG files by name.
std::vector<fs::path> photographs_of(const std::vector<std::string>& names, int most) {
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      files.emplace_back(name);
      continue;
    }
    std::vector<fs::path> inside;
    for (fs::directory_iterator entry(name, error), end; !error && entry != end; entry.increment(error)) {
      if (is_photograph(entry->path())) inside.push_back(entry->path());
    }
    if (error) throw DataError(text(fs::path(name), ": the folder cannot be read: ", error.message()));
    if (inside.empty())
      throw DataError(text(fs::path(name), " holds no .png, .jpg or .jpeg file; name the photographs, or another folder"));
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  files.resize(std::min(files.size(), static_cast<std::size_t>(most)));
  return files;
}

std::vector<NamedImage> read_photographs(PhotographReader& reader, const EfficientNet& net,
                                         const std::vector<fs::path>& files) {
  const std::int64_t channels = net.semantics.channels;
  if (channels != 3 && channels != 1)
    throw UsageError(text("photographs have 3 channels, the network takes ", channels, "; pass --manifest instead"));
  const PhotographRequest request = photograph_request(net.semantics);
  std::vector<NamedImage> images;
  for (const fs::path& file : files) {
    const Photograph photograph = reader.read(file, request);
    if (channels == 1 && !is_grey(photograph.image))
      throw DataError(text(file, ": it has colours, the network takes one grey channel; pass a grey picture"));
    images.push_back({file.filename().string(), to_unit_range(photograph.image)});
  }
  return images;
}

// The first samples of a manifest, as the network was shown them in training.
std::vector<NamedImage> read_crops(const AuditStabilityCommand& c, std::optional<EfficientNet>& net) {
  ExplainRequest request;
  request.source = c.checkpoint.file, request.manifest = c.manifest;
  const Manifest manifest = read_manifest(c.manifest);
  for (const Sample& sample : manifest.samples) {
    if (static_cast<int>(request.samples.ids.size()) < c.most) request.samples.ids.push_back(sample.sample_id);
  }
  ExplainSource source = explain_source(request);
  const std::vector<Tensor> tensors = images_of(source, source.candidates);
  std::vector<NamedImage> images;
  for (std::size_t i = 0; i < tensors.size(); ++i) images.push_back({source.candidates[i].prediction.sample_id, tensors[i]});
  net = std::move(source.networks.begin()->second);
  return images;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Json spread_json(const SpreadOfDraws& s) {
  return {
      {"value", s.without_noise}, {"mean", s.mean}, {"deviation", s.deviation}, {"bits", s.bits}, {"sure_bits", s.sure_bits}};
}

struct Summary {
  std::vector<double> fewest, probability;  // of images: bits of the least certain logit, of the predicted class's probability
  int flips = 0, changed = 0;

  void add(const ImageStability& s) {
    fewest.push_back(s.fewest_bits());
    probability.push_back(s.probabilities[static_cast<std::size_t>(s.predicted)].bits);
    flips += s.flips, changed += s.flips > 0 ? 1 : 0;
  }
};

// Of many classes those with the largest logits.
std::string logits_text(const ImageStability& s) {
  std::vector<std::size_t> order(s.logits.size());
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return s.logits[a].without_noise > s.logits[b].without_noise; });
  order.resize(std::min<std::size_t>(order.size(), 3));
  std::string out;
  for (const std::size_t c : order)
    out += text(out.empty() ? "" : "  ", c, ": ", fixed(s.logits[c].without_noise, 4), " (", fixed(s.logits[c].bits, 1), ")");
  return out;
}

void print_row(const std::string& name, const ImageStability& s, int draws) {
  const SpreadOfDraws& p = s.probabilities[static_cast<std::size_t>(s.predicted)];
  std::printf("%-28s  %5d  %6s  %5s  %5s  %3d/%-4d  %s\n", printable(name, 28).c_str(), s.predicted,
              fixed(p.without_noise, 4).c_str(), fixed(p.bits, 1).c_str(), fixed(s.fewest_bits(), 1).c_str(), s.flips, draws,
              logits_text(s).c_str());
  std::fflush(stdout);
}

void print_summary(const Summary& all, const StabilityOptions& options) {
  std::printf(
      "\n%zu images, %d draws each, seed %llu: the predicted class's probability keeps %s of 24 bits (median), the least "
      "certain logit %s.\n",
      all.fewest.size(), options.draws, static_cast<unsigned long long>(options.seed),
      fixed(median(all.probability), 1).c_str(), fixed(median(all.fewest), 1).c_str());
  std::printf("Flips of the predicted class: %d of %zu draws, in %d images. For 95 %% confidence take %s bits off.\n",
              all.flips, all.fewest.size() * static_cast<std::size_t>(options.draws), all.changed,
              fixed(bits_for_confidence(options.draws), 1).c_str());
}

void run_audit_stability(AuditStabilityCommand c) {
  check_options(c);
  std::optional<PhotographReader> reader;  // before there are threads and weights: what decodes pictures is forked here
  std::vector<fs::path> files;
  if (c.manifest.empty()) {
    files = photographs_of(c.images, c.most);
    reader.emplace(true);
  }
  c.checkpoint.file = checkpoint_of_run(c.checkpoint.file);
  std::optional<EfficientNet> net;
  if (reader) net = load_checkpoint(c.checkpoint);
  const std::vector<NamedImage> images = reader ? read_photographs(*reader, *net, files) : read_crops(c, net);
  if (!c.json)
    std::printf("%-28s  %5s  %6s  %5s  %5s  %8s  %s\n", "image", "class", "prob.", "bits", "least", "flips", "logits (bits)");
  Json json = Json::object();
  json["draws"] = c.options.draws, json["seed"] = c.options.seed, json["images"] = Json::array();
  Summary all;
  for (std::size_t i = 0; i < images.size(); ++i) {
    check_interrupt("the audit of stability");
    const ImageStability s = stability_of(*net, images[i].image, static_cast<std::uint32_t>(i), c.options);
    all.add(s);
    if (!c.json) {
      print_row(images[i].name, s, c.options.draws);
      continue;
    }
    Json logits = Json::array(), probabilities = Json::array();
    for (const SpreadOfDraws& of : s.logits) logits.push_back(spread_json(of));
    for (const SpreadOfDraws& of : s.probabilities) probabilities.push_back(spread_json(of));
    json["images"].push_back({{"image", images[i].name},
                              {"predicted", s.predicted},
                              {"flips", s.flips},
                              {"logits", logits},
                              {"probabilities", probabilities}});
  }
  if (!c.json) return print_summary(all, c.options);
  json["median_probability_bits"] = median(all.probability), json["median_fewest_logit_bits"] = median(all.fewest);
  json["flips"] = all.flips, json["images_with_flips"] = all.changed,
  json["bits_for_confidence"] = bits_for_confidence(c.options.draws);
  std::printf("%s", json_text(json).c_str());
}

}  // namespace

void add_audit_stability(Command audit, Chosen& chosen) {
  const auto command = std::make_shared<AuditStabilityCommand>();
  const auto sub =
      audit.add_subcommand("stability", "bits of the predictions that survive noise in the last place of every value");
  sub.add_option("weights", command->checkpoint.file, "a checkpoint, or the folder of a run (its first finished fold)")
      .required();
  sub.add_option("--images", command->images, "PNG or JPEG files, or folders of them");
  sub.add_option("--manifest", command->manifest, "manifest.csv of crops, for a network that was trained on crops");
  sub.add_option("--most", command->most, "images, the first so many").capture_default_str();
  sub.add_option("--draws", command->options.draws, "of the noise for each image, 2 to 1000").capture_default_str();
  sub.add_option("--seed", command->options.seed, "of the noise").check(whole_number).capture_default_str();
  sub.add_flag("--json", command->json, "as JSON, with every class");
  add_checkpoint_options(sub, command->checkpoint.arch, command->checkpoint.from, command->checkpoint.semantics);
  add_ema(sub, command->checkpoint.ema);
  sub.footer("Example: vitrine audit stability best.safetensors --manifest crops/manifest.csv --draws 10");
  sub.callback([=, &chosen] { chosen = [=] { run_audit_stability(*command); }; });
}

}  // namespace vitrine::cli

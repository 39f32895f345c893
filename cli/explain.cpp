// `vitrine explain`: where a trained network looks in samples of its run, and whether that depends on its weights.
#include "cli/explain.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/output.h"
#include "base/standard_streams.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/explain_op.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

struct ExplainCommand {
  ExplainRequest request;
  std::string samples = "top-losses:9", method = "gradcam", of_class = "predicted", output;
  RandomisationOptions check;
  bool list_ops = false, measure = false;
};

// Of the class that --class means for this sample.
int class_of(const std::string& word, const Candidate& candidate, const std::vector<std::string>& classes) {
  if (word == "predicted") return candidate.predicted();
  if (word == "true") return candidate.prediction.label;
  std::vector<std::string> words{"predicted", "true"};
  words.insert(words.end(), classes.begin(), classes.end());
  return static_cast<int>(chosen_name("--class", word, words)) - 2;
}

void check_options(const ExplainCommand& command) {
  if (command.request.part && *command.request.part != "val" && *command.request.part != "test")
    throw UsageError(text("--part is '", printable(*command.request.part, 40), "', expected val or test"));
  if (command.check.draws < 1 || command.check.draws > 100)
    throw UsageError(text("--draws is ", command.check.draws, ", expected 1 to 100"));
}

// The maps of all samples and their checks, one network after the other.
std::vector<Explained> explain(const ExplainCommand& command, ExplainSource& source, const std::vector<Candidate>& candidates) {
  const std::vector<Tensor> images = images_of(source, candidates);
  std::vector<Explained> all;
  for (const Candidate& c : candidates) all.push_back({c, class_of(command.of_class, c, source.classes), {}, {}});
  for (auto& [fold, net] : source.networks) {
    check_layer(net, command.check.layer);
    std::vector<ExplainedImage> of_fold;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].candidate.fold != fold) continue;
      all[i].saliency = saliency(net, images[i], all[i].of_class, command.check.method, command.check.layer);
      of_fold.push_back({images[i], all[i].of_class});
      places.push_back(i);
    }
    const std::vector<Cascade> cascades = randomisation_check(net, of_fold, command.check);
    for (std::size_t k = 0; k < places.size(); ++k) all[places[k]].cascade = cascades[k];
  }
  return all;
}

void warn(const std::vector<Explained>& all, const ExplainSource& source) {
  std::set<std::string> coarse;
  std::size_t zero = 0;
  for (const Explained& e : all) {
    zero += e.saliency.is_zero() ? 1u : 0u;
    if (!e.saliency.is_coarse() || !coarse.insert(e.saliency.layer).second) continue;
    note(text("the map of ", e.saliency.layer, " is ", e.saliency.height, " x ", e.saliency.width, ", smaller than ",
              kLeastSide, " x ", kLeastSide, ": it cannot say where; --layer auto takes the last block with a larger one"));
  }
  if (zero > 0) note(text(zero, " of ", all.size(), " maps are zero: no place speaks for the class"));
  if (source.inputs.find('+') == std::string::npos)
    note(text("the network saw ", source.inputs, " alone; on the other series its map is shown for orientation"));
  if (source.control != "none")
    note(text("the run is a control (", source.control, "): its network saw other images than the crops in the pictures"));
}

std::string padded(std::string cell, std::size_t width) {
  cell.resize(std::max(cell.size() + 2, width), ' ');
  return cell;
}

void print_table(const std::vector<Explained>& all, const ExplainSource& source, const RandomisationOptions& check) {
  const auto shown_class = [&](int index) { return printable(source.classes[static_cast<std::size_t>(index)], 12); };
  const auto number = [](const std::optional<double>& v) { return v ? fixed(*v, 2) : std::string("n/a"); };
  std::size_t longest = 6;
  for (const Explained& e : all) longest = std::max(longest, e.candidate.prediction.sample_id.size());
  std::printf("%s of %zu samples of %s\n", title_of(check.method).c_str(), all.size(), source.where.c_str());
  std::printf("rank correlation with the map after redrawing the classifier, all above the layer, all (mean of %d draws)\n\n",
              check.draws);
  std::printf("%s%-6s%-14s%-20s%-8s%-14s%-14s%-9s%-12s%-7s%-6s\n", padded("sample", longest + 2).c_str(), "fold", "label",
              "predicted", "loss", "class", "layer", "map", "classifier", "above", "all");
  for (const Explained& e : all) {
    const Prediction& p = e.candidate.prediction;
    const int predicted = e.candidate.predicted();
    const EfficientNet& net = source.networks.at(e.candidate.fold);
    std::string line = padded(p.sample_id, longest + 2);
    line += padded(e.candidate.fold < 0 ? "-" : std::to_string(e.candidate.fold), 6) + padded(shown_class(p.label), 14);
    line += padded(text(shown_class(predicted), " ", fixed(p.probability[static_cast<std::size_t>(predicted)], 2)), 20);
    line += padded(fixed(e.candidate.loss(), 3), 8) + padded(shown_class(e.of_class), 14) + padded(e.saliency.layer, 14);
    line += padded(text(e.saliency.height, " x ", e.saliency.width), 9) + padded(number(e.cascade.front()), 12);
    line += padded(number(e.above_layer(net)), 7) + padded(number(e.cascade.back()), 6) + e.remark();
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
}

void explain_named_op(const ExplainCommand& command) {
  const char* of_run = command.request.fold                ? "--fold"
                       : command.request.part              ? "--part"
                       : !command.request.manifest.empty() ? "--manifest"
                                                           : nullptr;
  if (of_run != nullptr)
    throw UsageError(text(of_run, " belongs to a run or a checkpoint; '", printable(command.request.source, 40),
                          "' is no file or folder, so it is taken for an op"));
  explain_op({command.request.source, command.output, command.measure});
}

void run_explain(ExplainCommand command) {
  if (command.list_ops) return list_ops();
  if (command.request.source.empty())
    throw UsageError("nothing is named; name a run, a checkpoint, or an op (`vitrine explain --list-ops`)");
  if (names_op(command.request.source)) return explain_named_op(command);
  if (command.measure)
    throw UsageError(text("--measure belongs to an op; ", std::filesystem::path(command.request.source), " is none"));
  if (command.output.empty()) throw UsageError("where the pictures go is not said; pass -o FOLDER");
  command.request.samples = sample_choice(command.samples);
  command.check.method = saliency_method(command.method);
  check_options(command);
  check_output_folder(command.output, {command.request.source, command.request.manifest},
                      {"index.csv", "maps.safetensors", "map_*"});
  ExplainSource source = explain_source(command.request);
  class_of(command.of_class, Candidate{-1, {{}, {}, 0, 0, 0, {1}}}, source.classes);
  for (const auto& [fold, net] : source.networks) check_layer(net, command.check.layer);
  const std::vector<Candidate> candidates = chosen_candidates(command.request.samples, source);
  const std::vector<Explained> all = explain(command, source, candidates);
  std::vector<CropChannels> crops;
  for (const Explained& e : all) {
    const auto sample = std::ranges::find(source.manifest.samples, e.candidate.prediction.sample_id, &Sample::sample_id);
    crops.push_back(load_crop(source.manifest, *sample));
  }
  make_directory(command.output);
  for (std::size_t i = 0; i < all.size(); ++i)
    write_file(std::filesystem::path(command.output) / all[i].picture(), explained_png(all[i], crops[i]));
  write_safetensors(std::filesystem::path(command.output) / "maps.safetensors",
                    explained_maps(all, crops, command.check.method));
  write_file(std::filesystem::path(command.output) / "index.csv", explained_csv(all, source.classes, command.check.method));
  print_table(all, source, command.check);
  warn(all, source);
}

}  // namespace

void add_explain(Command app, Chosen& chosen) {
  const auto command = std::make_shared<ExplainCommand>();
  const auto sub = app.add_subcommand(
      "explain", "where a network looks (Grad-CAM, LayerCAM, with the check of their weights), or what an op computes");
  sub.add_option("source", command->request.source,
                 "folder of `vitrine cv`, or a checkpoint of it with --manifest; or the name of an op");
  sub.add_flag("--list-ops", command->list_ops, "print the names of all ops");
  sub.add_flag("--measure", command->measure, "of an op: with the times of its kernels on this machine");
  sub.add_option("--samples", command->samples, "top-losses:N, wrong:N, or sample ids with commas between")
      .capture_default_str();
  sub.add_option("--part", command->request.part, "of a run, its samples: val or test; default: val");
  sub.add_option("--fold", command->request.fold, "of a run, from 0; default: all that are finished");
  sub.add_option("--manifest", command->request.manifest, "of a checkpoint: the manifest.csv of its crops");
  sub.add_option("--method", command->method, "gradcam or layercam").capture_default_str();
  sub.add_option("--layer", command->check.layer,
                 "auto (the last block with a map of 4 x 4 or more), stem, blocks.0.0 ..., head")
      .capture_default_str();
  sub.add_option("--class", command->of_class, "whose logit: predicted, true, or a class's name").capture_default_str();
  sub.add_option("--draws", command->check.draws, "of new weights for the check, 1 to 100").capture_default_str();
  sub.add_option("--seed", command->check.seed, "of these draws").check(whole_number).capture_default_str();
  sub.add_option("-o,--output", command->output,
                 "folder for pictures, index.csv and maps.safetensors; of an op: a page (.html)");
  sub.footer("Examples: vitrine explain out/runs/t1c+flair+t2 --samples top-losses:9 -o maps\n          vitrine explain swish");
  sub.callback([=, &chosen] { chosen = [=] { run_explain(*command); }; });
}

}  // namespace vitrine::cli

// `vitrine predict`: classes of photographs, or logits of a tensor.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>

#include "audit/prediction_audit.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/output.h"
#include "base/standard_streams.h"
#include "cli/checkpoint_options.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "data/photograph.h"
#include "nn/efficientnet/prediction.h"
#include "tensor/image_layout.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

constexpr std::uint64_t kMostInput = std::uint64_t{1} << 38;

// As an audit names it.
audit::PredictionInput audited_input(const std::string& name) {
  const std::filesystem::path path = name;
  audit::PredictionInput input{printable(path.filename().string(), 200), "unreadable"};
  try {
    input.sha256 = sha256_of_file(path, kMostInput);
  } catch (const FileError&) {  // why stands in the refusal of the image
  }
  return input;
}

// Null at --audit off.
std::unique_ptr<audit::PredictionAudit> open_audit(EfficientNet& net, const PredictCommand& command) {
  if (command.audit == "off") return nullptr;
  Settings options{{"arch", net.arch.name}, {"from", command.from}, {"ema", command.ema ? "yes" : "no"}};
  std::map<std::string, std::string> semantics;
  write_semantics(net.semantics, semantics);
  options.insert(options.end(), semantics.begin(), semantics.end());
  std::vector<audit::PredictionInput> inputs;
  for (const std::string& name : command.tensor.empty() ? command.images : std::vector<std::string>{command.tensor})
    inputs.push_back(audited_input(name));
  if (path_exists(std::filesystem::path(command.audit_folder) / "run.json"))
    note(text(std::filesystem::path(command.audit_folder), ": the audit of an earlier prediction is replaced"));
  return std::make_unique<audit::PredictionAudit>(
      command.audit_folder,
      audit::PredictionStart{command.audit, files_of_checkpoint(command.weights), std::move(inputs), std::move(options), net});
}

void predict_tensor(EfficientNet& net, const PredictCommand& command) {
  TensorFile file;
  try {
    file = read_safetensors(command.tensor);
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  }
  const StoredTensor* input = file.find("input");
  const std::filesystem::path path = command.tensor;
  if (input == nullptr) throw DataError(text(path, ": the tensor 'input' is missing, expected [N, 3, H, W]"));
  if (input->shape.rank() != 4 || input->shape[1] != net.semantics.channels) {
    throw DataError(text(path, ": the tensor 'input' has shape ", input->shape.text(), ", expected [N, ",
                         net.semantics.channels, ", H, W]"));
  }
  const TrainedOn& trained = net.trained_on;
  if (trained.on_crops() && (input->shape[2] != trained.height || input->shape[3] != trained.width))
    note(text(path, ": the tensor 'input' is ", input->shape.text(), ", the network was trained on ", trained.height, " x ",
              trained.width, " pixels"));
  const Tensor images = channels_last(input->to_float());
  const auto values = images.host();
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
    throw DataError(text(path, ": the tensor 'input' holds a value that is not finite"));
  const Tensor logits = Inference(net).run(images);
  refuse_non_finite(net, images, logits);
  if (const auto audit = open_audit(net, command)) {
    audit->predicted(images, logits, {static_cast<std::size_t>(images.shape()[0]), audited_input(command.tensor)});
    audit->finish();
  }
  write_output(command.output, safetensors_bytes({{StoredTensor::from("logits", logits)}, {}}));
}

// The lines of a text file: a byte-order mark, CR before LF and blank lines at the end are dropped. DataError unless it is UTF-8.
std::vector<std::string> lines_of(const std::string& name) {
  const std::filesystem::path path = name;
  const std::string bytes = as<DataError>([&] { return read_file(path, 16u << 20); });
  std::string_view rest = bytes;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  std::vector<std::string> lines;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    const std::string line(trimmed(rest.substr(0, end)));
    if (const std::string flaw = label_flaw(line); !line.empty() && !flaw.empty())
      throw DataError(text(path, ":", lines.size() + 1, ": the class name '", printable(line), "' ", flaw));
    lines.push_back(line);
    rest.remove_prefix(std::min(rest.size(), end + (rest.substr(end).starts_with("\r\n") ? 2 : 1)));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Of --classes, of the file's metadata, or ImageNet's for a network of 1,000 classes; none otherwise.
std::vector<std::string> class_names(const PredictCommand& command, const EfficientNet& net) {
  if (command.classes.empty()) return shown_class_names(net.trained_on, net.classes);
  const std::vector<std::string> names = lines_of(command.classes);
  if (static_cast<std::int64_t>(names.size()) != net.classes) {
    throw DataError(text(std::filesystem::path(command.classes), ": it has ", names.size(), " class names, the network ",
                         net.classes, " classes"));
  }
  if (!net.trained_on.class_names.empty() && names != net.trained_on.class_names)
    note(text("--classes has other names than the checkpoint, whose first is '", printable(net.trained_on.class_names.front()),
              "'"));
  return names;
}

// What a network that was trained on crops is shown here and was not there; each is said once.
class Mismatches {
 public:
  explicit Mismatches(const EfficientNet& net) : net_(net) {}

  void see(const std::filesystem::path& path, const Photograph& photograph) {
    const TrainedOn& t = net_.trained_on;
    if (!t.on_crops()) return;
    if (photograph.height != t.height || photograph.width != t.width) {
      say(size_said_,
          text(path, " has ", photograph.height, " x ", photograph.width, " pixels, the network was trained on crops of ",
               t.height, " x ", t.width, ": it is resized, which changes the scale"));
    }
    const bool grey = is_grey(photograph.image);
    if (t.one_channel() && !grey) {
      say(colour_said_,
          text(path, " has colours, the network was trained on ", printable(t.inputs), " alone, in three equal channels"));
    } else if (!t.one_channel() && !t.inputs.empty() && grey) {
      say(colour_said_, text(path, " is grey, the network was trained on the three channels ", printable(t.inputs)));
    }
  }

 private:
  static void say(bool& said, const std::string& what) {
    if (!said) note(what);
    said = true;
  }

  const EfficientNet& net_;
  bool size_said_ = false, colour_said_ = false;
};

// Photographs one after the other. One that is refused does not stop the others.
class PhotographPredictions {
 public:
  PhotographPredictions(EfficientNet& net, const PredictCommand& command, PhotographReader& reader)
      : net_(net),
        command_(command),
        reader_(reader),
        names_(class_names(command, net)),
        inference_(net),
        mismatches_(net),
        audit_(open_audit(net, command)) {
    const Semantics& s = net.semantics;
    if (s.channels != 3 && s.channels != 1)
      throw UsageError(text("photographs have 3 channels, the network takes ", s.channels, "; pass --tensor instead"));
    if (net.trained_on.height != net.trained_on.width)
      throw UsageError(text("photographs are cut to squares, the network was trained on crops of ", net.trained_on.height,
                            " x ", net.trained_on.width, "; pass --tensor instead"));
    request_ = photograph_request(s);
    request_.sandbox = command.sandbox;
  }

  void run() {
    try {
      for (const std::string& path : command_.images) {
        check_interrupt("prediction");
        predict_or_refuse(path);
      }
    } catch (const Interrupted&) {
      const InterruptsDeferred until_written;
      if (done_ > 0) publish();
      throw;
    }
    if (audit_) audit_->finish();
    if (done_ > 0) publish();
    report_refusals();
  }

 private:
  void predict_or_refuse(const std::string& path) {
    try {
      const Photograph photograph = reader_.read(path, request_);
      if (net_.semantics.channels == 1 && !is_grey(photograph.image))
        throw DataError(
            text(std::filesystem::path(path), ": it has colours, the network takes one grey channel; pass a grey picture"));
      if (!photograph.note.empty()) note(text(std::filesystem::path(path), ": ", photograph.note));
      mismatches_.see(path, photograph);
      SeePrediction see;
      if (audit_)
        see = [&](const Tensor& images, const Tensor& logits) { audit_->predicted(images, logits, {audited_input(path)}); };
      show(path, classify_square(inference_, net_, photograph.image, see));
    } catch (const DataError& error) {
      refusals_.emplace_back(error.what());
    }
  }

  void show(const std::string& path, const std::vector<double>& p) {
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    const bool listed = !is_standard_output(command_.output);
    if (listed) std::printf("%s\n", shown(path).c_str());
    for (std::size_t rank = 0; rank < std::min(order.size(), static_cast<std::size_t>(command_.top)); ++rank) {
      const std::size_t c = order[rank];
      const std::string name = names_.empty() ? std::string() : names_[c];
      if (listed) std::printf("  %zu  %s  class %zu  %s\n", rank + 1, fixed(p[c], 4).c_str(), c, printable(name).c_str());
      csv_ += csv_line({path, std::to_string(rank + 1), std::to_string(c), name, shortest(p[c])});
    }
    if (listed) std::fflush(stdout);
    ++done_;
  }

  void publish() {
    if (!command_.output.empty()) write_output(command_.output, csv_);
  }

  // The reasons, then how many there were; a single photograph has one line.
  void report_refusals() {
    if (refusals_.empty()) return;
    if (command_.images.size() == 1) throw DataError(refusals_.front());
    for (const std::string& refusal : refusals_) note(text("refused: ", refusal));
    throw DataError(text(refusals_.size(), " of ", command_.images.size(),
                         " photographs were refused, each named above; the other ", done_, " are done"));
  }

  EfficientNet& net_;
  const PredictCommand& command_;
  PhotographReader& reader_;
  std::vector<std::string> names_;
  Inference inference_;
  Mismatches mismatches_;
  std::unique_ptr<audit::PredictionAudit> audit_;
  PhotographRequest request_;
  std::string csv_ = csv_line({"image", "rank", "class", "name", "probability"});
  std::vector<std::string> refusals_;
  std::size_t done_ = 0;
};

void check(const PredictCommand& command) {
  if (command.images.empty() == command.tensor.empty()) throw UsageError("predict needs --images or --tensor, one of the two");
  if (!command.tensor.empty() && !command.classes.empty())
    throw UsageError("--classes names the classes of photographs; --tensor writes logits alone");
  check_audit_level(command.audit);
  if ((command.audit == "off") != command.audit_folder.empty())
    throw UsageError("--audit summary or full and --audit-folder, where the audit will be, go together; pass both");
  if (command.top < 1) throw UsageError(text("--top is ", command.top, ", expected at least 1"));
  if (command.output.empty()) {
    if (!command.tensor.empty()) throw UsageError("--tensor needs -o, the safetensors file that will hold `logits`");
    return;
  }
  std::vector<std::string> inputs = command.images;
  inputs.insert(inputs.end(), {command.tensor, command.classes});
  for (const std::filesystem::path& file : files_of_checkpoint(command.weights)) inputs.push_back(file.string());
  check_output(command.output, inputs);
}

}  // namespace

void run_predict(const PredictCommand& command) {
  check(command);
  // Before there are threads and weights: what decodes pictures is forked here.
  std::optional<PhotographReader> reader;
  if (command.tensor.empty()) reader.emplace(command.sandbox);
  EfficientNet net = load_checkpoint({command.weights, command.arch, command.from, command.ema, command.semantics});
  net.to(command.device.choose_for_prediction());
  if (reader) {
    PhotographPredictions(net, command, *reader).run();
  } else {
    predict_tensor(net, command);
  }
}

void add_predict(Command app, Chosen& chosen) {
  const auto command = std::make_shared<PredictCommand>();
  const auto sub = app.add_subcommand("predict", "classify photographs, or a tensor, with a checkpoint");
  sub.add_option("--weights", command->weights, "safetensors or .pth").required();
  add_checkpoint_options(sub, command->arch, command->from, command->semantics);
  add_ema(sub, command->ema);
  const auto images = sub.add_option("--images", command->images, "PNG or JPEG files");
  sub.add_option("--tensor", command->tensor, "safetensors file with `input`, [N, 3, H, W], already normalised")
      .excludes(images);
  sub.add_option("--top", command->top, "classes to show per image").capture_default_str();
  add_device_options(sub, command->device);
  const auto some = [](const std::string& name) {
    return name.empty() ? std::string("is empty; name a file, or leave it out") : std::string();
  };
  sub.add_option("--classes", command->classes, "text file with one class name a line").check(some);
  sub.add_flag("!--no-sandbox", command->sandbox,
               "decode photographs in this process: a fault of the decoder, met by a crafted file, would then have its rights");
  sub.add_option("-o,--output", command->output, "CSV (images) or safetensors with `logits` (tensor); - is standard output")
      .check(some);
  sub.add_option(
         "--audit", command->audit,
         "record what the network computed, for `vitrine audit`: off, summary (hashes, and an op in 32 in full) or full")
      .capture_default_str();
  sub.add_option("--audit-folder", command->audit_folder, "where the audit will be").check(some);
  sub.footer("Example: vitrine predict --weights efficientnet_lite0.pth --arch lite0 --images cat.png --top 5");
  sub.callback([=, &chosen] { chosen = [=] { run_predict(*command); }; });
}

}  // namespace vitrine::cli

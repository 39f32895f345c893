#include "audit/identity.h"

#include <fstream>

#include "audit/step_recorder.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "tensor/cuda/settings.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/tensor_hash.h"

namespace vitrine::audit {
namespace {

constexpr std::uint64_t kMostProgram = std::uint64_t{4} << 30, kMostText = std::uint64_t{16} << 20;

// "AMD EPYC", or "unknown" where the system does not tell.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");  // whose size is told as 0
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return printable(line.substr(colon + 2), 100);
  }
  return "unknown";
}

Json options_json(const TrainOptions& train) {
  RunOptions all;
  all.train = train;
  Json json = Json::object();
  for (const OptionRow& row : option_rows()) {
    const std::string_view group = row.group;
    if (group == "data" || group == "network" || group == "training" || group == "choice")
      json[row.name] = value_text(row, all);
  }
  return json;
}

// What every run.json begins with.
Json begun(Device device, const std::string& level) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["program"] = {
      {"name", "vitrine"}, {"version", version()}, {"sha256", sha256_of_this_program()}, {"compiler", __VERSION__}};
  json["machine"] = {{"processor", processor_name()},
                     {"instruction_set", isa_name(active_isa())},
                     {"device", device.is_cuda() ? device.is_gpu() ? "cuda" : "cuda-host" : "cpu"},
                     {"tier", device.is_cuda() ? cuda::text_of(cuda::settings().tier) : "portable"}};
  if (device.is_cuda() && cuda::settings().kernels != cuda::Kernels::fastest)
    json["machine"]["kernels"] = cuda::text_of(cuda::settings().kernels);
  json["level"] = level;
  json["shadows"] = has_bounds(device);
  return json;
}

// "fold_3" -> 3; -1 where the folder is named otherwise.
int number_of_fold(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  std::int64_t number = -1;
  if (name.starts_with("fold_")) parse_number(name.substr(5), number);
  return static_cast<int>(number);
}

// Its parameters or its running statistics, in network order.
std::vector<Tensor> values_of(EfficientNet& net, bool parameters) {
  std::vector<Tensor> values;
  net.visit([&](const NamedTensor& t) {
    if ((t.parameter != nullptr) == parameters) values.push_back(*t.value);
  });
  return values;
}

}  // namespace

std::string data_hash(const FoldData& data) {
  Sha256 sum;
  for (const Dataset* part : {&data.train, &data.inner, &data.validation, &data.test}) {
    for (const Sample& s : part->samples) sum.update(text(s.sample_id, " ", s.label, " ", s.sha256, "\n"));
    sum.update("--\n");
  }
  if (!data.whole.images.empty()) {
    for (const Sample& s : data.whole.samples) sum.update(text(s.sample_id, " ", s.label, " ", s.sha256, "\n"));
    sum.update("--\n");
  }
  return sum.hex();
}

std::string sha256_of_this_program() {
  static const std::string sum = sha256_of_file("/proc/self/exe", kMostProgram);
  return sum;
}

Hash128 hash_of_weights(EfficientNet& net) { return hash_in_order(values_of(net, true)); }
Hash128 hash_of_buffers(EfficientNet& net) { return hash_in_order(values_of(net, false)); }

std::filesystem::path audit_folder(const std::filesystem::path& fold_folder, bool refit) {
  std::filesystem::path name = fold_folder.filename();
  if (refit) name += "_refit";
  return fold_folder.parent_path() / "audit" / name;
}

std::string identity_text(const FoldStart& start) {
  Json json = begun(start.options.device, start.options.keeping.audit);
  json["fold"] = number_of_fold(start.folder);
  json["part"] = start.refit ? "whole" : "train";
  json["epochs"] = start.epochs;
  json["key"] = start.key;
  json["data_sha256"] = data_hash(start.data);
  // Of a fold that goes on the network has moved: what it began with is made again.
  EfficientNet net =
      start.steps == 0 ? start.net : starting_network(start.options, static_cast<int>(start.data.train.classes.size()));
  json["weights"] = hex(hash_of_weights(net));
  json["buffers"] = hex(hash_of_buffers(net));
  if (!start.options.weights.empty()) json["weights_file_sha256"] = sha256_of_file(start.options.weights, kMostProgram);
  json["options"] = options_json(start.options);
  return json_text(json);
}

std::string identity_text(const PredictionStart& start) {
  Json json = begun(start.net.device(), start.level);
  json["kind"] = "prediction";
  json["fold"] = -1;
  json["key"] = "";
  Sha256 data;
  for (const PredictionInput& input : start.inputs) data.update(text(input.file, " ", input.sha256, "\n"));
  json["data_sha256"] = data.hex();
  json["weights"] = hex(hash_of_weights(start.net));
  json["buffers"] = hex(hash_of_buffers(start.net));
  Json files = Json::array();
  for (const std::filesystem::path& file : start.weights_files)
    files.push_back({{"file", printable(file.filename().string())}, {"sha256", sha256_of_file(file, kMostProgram)}});
  json["weights_files"] = std::move(files);
  json["inputs"] = Json::array();
  for (const PredictionInput& input : start.inputs) json["inputs"].push_back({{"file", input.file}, {"sha256", input.sha256}});
  json["options"] = Json::object();
  for (const auto& [name, value] : start.options) json["options"][name] = value;
  return json_text(json);
}

Identity read_identity(const std::filesystem::path& file) {
  const std::string bytes = [&] {
    try {
      return read_file(file, kMostText);
    } catch (const FileError& error) {
      throw DataError(text(error.what(), "; it is no audit of a fold, or one that is only being begun"));
    }
  }();
  try {
    const Json json = parse_json(bytes);
    const std::int64_t format = integer_in(json, "format", 0, 1'000'000);
    if (format != kFormat)
      throw DataError(
          text(file, ": is of format ", format, ", this program reads format ", kFormat, "; use the program that wrote it"));
    Identity id;
    id.sha256 = sha256(bytes);
    id.level = text_in(json, "level");
    id.program = text_in(member(json, "program"), "sha256");
    id.key = text_in(json, "key");
    id.data = text_in(json, "data_sha256");
    id.weights = text_in(json, "weights");
    id.buffers = text_in(json, "buffers");
    id.fold = static_cast<int>(integer_in(json, "fold", -1, 1'000'000));
    id.is_prediction = json.contains("kind") && text_in(json, "kind") == "prediction";
    if (!id.is_prediction) {
      id.part = text_in(json, "part");
      if (id.part != "train" && id.part != "whole") throw std::runtime_error("'part' is neither train nor whole");
      id.epochs = static_cast<int>(integer_in(json, "epochs", 1, 1'000'000));
    }
    if (id.level != "summary" && id.level != "full") throw std::runtime_error("'level' is neither summary nor full");
    if (!member(json, "options").is_object()) throw std::runtime_error("'options' is no object");
    for (const auto& [name, value] : member(json, "options").items()) {
      if (!value.is_string()) throw std::runtime_error(text("option '", printable(name, 40), "' is no text"));
      id.options.emplace_back(name, value.get<std::string>());
    }
    return id;
  } catch (const std::runtime_error& error) {
    throw DataError(text(file, ": ", error.what(), "; it is no run.json of an audit"));
  }
}

RunOptions options_of(const Identity& identity) {
  if (identity.is_prediction)
    throw UsageError(
        "it is the audit of a prediction, which has no training steps to make again; predict once more with --audit full, and "
        "compare both with `vitrine audit bisect`");
  RunOptions options;
  for (const auto& [name, value] : identity.options) {
    const OptionRow* row = find_option(name);
    if (row == nullptr)
      throw DataError(text("the run was trained with the option '", printable(name, 40),
                           "', which this program does not have; use the program that trained it"));
    try {
      assign(*row, options, value, "run.json: ");
    } catch (const UsageError& error) {
      throw DataError(error.what());  // nobody typed it
    }
  }
  return options;
}

}  // namespace vitrine::audit

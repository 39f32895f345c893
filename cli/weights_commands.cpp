// `vitrine weights info | convert | diff | verify` and `vitrine export`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "base/number.h"
#include "base/output.h"
#include "base/standard_streams.h"
#include "cli/commands.h"
#include "nn/efficientnet/checkpoint.h"
#include "nn/efficientnet/first_conv.h"
#include "nn/efficientnet/onnx.h"
#include "weights/checkpoint_file.h"
#include "weights/safetensors.h"
#include "weights/statistics.h"

namespace vitrine::cli {
namespace {

struct OpenedFile {
  TensorFile file;
  std::uint64_t bytes = 0;
  std::string sha256, container;
  CheckpointIdentity is;
};

OpenedFile open(const std::string& path, bool ema) {
  OpenedFile o;
  o.file = read_checkpoint(path, weight_set(ema));
  note_reading(o.file, path);
  const ByteSource source = ByteSource::file(checkpoint_path(path));
  o.bytes = source.size();
  o.sha256 = source.sha256();
  o.container = container_name(container_of(source));
  o.is = identify(o.file);
  if (const std::string later = later_format(o.file); !later.empty()) note(text(shown(path), ": ", later));
  return o;
}

std::string family_text(const OpenedFile& o) {
  if (o.is.own) return "vitrine (timm's keys)";
  if (!o.is.family) return "unknown";
  return *o.is.family == Family::timm ? "timm or timm-tf (same keys)" : std::string(family_name(*o.is.family));
}

std::int64_t elements_of(const TensorFile& file) {
  std::int64_t count = 0;
  for (const StoredTensor& t : file.tensors) count += t.shape.elements();
  return count;
}

Json tensor_json(const StoredTensor& t) {
  const TensorStatistics s = statistics_of(t);
  std::vector<std::int64_t> shape;
  for (int axis = 0; axis < t.shape.rank(); ++axis) shape.push_back(t.shape[axis]);
  return {{"name", t.name},
          {"dtype", std::string(dtype_name(t.type))},
          {"shape", shape},
          {"min", s.min},
          {"max", s.max},
          {"mean", s.mean},
          {"sd", s.sd},
          {"zeros", s.zeros},
          {"non_finite", s.non_finite}};
}

// A value of the document, further in by so many spaces.
std::string indented(const Json& value, std::string_view by = {}) {
  std::string out = json_text(value);
  out.pop_back();  // the newline at the end
  if (by.empty()) return out;
  for (std::size_t at = out.find('\n'); at != std::string::npos; at = out.find('\n', at + 1)) out.insert(at + 1, by);
  return out;
}

// Item by item: a file may list 65,536 tensors, and as many keys of metadata.
void print_info_json(const std::string& path, const OpenedFile& o) {
  const Json head{{"file", path},
                  {"bytes", o.bytes},
                  {"sha256", o.sha256},
                  {"container", o.container},
                  {"family", family_text(o)},
                  {"arch", o.is.architecture},
                  {"classes", o.is.classes},
                  {"elements", elements_of(o.file)}};
  const std::string text_of_head = json_text(head);
  std::printf("%s,\n  \"metadata\": {", text_of_head.substr(0, text_of_head.rfind("\n}")).c_str());
  bool first = true;
  for (const auto& [key, value] : o.file.metadata) {
    std::printf("%s\n    %s: %s", first ? "" : ",", indented(key).c_str(), indented(value).c_str());
    first = false;
  }
  std::printf("%s},\n  \"tensors\": [", first ? "" : "\n  ");
  first = true;
  for (const StoredTensor& t : o.file.tensors) {
    std::printf("%s\n    %s", first ? "" : ",", indented(tensor_json(t), "    ").c_str());
    first = false;
  }
  std::printf("%s]\n}\n", first ? "" : "\n  ");
}

std::string four(double v) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4g", v);
  return digits;
}

void print_info(const std::string& path, const OpenedFile& o) {
  std::printf("file       %s\nbytes      %llu\nsha256     %s\ncontainer  %s\nfamily     %s\n", shown(path).c_str(),
              static_cast<unsigned long long>(o.bytes), o.sha256.c_str(), o.container.c_str(), family_text(o).c_str());
  if (o.is.architecture.empty()) {
    std::printf("fits       no EfficientNet exactly\n");
  } else {
    std::printf("fits       %s, %lld classes\n", o.is.architecture.c_str(), static_cast<long long>(o.is.classes));
  }
  std::printf("tensors    %zu, %lld elements\n", o.file.tensors.size(), static_cast<long long>(elements_of(o.file)));
  for (const auto& [key, value] : o.file.metadata)
    std::printf("metadata   %s = %s\n", printable(key).c_str(), printable(value).c_str());
  std::size_t width = 4;
  for (const StoredTensor& t : o.file.tensors) width = std::max(width, std::min<std::size_t>(t.name.size(), 64));
  const int w = static_cast<int>(width);
  std::printf("\n%-*s  %-5s %-18s %10s %10s %10s %10s  %s\n", w, "name", "dtype", "shape", "min", "max", "mean", "sd",
              "non-finite");
  for (const StoredTensor& t : o.file.tensors) {
    const TensorStatistics s = statistics_of(t);
    std::printf("%-*s  %-5s %-18s %10s %10s %10s %10s  %lld\n", w, printable(t.name).c_str(),
                std::string(dtype_name(t.type)).c_str(), t.shape.text().c_str(), four(s.min).c_str(), four(s.max).c_str(),
                four(s.mean).c_str(), four(s.sd).c_str(), static_cast<long long>(s.non_finite));
  }
}

std::vector<std::string> input_names(const CheckpointCommand& c) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : files_of_checkpoint(c.file)) names.push_back(file.string());
  return names;
}

// A file of Vitrine's own, with its checksums.
void write_own(const std::string& output, TensorFile file) { write_output(output, safetensors_bytes(sealed(std::move(file)))); }

// What the network that the target library builds would do differently with these weights; empty when nothing.
std::string semantic_conflict(const EfficientNet& net, Family to) {
  const Semantics theirs = published_semantics(to, net.arch);
  std::string conflict;
  if (padding_text(theirs) != padding_text(net.semantics))
    conflict += text("; it pads ", padding_text(theirs), ", the weights expect ", padding_text(net.semantics));
  if (theirs.bn_eps != net.semantics.bn_eps)
    conflict += text("; its batch-norm epsilon is ", theirs.bn_eps, ", the weights expect ", net.semantics.bn_eps);
  return conflict;
}

TensorFile renamed(EfficientNet& net, Family to, const std::map<std::string, std::string>& metadata) {
  if (net.concat_head)
    throw UsageError(
        text("the network has fast.ai's head, which ", family_name(to), " has no keys for; write safetensors or ONNX"));
  TensorFile file = to_tensor_file(net, metadata);
  const std::vector<ListedTensor> list = tensor_list(to, net.arch, net.classes, net.semantics.channels);
  for (std::size_t i = 0; i < file.tensors.size(); ++i) file.tensors[i].name = list[i].key;
  file.metadata["format"] = "pt";  // for other libraries' readers; Vitrine will ask for --from
  return file;
}

// Tensors by Vitrine's names where the file is an EfficientNet, by its own names otherwise.
std::map<std::string, const StoredTensor*> by_common_name(const OpenedFile& o) {
  std::unordered_map<std::string, std::string> names;
  if (!o.is.architecture.empty()) {
    for (const ListedTensor& t : tensor_list(*o.is.family, architecture(o.is.architecture), 1)) names.emplace(t.key, t.name);
  }
  std::map<std::string, const StoredTensor*> out;
  for (const StoredTensor& t : o.file.tensors) {
    if (is_counter(t.name)) continue;
    const auto found = names.find(t.name);
    out.emplace(found != names.end() ? found->second : t.name, &t);
  }
  return out;
}

// The digest that a published file carries in its name ("efficientnet_b0-3dd342df.pth"), empty without one.
std::string digest_in_name(const std::string& path) {
  const std::string stem = std::filesystem::path(path).stem().string();
  const std::size_t dash = stem.find_last_of("-_");
  const std::string digits = dash == std::string::npos ? std::string() : stem.substr(dash + 1);
  const bool hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hex && (digits.size() == 8 || digits.size() == 64) ? digits : std::string();
}

void check_digest(const WeightsVerifyCommand& c, const OpenedFile& o) {
  const std::string expected = c.sha256.empty() ? digest_in_name(c.file) : c.sha256;
  if (expected.find_first_not_of("0123456789abcdef") != std::string::npos || (!expected.empty() && expected.size() < 8)) {
    throw UsageError(text("--sha256 is '", expected, "'; 8 to 64 lower-case hexadecimal digits are expected"));
  }
  if (expected.empty()) {
    std::printf("sha256        %s (nothing to compare with; pass --sha256)\n", o.sha256.c_str());
    return;
  }
  if (!o.sha256.starts_with(expected)) {
    throw WeightsError(text(std::filesystem::path(c.file), ": its SHA-256 is ", o.sha256, ", expected ", expected,
                            "; the file is damaged or another one, fetch it again"));
  }
  std::printf("sha256        ok: begins with %s%s\n", expected.c_str(), c.sha256.empty() ? ", as the file's name says" : "");
}

void check_values(const WeightsVerifyCommand& c, const OpenedFile& o) {
  for (const StoredTensor& t : o.file.tensors) {
    const TensorStatistics s = statistics_of(t);
    const auto refuse = [&](const std::string& flaw) {
      throw WeightsError(text(std::filesystem::path(c.file), ": the tensor '", printable(t.name), "' ", flaw,
                              "; the file cannot be used for prediction"));
    };
    if (s.non_finite > 0) refuse(text("holds ", s.non_finite, " NaN or infinite values of ", s.count));
    const bool variance = t.name.ends_with("running_var") || t.name.ends_with("/moving_variance");
    if (variance && s.min < 0) refuse(text("holds the variance ", s.min, ", at least 0 is expected"));
    if (std::max(std::abs(s.min), std::abs(s.max)) > 1e6 && !is_counter(t.name))
      refuse(text("holds a value of ", s.min < -1e6 ? s.min : s.max, ", at most 1e6 is plausible"));
  }
  std::printf("values        ok: all finite, variances at least 0\n");
}

// Of a file of Vitrine's own, after every tensor was read: reading compares them.
void print_checksums(const OpenedFile& o) {
  if (is_sealed(o.file)) {
    std::printf("checksums     ok: header and %zu tensors\n", o.file.tensors.size());
  } else if (o.is.own) {
    std::printf("checksums     none: an older version wrote it; `vitrine weights convert` writes a copy that has them\n");
  }
}

}  // namespace

void run_weights_info(const WeightsInfoCommand& c) {
  const OpenedFile o = open(c.file, c.ema);
  if (c.json) {
    print_info_json(c.file, o);
  } else {
    print_info(c.file, o);
  }
}

void run_weights_convert(const WeightsConvertCommand& c) {
  const FirstConv rule = first_conv_from_name(c.first_conv);
  if ((c.channels == 0) != (rule == FirstConv::replicate))
    throw UsageError("--channels and --first-conv sum or extend go together; pass both or neither");
  check_output(c.output, input_names(c.checkpoint));
  EfficientNet net = load_checkpoint(c.checkpoint);
  adapt_channels(net, c.channels, rule);
  const ByteSource source = ByteSource::file(checkpoint_path(c.checkpoint.file));
  const std::map<std::string, std::string> origin{{"vitrine.source_sha256", source.sha256()}};
  if (c.to == "vitrine") {
    write_own(c.output, to_tensor_file(net, origin));
  } else {
    const auto family = family_from_name(c.to);
    if (!family || *family == Family::tensorflow)
      throw UsageError(text("--to is '", c.to, "'; choose vitrine, torchvision, timm, timm-tf or efficientnet-pytorch"));
    write_output(c.output, safetensors_bytes(renamed(net, *family, origin)));
    const std::string conflict = semantic_conflict(net, *family);
    if (!conflict.empty()) note(text(c.to, " builds another network for these keys", conflict, "; its logits will differ"));
  }
  if (is_standard_output(c.output)) return;
  std::printf("%s: %s with %lld classes, %s keys\n", shown(c.output).c_str(), net.arch.name.c_str(),
              static_cast<long long>(net.classes), c.to.c_str());
}

void run_weights_diff(const WeightsDiffCommand& c) {
  if (!(c.tolerance >= 0)) throw UsageError(text("--tolerance is ", c.tolerance, ", at least 0 is expected"));
  const OpenedFile a = open(c.a, c.ema), b = open(c.b, c.ema);
  const auto left = by_common_name(a), right = by_common_name(b);
  std::size_t different = 0, total = right.size();
  const auto row = [&](const std::string& name, const std::string& what) {
    ++different;
    std::printf("%-48s %s\n", printable(name).c_str(), what.c_str());
  };
  for (const auto& [name, x] : left) {
    const auto found = right.find(name);
    if (found == right.end()) {
      ++total;
      row(name, "only in the first file");
    } else if (!(x->shape == found->second->shape)) {
      row(name, text("shape ", x->shape.text(), " against ", found->second->shape.text()));
    } else if (const double d = largest_difference(*x, *found->second); d > c.tolerance) {
      row(name, text("largest difference ", d));
    }
  }
  for (const auto& [name, y] : right) {
    if (!left.contains(name)) row(name, "only in the second file");
  }
  if (different > 0) {
    throw Error(ExitCode::runtime, text(std::filesystem::path(c.a), " and ", std::filesystem::path(c.b), " differ in ",
                                        different, " of ", total, " tensors"));
  }
  std::printf("%zu tensors, no difference above %s\n", total, shortest(c.tolerance).c_str());
}

void run_weights_verify(const WeightsVerifyCommand& c) {
  const OpenedFile o = open(c.file, c.ema);
  std::printf("container     ok: %s, %zu tensors\n", o.container.c_str(), o.file.tensors.size());
  check_digest(c, o);
  if (!c.arch.empty() && !o.is.architecture.empty() && c.arch != o.is.architecture) {
    throw WeightsError(
        text(std::filesystem::path(c.file), ": it fits ", o.is.architecture, ", --arch says ", c.arch, "; leave --arch out"));
  }
  // Names what does not fit, the metadata of a file of Vitrine's own too. timm's keys are as good as timm-tf's here.
  const CheckpointFacts facts =
      checkpoint_facts(o.file, {.arch = c.arch, .from = o.is.family == Family::timm ? "timm" : "auto"}, shown(c.file));
  std::printf("architecture  ok: %s of %s\n", facts.architecture.name.c_str(), family_text(o).c_str());
  check_values(c, o);
  print_checksums(o);
}

namespace {

// A graph with such values would answer nan, in another program that may not say so.
void refuse_meaningless(EfficientNet& net, const std::string& file) {
  net.visit([&](const NamedTensor& t) {
    const bool is_variance = t.name.ends_with("running_var");
    for (const float v : t.value->host()) {
      const double least = is_variance ? -net.semantics.bn_eps : -INFINITY;
      if (std::isfinite(v) && static_cast<double>(v) > least) continue;
      throw NumericalError(text(std::filesystem::path(file), ": ", printable(t.name), " holds ", v,
                                is_variance ? ", a variance that cannot be" : ", no number",
                                ": the graph would answer nan; see `vitrine weights verify`"));
    }
  });
}

}  // namespace

void run_export(const ExportCommand& c) {
  if (c.format != "safetensors" && c.format != "onnx")
    throw UsageError(text("--format is '", c.format, "'; choose safetensors or onnx"));
  check_output(c.output, input_names(c.checkpoint));
  EfficientNet net = load_checkpoint(c.checkpoint);
  if (c.format == "onnx") {
    refuse_meaningless(net, c.checkpoint.file);
    write_output(c.output,
                 onnx_bytes(net, {.fold = !c.unfolded, .size = c.checkpoint.semantics.input_size, .any_size = c.any_size}));
  } else {
    write_own(c.output, to_tensor_file(net, {}));
  }
  if (is_standard_output(c.output)) return;
  std::printf("%s: %s with %lld classes\n", shown(c.output).c_str(), net.arch.name.c_str(),
              static_cast<long long>(net.classes));
}

}  // namespace vitrine::cli

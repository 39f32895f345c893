#include "audit/prediction_audit.h"

#include <algorithm>
#include <cmath>

#include "audit/manifest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace vitrine::audit {
namespace {

namespace fs = std::filesystem;

// The folder, once it is sure that nothing of another kind is replaced in it.
const fs::path& checked(const fs::path& folder) {
  const std::vector<fs::path> entries = entries_of(folder);
  if (entries.empty()) return folder;
  const std::string advice = "; name another folder, or delete that one";
  if (!path_exists(folder / "run.json"))
    throw UsageError(text("--audit-folder ", folder, " holds ", entries.front().filename(), " and no audit", advice));
  if (!read_identity(folder / "run.json").is_prediction)
    throw UsageError(text("--audit-folder ", folder, " holds the audit of a training", advice));
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    if (name != "run.json" && name != "steps.jsonl" && name != "trace.vtr" && name != "lineage.jsonl" &&
        name != "MANIFEST.json")
      throw UsageError(text("--audit-folder ", folder, " holds ", entry.filename(), ", which is no file of an audit", advice));
  }
  return folder;
}

// Rows first .. last - 1 of a tensor on the host.
Tensor rows_of(const Tensor& tensor, std::int64_t first, std::int64_t last) {
  const std::int64_t row = tensor.size() / tensor.shape()[0];
  std::vector<std::int64_t> sizes{last - first};
  for (int axis = 1; axis < tensor.shape().rank(); ++axis) sizes.push_back(tensor.shape()[axis]);
  return Tensor::from<float>(Shape(sizes), tensor.host().subspan(static_cast<std::size_t>(first * row),
                                                                 static_cast<std::size_t>((last - first) * row)));
}

std::string lines_of(std::uint64_t step, const Tensor& images, std::span<const PredictionInput> inputs) {
  const std::int64_t size = images.size() / images.shape()[0];
  std::string lines;
  for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
    const Hash128 input = hash_of_bytes(images.host().data() + static_cast<std::int64_t>(slot) * size,
                                        static_cast<std::size_t>(size) * sizeof(float));
    lines += text("{\"step\":", step, ",\"slot\":", slot, ",\"sample\":", Json(inputs[slot].file).dump(), ",\"sha256\":\"",
                  inputs[slot].sha256, "\",\"input\":\"", hex(input), "\"}\n");
  }
  return lines;
}

}  // namespace

PredictionAudit::PredictionAudit(const fs::path& folder, const PredictionStart& start)
    : folder_(checked(folder)),
      net_(start.net),
      files_(folder, identity_text(start), 0),
      recorder_(recording_of(start.level, start.net.device()),
                [this](const std::string& name) { return files_.name(name); }) {}

void PredictionAudit::predicted(const Tensor& images, const Tensor& logits, const std::vector<PredictionInput>& inputs) {
  const auto count = static_cast<std::int64_t>(inputs.size());
  for (std::int64_t first = 0; first < count; first += kMostImages) {
    const std::int64_t last = std::min(count, first + kMostImages);
    add_batch(rows_of(images, first, last), rows_of(logits, first, last),
              std::span(inputs).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
  }
}

void PredictionAudit::add_batch(const Tensor& images, const Tensor& logits, std::span<const PredictionInput> inputs) {
  StepLine line;
  line.step = steps_;
  line.in_epoch = static_cast<std::uint32_t>(steps_);
  line.first = static_cast<std::uint32_t>(images_);
  line.images = hash_of(images);
  line.logits = hash_of(logits);
  line.weights = hash_of_weights(net_);
  line.buffers = hash_of_buffers(net_);

  StepFacts facts;
  facts.number = static_cast<std::int64_t>(steps_);
  recorder_.begin(facts, net_);
  Tensor composed;
  {
    Tape tape;
    tape.observe(&recorder_);
    // The input is a leaf: ops on constants alone would not be recorded.
    const Variable input = tape.input(images.to(net_.device()));
    composed = net_.forward(input, {Mode::eval, &tape, {}, false}).tensor().to(Device::cpu());
  }
  recorder_.forget();
  std::vector<OpRecord> records = recorder_.take();
  records.push_back(folded_record(images, logits, composed, line));
  files_.add(line, records, lines_of(steps_, images, inputs));
  ++steps_;
  images_ += inputs.size();
}

OpRecord PredictionAudit::folded_record(const Tensor& images, const Tensor& folded, const Tensor& composed,
                                        const StepLine& line) {
  OpRecord r;
  r.step = steps_;
  r.flags = kOtherForm;
  r.node = files_.name("folded/logits");
  r.tensor = files_.name("logits");
  r.rank = 2;
  r.dims = {static_cast<std::uint32_t>(folded.shape()[0]), static_cast<std::uint32_t>(folded.shape()[1]), 0, 0};
  r.inputs = combined(combined(hash_of(images), line.weights), line.buffers);
  r.facts = facts_of(folded);
  r.samples = static_cast<std::uint32_t>(folded.size());
  const auto a = folded.host(), b = composed.host();
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (error <= r.worst_error) continue;
    r.worst_error = error;
    r.worst_element = i;
  }
  return r;
}

void PredictionAudit::finish() {
  files_.sync();
  write_manifest(folder_, {});
}

}  // namespace vitrine::audit

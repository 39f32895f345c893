// gallery [--fault N] [--steps S]: trains a small fold for S steps with an audit at level full and one of the faults switched on, and says as one
// line of JSON what the audit found: the first step with a record outside of its bound, and that record. With the audit of a sound program, nothing.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <optional>

#include "audit/fold_audit.h"
#include "audit/identity.h"
#include "audit/trace_file.h"
#include "base/error.h"
#include "base/json.h"
#include "base/output.h"
#include "tensor/isa.h"
#include "tensor/philox.h"
#include "tests/gallery/seeded_fault.h"
#include "train/trainer.h"

namespace vitrine {

int seeded_fault_active = 0;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 62;  // no whole vectors: loops have ends

// `counts[c]` images of class c, discs of another brightness in noise.
Dataset discs(const std::vector<int>& counts, std::uint32_t seed) {
  Dataset data;
  data.classes = {"NSCLC", "SCLC"};
  for (std::size_t c = 0; c < counts.size(); ++c) {
    for (int i = 0; i < counts[c]; ++i) {
      const Draw draw{.seed = seed, .sample = static_cast<std::uint32_t>(i), .op = static_cast<std::uint32_t>(c)};
      Tensor image = Tensor::uninitialized({kSide, kSide, 3});
      const auto values = image.mutable_host();
      for (std::size_t p = 0; p < values.size(); ++p) {
        const auto pixel = static_cast<double>(p / 3);
        const double y = std::floor(pixel / kSide) - 30, x = std::fmod(pixel, kSide) - 26;
        const double disc = x * x + 2 * y * y < 400 ? 0.3 + 0.4 * static_cast<double>(c) : 0.5;
        values[p] = static_cast<float>(disc + 0.2 * draw.uniform(static_cast<std::uint32_t>(p), -1, 1));
      }
      data.images.push_back(image);
      data.labels.push_back(static_cast<int>(c));
      const std::string id = text("s", seed, "-", c, "-", i);
      data.samples.push_back({id, id, 1, i, data.classes[c], "", "", 0, ""});
    }
  }
  return data;
}

TrainOptions gallery_options() {
  TrainOptions options;
  options.arch = "b0";
  options.epochs = 4;
  options.batch_size = 8;
  options.seed = 5;
  options.label_smoothing = 0.1;
  options.lr_scale = "stem=0.5";
  options.flip = "both";
  options.augment.max_warp = 0.1;
  options.optimizer.weight_decay = 0.1;
  options.keeping.audit = "full";
  return options;
}

struct Stopped {};

// Passes all on to an audit until so many steps are made.
class StopsAfter final : public StepWatch {
 public:
  StopsAfter(std::unique_ptr<StepWatch> inner, std::int64_t steps) : inner_(std::move(inner)), steps_(steps) {}
  TapeObserver* begin(const StepFacts& step, const Batch& batch, EfficientNet& net) override {
    if (step.number == steps_) {
      inner_->keep();
      throw Stopped();
    }
    return inner_->begin(step, batch, net);
  }
  void computed(double loss, const Tensor& logits) override { inner_->computed(loss, logits); }
  void before_update(EfficientNet& net, const Gradients& g, const Optimizer& o, const UpdateFacts& u) override {
    inner_->before_update(net, g, o, u);
  }
  void after_update(EfficientNet& net, const Optimizer& optimizer) override { inner_->after_update(net, optimizer); }

 private:
  std::unique_ptr<StepWatch> inner_;
  std::int64_t steps_;
};

struct Found {
  std::uint64_t records = 0, shadowed = 0, above = 0;
  std::optional<audit::OpRecord> first;
  std::string node, tensor;
};

Found found_in(const fs::path& folder) {
  Found found;
  audit::TraceReader trace(folder / "trace.vtr", audit::read_identity(folder / "run.json").sha256);
  audit::TraceBlock block;
  while (trace.next(block)) {
    for (const audit::OpRecord& r : block.records) {
      ++found.records;
      found.shadowed += r.has(audit::kShadowed) ? 1 : 0;
      if (r.above == 0) continue;
      ++found.above;
      if (found.first) continue;
      found.first = r, found.node = trace.name(r.node), found.tensor = trace.name(r.tensor);
    }
  }
  return found;
}

std::string line_of(const Found& found, const std::string& refusal) {
  Json line = {
      {"fault", seeded_fault_active}, {"records", found.records}, {"shadowed", found.shadowed}, {"above", found.above}};
  if (found.first) {
    line["step"] = found.first->step;
    line["by"] = text(audit::phase_name(found.first->phase), " ", found.node, " ", found.tensor);
    line["rho"] = text(found.first->worst_rho);
  }
  if (!refusal.empty()) line["refusal"] = refusal;
  return line.dump();
}

int run(std::int64_t steps) {
  set_active_isa(std::string_view(VITRINE_GALLERY_ISA) == "avx2" ? Isa::avx2 : Isa::scalar);
  TrainOptions options = gallery_options();
  options.keeping.watch_steps = [steps](const FoldStart& start) {
    return std::make_unique<StopsAfter>(audit::open_fold_audit(start), steps);
  };
  const fs::path folder = fs::temp_directory_path() / text("vitrine-gallery-", ::getpid());
  fs::remove_all(folder);
  fs::create_directories(folder);
  const FoldData data{discs({9, 5}, 1), discs({2, 2}, 2), discs({1, 1}, 3)};
  Progress progress(ProgressMode::none);
  std::string refusal;
  try {
    train_fold(data, options, folder / "fold_0", "key", "gallery", progress);
  } catch (const Stopped&) {
  } catch (const Error& error) {
    refusal = error.what();
  }
  const Found found = found_in(folder / "audit" / "fold_0");
  fs::remove_all(folder);
  std::cout << line_of(found, refusal) << "\n";
  return 0;
}

}  // namespace
}  // namespace vitrine

int main(int count, char** arguments) {
  std::int64_t steps = 2;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    (name == "--fault" ? vitrine::seeded_fault_active = std::atoi(arguments[i + 1]) : steps = std::atoi(arguments[i + 1]));
  }
  try {
    return vitrine::run(steps);
  } catch (const vitrine::Error& error) {
    std::cerr << "gallery: " << error.what() << "\n";
    return 1;
  }
}

#include "train/control_rows.h"

#include "base/error.h"
#include "train/option_table.h"

namespace vitrine {
namespace {

struct Choice {
  const char* option;
  std::vector<const char*> values;
};

const std::vector<Choice>& choices() {
  static const std::vector<Choice> all{{"schedule", {"one-cycle-v2", "one-cycle-v1", "flat", "cosine"}},
                                       {"head", {"linear", "concat-pool"}},
                                       {"oversample-by", {"repeats", "draws"}},
                                       {"no-oversample", {"false", "true"}},
                                       {"mixup-mode", {"sample", "batch"}},
                                       {"warp", {"0", "0.2"}},
                                       {"drop-connect", {"0.2", "0"}},
                                       {"weight-decay", {"0.01", "0"}},
                                       {"bn-momentum", {"0.1", "0"}},
                                       {"select", {"best", "last", "nested", "nested-refit"}},
                                       {"monitor", {"accuracy", "auc", "loss"}},
                                       {"tta", {"none", "horizontal"}}};
  return all;
}

void add_choices(const TrainOptions& run, std::vector<ControlRow>& rows) {
  RunOptions base;
  base.train = run;
  for (const Choice& choice : choices()) {
    const OptionRow& row = option_row(choice.option);
    const std::string own = value_text(row, base);
    const bool decides = std::string_view(choice.option) != "monitor" || run.select != "last";
    for (const char* value : choice.values) {
      RunOptions other = base;
      assign(row, other, value);
      if (!decides || value_text(row, other) == own) continue;
      rows.push_back(
          {"choices", text(choice.option, "-", value), text(choice.option, " ", value, " instead of ", own), other.train});
    }
  }
  if (run.weights.empty()) return;
  TrainOptions drawn = run;
  drawn.weights.clear();
  drawn.ema = false;
  rows.push_back({"choices", "weights-drawn", "weights drawn instead of loaded", drawn});
}

}  // namespace

std::vector<ControlRow> control_rows(const TrainOptions& run, int count) {
  if (count < 1 || count > 1000) throw UsageError(text("--seeds is ", count, ", expected 1 to 1000"));
  std::vector<ControlRow> rows;
  const auto with_seed = [&](int i) {
    TrainOptions o = run;
    o.seed = run.seed + static_cast<std::uint64_t>(i);
    return o;
  };
  for (int i = 1; i < count; ++i) {
    const TrainOptions o = with_seed(i);
    rows.push_back({"seeds", text("seed-", o.seed), text("seed ", o.seed), o});
  }
  const auto control = [&](const std::string& name, int i, const std::string& label, const std::string& what) {
    TrainOptions o = with_seed(i);
    o.control = name;
    rows.push_back({"controls", label, what, o});
  };
  for (int i = 0; i < count; ++i)
    control("permuted-labels", i, text("permuted-labels-", i + 1), text("labels of subjects dealt anew, ", i + 1));
  control("background", 0, "background", "the lesion's disc filled: only the corners of the crop are seen");
  if (run.inputs.find('+') != std::string::npos)
    control("swapped-channels", 0, "swapped-channels", "predicted with the channels moved on by one");
  add_choices(run, rows);
  return rows;
}

}  // namespace vitrine

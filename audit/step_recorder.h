// StepRecorder: makes records of what the ops of one training step computed (audit/record.h), as an observer of its tape.
//
// Which      full: every op, forward and backward, every parameter's gradient and update. Otherwise one in kOneIn of them, another one each step, so
//            that each is seen once in kOneIn steps.
// Samples    of every tensor that has a shadow (layers/shadow.h) elements, and of a checksum rows, drawn by their coordinates (seed; epoch, step, op), as
//            many as the budget of multiply-adds pays for; all of them where they are few.
// First      at full and above the fold's first step is looked at more closely: every block and norm backward, kFirstStep times the samples. What is
//            wrong in the sources is wrong in every step, and is found there.
// Rules      with the run's options and data also what no rounding touches and what lies outside of the tape: the batch (data_shadows.h), windows, eps
//            and drawn factors (step_rules.h), sums of gradients (gradient_flow.h), parameters and statistics after the step (update_rules.h). At
//            full a parameter is also held to the bits that the step before left.
// Neutral    it reads tensors and changes none. It holds them until before_update, when it lets go: a weight that is held cannot be updated.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/data_shadows.h"
#include "audit/gradient_flow.h"
#include "audit/record.h"
#include "audit/step_rules.h"
#include "audit/update_rules.h"
#include "autograd/observer.h"
#include "layers/seen_tape.h"
#include "train/step_watch.h"

namespace vitrine::audit {

inline constexpr std::uint32_t kOneIn = 32;
inline constexpr std::int64_t kRulesOneIn = 16;  // steps of level summary in which the training's rules are compared
inline constexpr std::int64_t kFirstStep = 8;

struct Recording {
  bool every_op = false;
  std::string only{};  // ops that are asked for (is_asked)
  bool shadows = true;
  std::int64_t budget = 8'000;           // multiply-adds for the samples of one tensor
  std::int64_t checksum_budget = 4'000;  // of those for the rows of a checksum
  std::int64_t most_terms = 1 << 18;     // an element that costs more is not computed again
  std::int64_t most_samples = 32;
  std::uint32_t blocks_in_turn =
      0;  // the backward pass of a whole block, which is computed again as a whole, of one in so many; 0: of none
  std::uint32_t norms_in_turn = 0;  // the same of a norm behind a convolution, whose sums over all rows are computed again
};
// Is this node meant by `asked`: the beginning of its name, or the op's own, as "conv2d" of "conv_stem/conv2d"? Empty: any.
bool is_asked(const std::string& node, const std::string& asked);
// Of gradients and moments one in so many is hashed at that level.
inline std::uint32_t sampled_at(std::string_view level) { return level == "summary" ? kOneIn : 1; }
// "summary", "full"; "forensic": every element of every op. Without shadows where there are no bounds.
Recording recording_of(const std::string& level, Device device);
// The bounds are those of the portable order of summation: a library in the run-to-run tier has another, and no shadow is held against it.
bool has_bounds(Device device);

// What a training's rules are asked with.
struct TrainingFacts {
  const TrainOptions& options;
  const Dataset& part;  // that is trained on
  int epochs = 0;       // of this training
};

class StepRecorder final : public TapeObserver {
 public:
  using NumberOfName = std::function<std::uint32_t(const std::string&)>;
  // Of a training. Its options and data outlive it.
  StepRecorder(const Recording& recording, const TrainingFacts& training, NumberOfName names);
  StepRecorder(const Recording& recording, NumberOfName names);  // of predictions: ops alone

  void begin(const StepFacts& step, const Batch& batch, EfficientNet& net);
  void begin(const StepFacts& step, EfficientNet& net);  // of predictions
  void forget() { tape_.forget(); }                      // its tensors are let go
  void recorded(const TapeEntry& entry, const Tensor& output) override;
  void after_backward(const TapeEntry& op, const Tensor& dy, std::span<const Tensor> gradients) override;
  void leaf_gradient(const TapeEntry& leaf, const Tensor& gradient) override;
  void before_update(EfficientNet& net, const Gradients& gradients, const Optimizer& optimizer, const UpdateFacts& update);
  void after_update(EfficientNet& net, const Optimizer& optimizer);

  std::vector<OpRecord> take();  // those of the step, in the order in which they were made

 private:
  bool is_chosen(const std::string& node);
  bool is_first() const { return recording_.every_op && step_.number == 0; }
  bool has_turn(const TapeEntry& op) const;
  std::string node_name(const TapeEntry& op);
  OpRecord begun(Phase phase, std::uint32_t op, const std::string& node, const std::string& tensor, const Tensor& value) const;
  void add_shadows(const std::vector<Shadow>& shadows, const OpRecord& like, const Tensor& whole, bool compares);
  void compare(const Shadow& shadow, OpRecord& record) const;
  void add_rule(Phase phase, const NamedShadow& rule);
  void add_gradient(Phase phase, std::uint32_t op, const std::string& node, int id, const Tensor& gradient);
  void check_parameter(const TapeEntry& leaf, const std::string& name, const Tensor& value);
  std::vector<std::string> parameters_of(const TapeEntry& op) const;
  Hash128 hash_of_inputs(const TapeEntry& op) const;

  Recording recording_;
  std::uint64_t seed_;
  NumberOfName names_;
  StepFacts step_;
  std::unordered_map<const Parameter*, std::string> parameters_;
  std::unordered_map<int, std::string> parameter_of_leaf_;  // of this tape
  std::unordered_map<int, std::string> node_names_;
  std::unordered_map<std::string, int> times_;  // that a name was given on this tape
  std::string place_;                           // in the network, of the op before
  SeenTape tape_;
  std::uint32_t candidates_ = 0;
  std::vector<OpRecord> records_;
  bool rules_now_ = false;           // of this step: the training's rules are compared
  std::optional<DataShadows> data_;  // these three of a training
  std::optional<StepRules> rules_;
  std::optional<UpdateRules> update_;
  GradientFlow flow_;
  std::vector<std::string> updated_;               // of this step, in network order
  std::unordered_map<std::string, Hash128> kept_;  // of parameters, as the step before left them
};

}  // namespace vitrine::audit

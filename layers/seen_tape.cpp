#include "layers/seen_tape.h"

#include "base/error.h"

namespace vitrine {
namespace {

class Saved final : public SavedVisitor {
 public:
  explicit Saved(SeenOp& op) : op_(op) {}

 private:
  void see(std::string_view name, const Tensor& tensor) override {
    op_.saved.emplace_back(std::string(name), tensor.to(Device::cpu()));
  }
  void see(std::string_view name, double number) override { op_.numbers.emplace_back(std::string(name), number); }

  SeenOp& op_;
};

}  // namespace

void SeenTape::recorded(const TapeEntry& entry, const Tensor& output) { outputs_.insert_or_assign(entry.id, output); }

Tensor SeenTape::output(int id) const {
  const auto found = outputs_.find(id);
  return found == outputs_.end() ? Tensor() : found->second;
}

SeenOp SeenTape::seen(const TapeEntry& entry) const {
  const Tensor y = output(entry.id);
  if (entry.node == nullptr || !y.defined())
    throw InternalError(text("value ", entry.id, " of the tape (", entry.name(), ") is no op that was recorded here"));
  SeenOp op;
  op.name = std::string(entry.name());
  for (const int id : entry.inputs) {
    const Tensor input = output(id);
    op.inputs.push_back(input.defined() ? input.to(Device::cpu()) : Tensor());
  }
  op.output = y.to(Device::cpu());
  Saved saved(op);
  entry.node->visit(saved);
  return op;
}

}  // namespace vitrine

#include "nn/modules/check_gradient.h"

namespace vitrine {
namespace {

// The tensors of a module as they are now, to be put back.
class Kept {
 public:
  explicit Kept(const std::vector<ModuleTensor>& tensors) : tensors_(tensors) {
    for (const ModuleTensor& t : tensors) values_.push_back(*t.value);
  }
  ~Kept() { put_back(); }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  void put_back() const {
    for (std::size_t i = 0; i < values_.size(); ++i) *tensors_[i].value = values_[i];
  }

 private:
  const std::vector<ModuleTensor>& tensors_;
  std::vector<Tensor> values_;
};

}  // namespace

GradientCheck check_gradient(const std::vector<ModuleTensor>& tensors, const std::function<Variable(Tape&)>& f,
                             const GradientCheckOptions& options) {
  const Kept kept(tensors);
  CheckedFunction checked;
  std::vector<const ModuleTensor*> parameters;
  for (const ModuleTensor& t : tensors) {
    if (t.parameter == nullptr) continue;
    parameters.push_back(&t);
    checked.names.push_back(t.name);
    checked.inputs.push_back(*t.value);
  }
  checked.output = [&](Tape& tape, const std::vector<Tensor>& values) {
    kept.put_back();
    for (std::size_t k = 0; k < values.size(); ++k) *parameters[k]->value = values[k];
    return f(tape);
  };
  checked.gradient = [&](const Gradients& gradients, std::size_t input) { return gradients.of(*parameters[input]->parameter); };
  return check_gradient(checked, options);
}

}  // namespace vitrine

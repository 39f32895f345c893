#include "nn/modules/optimizers.h"

#include <cmath>

#include "base/error.h"
#include "base/version.h"
#include "weights/safetensors.h"

namespace vitrine {

const OptimizerOptions& checked(const OptimizerOptions& options) {
  const auto expect = [](const char* name, double value, bool is_right, const char* range) {
    if (!is_right) throw UsageError(text("the optimiser's ", name, " is ", value, ", expected ", range));
  };
  const auto is_share = [](double value) { return value >= 0 && value < 1; };
  expect("beta1", options.beta1, is_share(options.beta1), "0 to below 1");
  expect("beta2", options.beta2, is_share(options.beta2), "0 to below 1");
  expect("momentum", options.momentum, is_share(options.momentum), "0 to below 1");
  expect("alpha", options.alpha, is_share(options.alpha), "0 to below 1");
  expect("eps", options.eps, options.eps >= 0 && std::isfinite(options.eps), "at least 0");
  expect("weight_decay", options.weight_decay, options.weight_decay >= 0 && std::isfinite(options.weight_decay), "at least 0");
  return options;
}

void ModuleOptimizer::step(const Gradients& gradients) {
  if (!(lr >= 0 && std::isfinite(lr)))
    throw UsageError(text("the optimiser's lr is ", lr, ", expected a finite number, at least 0"));
  const auto is_updated = [&](const ModuleTensor& t) { return t.parameter != nullptr && gradients.of(*t.parameter).defined(); };
  std::size_t parameters = 0, updated = 0;
  for (const ModuleTensor& t : tensors_) {  // all of them before one is updated: a refused step changes nothing
    parameters += t.parameter != nullptr ? 1 : 0;
    if (!is_updated(t)) continue;
    ++updated;
    if (!t.value->is_sole_owner())
      throw InternalError(text("the update of '", t.name,
                               "': a Variable or another tensor still holds it; let the variables of the step ",
                               "go out of scope first, or keep a clone()"));
  }
  if (parameters > 0 && updated == 0)
    throw UsageError(
        text("the optimiser's ", parameters, " parameters have no gradient, the first is '", tensors_.front().name,
             "'; it updates the module that it was made of, where that lay then: make it when the module has its place"));
  for (const ModuleTensor& t : tensors_) {
    if (is_updated(t)) optimizer_.step(t.name, *t.value, gradients.of(*t.parameter), lr);
  }
}

void ModuleOptimizer::save(const std::filesystem::path& path) const {
  TensorFile file;
  file.metadata["vitrine.version"] = std::string(version());
  for (const auto& [name, value] : optimizer_.state())
    file.tensors.push_back(StoredTensor::from(name, value.to(Device::cpu())));
  write_sealed_safetensors(path, std::move(file));
}

void ModuleOptimizer::load(const std::filesystem::path& path) {
  std::map<std::string, Shape> parameters;
  for (const ModuleTensor& t : tensors_) {
    if (t.parameter != nullptr) parameters.emplace(t.name, t.value->shape());
  }
  std::vector<std::pair<std::string, Tensor>> state;
  for (const StoredTensor& t : read_safetensors(path).tensors) state.emplace_back(t.name, t.to_float());
  try {
    optimizer_.restore(state, parameters);
  } catch (const DataError& error) {
    throw WeightsError(text(path, ": ", error.what()));
  }
}

}  // namespace vitrine

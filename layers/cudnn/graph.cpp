#include "layers/cudnn/graph.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include "base/error.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"
#include "tensor/storage.h"

namespace vitrine::cuda::cudnn {
namespace {

constexpr std::int64_t kMostEngines = 16;  // that are asked for
constexpr std::size_t kMostPlans =
    6;  // that are made and timed: cuDNN proposes the best first, and making one may take a second
constexpr std::int64_t kMostWorkspace = std::int64_t{64} << 20;

// Bytes that a plan may take: within --device-memory.
std::int64_t most_workspace() {
  const auto limit = static_cast<std::int64_t>(settings().memory_limit);
  return limit > 0 ? std::min(limit, kMostWorkspace) : kMostWorkspace;
}

struct Library {
  cudnnHandle_t handle = nullptr;
  void* workspace = nullptr;
};

Library& library(const std::string& what) {
  Library& l = of_current_gpu<Library>();
  if (l.handle != nullptr) return l;
  if (l.workspace == nullptr) l.workspace = allocate(current().index, static_cast<std::size_t>(most_workspace()));
  if (l.workspace == nullptr)
    throw DeviceMemoryError(text(current().text(), " is out of memory: there is no room for cuDNN's workspace of ",
                                 most_workspace() >> 20, " MiB"));
  cudnnHandle_t handle = nullptr;
  check(dnn().Create(&handle), "cudnnCreate", what);
  check(dnn().SetStream(handle, static_cast<cudaStream_t>(stream())), "cudnnSetStream", what);
  l.handle = handle;
  return l;
}

std::vector<cudnnBackendNumericalNote_t> notes_of(const Descriptor& engine) {
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  std::int64_t count = 0;
  check(dnn().BackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                  CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes.data()),
        "reading numerical notes", engine.what());
  notes.resize(std::min(notes.size(), static_cast<std::size_t>(count)));
  return notes;
}

bool is_allowed(const std::vector<cudnnBackendNumericalNote_t>& notes, bool has_products) {
  const auto has_one_of = [&](std::initializer_list<cudnnBackendNumericalNote_t> unwanted) {
    return std::ranges::any_of(unwanted, [&](auto note) { return std::ranges::find(notes, note) != notes.end(); });
  };
  if (has_one_of({CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC})) return false;
  if (settings().precision != Precision::fp32 || !has_products) return true;
  // Operands of fewer bits, and products of sums, whose errors are larger than a sum's of products.
  return !has_one_of({CUDNN_NUMERICAL_NOTE_TENSOR_CORE, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, CUDNN_NUMERICAL_NOTE_FFT,
                      CUDNN_NUMERICAL_NOTE_WINOGRAD});
}

std::string text_of_engine(const Descriptor& engine, const std::vector<cudnnBackendNumericalNote_t>& notes) {
  std::int64_t number = 0, count = 0;
  dnn().BackendGetAttribute(engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count, &number);
  std::string line = text("engine ", number, ", notes");
  for (const auto note : notes) line += text(" ", static_cast<int>(note));
  return line;
}

}  // namespace

void check(cudnnStatus_t status, const char* call, const std::string& what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw Error(ExitCode::runtime, text("cuDNN: ", call, " failed for ", what, ": ", dnn().GetErrorString(status)));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type, std::string what) : what_(std::move(what)) {
  cudnnBackendDescriptor_t made = nullptr;
  check(dnn().BackendCreateDescriptor(type, &made), "cudnnBackendCreateDescriptor", what_);
  handle_.reset(made);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                            const void* values) {
  check(dnn().BackendSetAttribute(get(), name, type, count, values), "cudnnBackendSetAttribute",
        text(what_, " (attribute ", static_cast<int>(name), ")"));
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values) {
  return set(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
  return set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, float value) { return set(name, CUDNN_TYPE_FLOAT, 1, &value); }

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, double value) { return set(name, CUDNN_TYPE_DOUBLE, 1, &value); }

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  cudnnBackendDescriptor_t handle = value.get();
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &handle);
}

Descriptor& Descriptor::finish() {
  check(try_finish(), "cudnnBackendFinalize", what_);
  return *this;
}

cudnnStatus_t Descriptor::try_finish() noexcept { return dnn().BackendFinalize(get()); }

namespace {

bool is_unsupported(cudnnStatus_t status) { return CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED; }

// Engine configurations that cuDNN proposes for a graph, at most kMostEngines; none for a graph that it does not support.
std::vector<Descriptor> configurations_of(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  const std::string& what = graph.what();
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, what);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (heuristics.try_finish() != CUDNN_STATUS_SUCCESS) return {};
  std::vector<Descriptor> configurations;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (std::int64_t i = 0; i < kMostEngines; ++i) {
    configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, what);
    handles.push_back(configurations.back().get());
  }
  std::int64_t count = 0;
  const cudnnStatus_t status = dnn().BackendGetAttribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                         CUDNN_TYPE_BACKEND_DESCRIPTOR, kMostEngines, &count, handles.data());
  if (is_unsupported(status)) return {};
  check(status, "asking for engines", what);
  configurations.erase(configurations.begin() + std::clamp(count, std::int64_t{0}, kMostEngines), configurations.end());
  return configurations;
}

// An engine's configuration that the settings allow.
struct Proposal {
  Descriptor configuration;
  std::string choice;
};

std::vector<Proposal> proposals_of(const Descriptor& graph, cudnnBackendHeurMode_t mode, bool has_products) {
  const std::string& what = graph.what();
  std::vector<Proposal> allowed;
  std::size_t index = 0;
  for (Descriptor& configuration : configurations_of(graph, mode)) {
    const std::size_t number = index++;
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR, what);
    cudnnBackendDescriptor_t handle = engine.get();
    std::int64_t found = 0;
    if (dnn().BackendGetAttribute(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &found,
                                  &handle) != CUDNN_STATUS_SUCCESS)
      continue;
    const auto notes = notes_of(engine);
    if (!is_allowed(notes, has_products)) continue;
    allowed.push_back({std::move(configuration), text(mode == CUDNN_HEUR_MODE_FALLBACK ? "fallback " : "", "plan ", number,
                                                      ", ", text_of_engine(engine, notes))});
  }
  return allowed;
}

// Nothing where this machine lacks what the engine takes.
std::optional<Plan> finished(const Proposal& proposal) {
  const std::string& what = proposal.configuration.what();
  Plan plan{Descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, what), 0, proposal.choice};
  plan.plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &library(what).handle)
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, proposal.configuration);
  if (plan.plan.try_finish() != CUDNN_STATUS_SUCCESS) return std::nullopt;
  std::int64_t found = 0;
  check(dnn().BackendGetAttribute(plan.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &found,
                                  &plan.workspace),
        "asking for the workspace", what);
  return plan.workspace <= most_workspace() ? std::optional(std::move(plan)) : std::nullopt;
}

// Nothing where cuDNN does not support the graph.
std::optional<Descriptor> graph_of(const std::vector<Descriptor>& operations) {
  const std::string& what = operations.front().what();
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor& operation : operations) handles.push_back(operation.get());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, what);
  graph
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(handles.size()),
           handles.data())
      .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &library(what).handle);
  const cudnnStatus_t status = graph.try_finish();
  if (is_unsupported(status)) return std::nullopt;
  check(status, "cudnnBackendFinalize", what);
  return graph;
}

constexpr std::array kModes = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};

}  // namespace

std::vector<Plan> plans_of(const std::vector<Descriptor>& operations, bool has_products) {
  std::vector<Plan> plans;
  const std::optional<Descriptor> graph = graph_of(operations);
  if (!graph) return plans;
  for (const cudnnBackendHeurMode_t mode : kModes) {
    for (const Proposal& proposal : proposals_of(*graph, mode, has_products)) {
      if (std::optional<Plan> plan = finished(proposal)) plans.push_back(std::move(*plan));
      if (plans.size() == kMostPlans) return plans;
    }
    if (!plans.empty()) break;
  }
  return plans;
}

std::optional<Plan> plan_of(const std::vector<Descriptor>& operations, bool has_products, const std::string& choice) {
  const std::optional<Descriptor> graph = graph_of(operations);
  if (!graph) return std::nullopt;
  for (const cudnnBackendHeurMode_t mode : kModes) {
    for (const Proposal& proposal : proposals_of(*graph, mode, has_products)) {
      if (proposal.choice == choice) return finished(proposal);
    }
  }
  return std::nullopt;
}

std::string why_refused(const std::vector<Descriptor>& operations, bool has_products) {
  const std::optional<Descriptor> graph = graph_of(operations);
  if (!graph) return "the graph is not supported";
  std::size_t proposed = 0, allowed = 0;
  for (const cudnnBackendHeurMode_t mode : kModes) {
    proposed += configurations_of(*graph, mode).size();
    for (const Proposal& proposal : proposals_of(*graph, mode, has_products)) {
      ++allowed;
      if (finished(proposal)) return "";
    }
  }
  if (proposed == 0) return "no engine is proposed";
  if (allowed == 0)
    return text("of ", proposed, " engines proposed none is deterministic",
                settings().precision == Precision::fp32 && has_products ? " and multiplies in float32" : "");
  return text("of ", proposed, " engines proposed ", allowed, " would do, and none runs here within ", most_workspace() >> 20,
              " MiB of workspace");
}

cudnnStatus_t try_run(const Plan& plan, const std::vector<std::int64_t>& ids, const std::vector<const void*>& memory) {
  const std::string& what = plan.plan.what();
  Library& l = library(what);
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, what);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(memory.size()), memory.data())
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &l.workspace)
      .finish();
  return dnn().BackendExecute(l.handle, plan.plan.get(), pack.get());
}

void run(const Plan& plan, const std::vector<std::int64_t>& ids, const std::vector<const void*>& memory) {
  check(try_run(plan, ids, memory), "cudnnBackendExecute", plan.plan.what());
}

}  // namespace vitrine::cuda::cudnn

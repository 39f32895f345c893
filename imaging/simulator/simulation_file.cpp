#include "imaging/simulator/simulation_file.h"

#include <stdexcept>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/simulator/lesion.h"
#include "imaging/simulator/oracle.h"
#include "imaging/simulator/subject_writer.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSimulation = "simulation.json";
constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;

// What a simulation was asked for: without what follows from it.
std::string asked_for(Json simulation) {
  for (const char* follows : {"oracle_auc", "oracle"}) simulation.erase(follows);
  return json_text(simulation);
}

bool is_same_simulation(const std::string& bytes, const Json& simulation) {
  try {
    return asked_for(parse_json(bytes)) == asked_for(simulation);
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

void claim(const fs::path& out, const Json& simulation, const std::vector<std::string>& names) {
  const std::string text_of = json_text(simulation);
  if (path_exists(out / kSimulation)) {
    const std::string found = as<DataError>([&] { return read_file(out / kSimulation, kMaxJson); });
    if (found == text_of) return;
    if (is_same_simulation(found, simulation)) return write_file(out / kSimulation, text_of);  // of an earlier version
    throw UsageError(text(out, " holds a simulation with other options; choose another folder or delete it"));
  }
  for (const std::string& name : names) {
    if (path_exists(out / name))
      throw UsageError(text(out / name, " is there, but no ", kSimulation, " of a simulation; choose another folder"));
  }
  write_file(out / kSimulation, text_of);
}

Json simulation_json(const SimulateOptions& options, const std::string& anatomy, const std::vector<PlannedPatient>& patients) {
  Json simulation = options_json(options, anatomy);
  for (const auto& [name, value] : options.asked.items()) simulation[name] = value;
  simulation["patients"] = options.patients;
  if (options.sclc > 0) simulation["sclc"] = options.sclc;
  simulation["oracle_auc"] = oracle_auc(options.seed, options.signal);
  simulation["oracle"] = oracle_json(options, patients);
  return simulation;
}

}  // namespace vitrine::imaging

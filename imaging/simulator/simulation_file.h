// simulation.json: what a folder's cohort was asked for, and what the best rule could tell of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/simulator/cohort_plan.h"

namespace vitrine::imaging {

Json simulation_json(const SimulateOptions& options, const std::string& anatomy, const std::vector<PlannedPatient>& patients);

// A folder belongs to the simulation that simulation.json describes; it is written first. What is there without it is somebody's own: UsageError for
// any of `names`, and for a simulation with other options.
void claim(const std::filesystem::path& out, const Json& simulation, const std::vector<std::string>& names);

}  // namespace vitrine::imaging

#include "tensor/cuda/candidates.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/number.h"
#include "tensor/cuda/plans.h"
#include "tensor/cuda/runtime.h"
#include "tensor/storage.h"

namespace vitrine::cuda {
namespace {

constexpr int kTimedCalls = 5, kTimedRounds = 4;

struct Choices {
  std::map<std::string, Kernels> of_name;
  std::vector<Choice> made;
};

// Nothing where the candidate cannot be had.
std::optional<double> microseconds_of(const Candidate& candidate) {
  try {
    if (!candidate.run()) return std::nullopt;
    double ms = HUGE_VAL;  // the least of a few rounds: a choice that is kept must not be one of noise
    const int calls = current().is_gpu() ? kTimedCalls : 1;
    for (int round = 0; round < kTimedRounds; ++round) {
      ms = std::min(ms, milliseconds(current(), [&] {
                      for (int i = 0; i < calls; ++i) candidate.run();
                    }));
    }
    return ms * 1000 / calls;
  } catch (const DeviceMemoryError&) {
    return std::nullopt;
  }
}

void add_notes_of_plans(const Candidate& candidate, TimedCandidate& timed) {
  if (!current().is_gpu()) return;
  for (const std::string& name : candidate.plans) {
    const std::optional<KeptPlan> kept = plan_store().find(name);
    if (!kept) continue;
    timed.workspace = std::max(timed.workspace, kept->workspace);
    if (!timed.notes.empty()) timed.notes += "; ";
    timed.notes += candidate.kernels == Kernels::cudnn ? kept->choice : kept->notes;
  }
}

std::string text_of(const std::vector<TimedCandidate>& timed) {
  std::string line;
  for (const TimedCandidate& t : timed) {
    line += text(line.empty() ? "" : ", ", text_of(t.kernels), " ", t.microseconds ? fixed(*t.microseconds, 1) + " us" : "-");
    if (t.workspace > 0) line += text(" (workspace ", t.workspace, ")");
  }
  return line;
}

// One of the candidates, by the name that is kept.
std::optional<Kernels> kept_choice(const std::optional<KeptPlan>& kept, const std::vector<Candidate>& candidates) {
  if (!kept) return std::nullopt;
  for (const Candidate& c : candidates) {
    if (text_of(c.kernels) == kept->choice) return c.kernels;
  }
  return std::nullopt;
}

Kernels chosen_by_time(const std::string& name, const std::vector<Candidate>& trials) {
  std::optional<KeptPlan> kept = plan_store().find(name);
  std::optional<Kernels> choice = kept_choice(kept, trials);
  if (!choice) {
    const std::vector<TimedCandidate> timed = time_candidates(trials);
    const auto best = std::ranges::min_element(timed, {}, [](const auto& t) { return t.microseconds.value_or(HUGE_VAL); });
    if (best == timed.end() || !best->microseconds)
      throw DeviceMemoryError(text(current().text(), " is out of memory: there is no room for any kernel of ", name));
    // What another process chose meanwhile stays chosen.
    kept = plan_store().keep(name, {text_of(best->kernels), best->workspace, text_of(timed), *best->microseconds});
    choice = kept_choice(kept, trials).value_or(best->kernels);
  }
  of_current_gpu<Choices>().made.push_back({name, text_of(*choice), kept->microseconds, kept->notes});
  return *choice;
}

}  // namespace

std::vector<TimedCandidate> time_candidates(const std::vector<Candidate>& candidates) {
  std::vector<TimedCandidate> all;
  for (const Candidate& candidate : candidates) {
    TimedCandidate timed{candidate.kernels, microseconds_of(candidate), 0, {}};
    if (timed.microseconds) add_notes_of_plans(candidate, timed);
    all.push_back(std::move(timed));
  }
  return all;
}

Kernels choice_of(const std::string& what, const std::vector<Candidate>& trials) {
  const Settings& s = settings();
  if (s.tier == Tier::portable) return Kernels::own;
  if (s.kernels != Kernels::fastest) return s.kernels;
  if (!current().is_gpu() || trials.size() == 1) return trials.front().kernels;
  const std::string name = text("kernels of ", what, " ", text_of(s.precision));
  auto& known = of_current_gpu<Choices>().of_name;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  if (is_capturing()) return trials.front().kernels;
  return known.emplace(name, chosen_by_time(name, trials)).first->second;
}

void run_candidates(Kernels chosen, const std::string& what, const std::vector<Candidate>& candidates) {
  for (const Candidate& c : candidates) {
    if (c.kernels == chosen && c.run()) return;
  }
  const bool is_free = settings().kernels == Kernels::fastest && settings().tier == Tier::run_to_run;
  for (const Candidate& c : candidates) {
    if (c.kernels != chosen && (is_free || c.kernels == Kernels::own) && c.run()) return;
  }
  throw InternalError(text("no kernel computes ", what));
}

void run_candidates(const std::string& what, const std::vector<Candidate>& candidates) {
  run_candidates(choice_of(what, candidates), what, candidates);
}

std::vector<Choice> choices() { return current().is_gpu() ? of_current_gpu<Choices>().made : std::vector<Choice>{}; }

std::vector<std::string> candidate_plans() {
  std::vector<std::string> lines;
  for (const Choice& c : choices()) lines.push_back(text(c.what, "  ", c.kernels, "  of ", c.candidates));
  return lines;
}

}  // namespace vitrine::cuda

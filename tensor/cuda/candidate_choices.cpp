#include "tensor/cuda/candidate_choices.h"

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

struct Choices {
  std::map<std::string, Kernels> of_name;
  std::vector<Choice> made;
};

std::string text_of(const std::vector<TimedCandidate>& timed) {
  std::string line;
  for (const TimedCandidate& t : timed) {
    line += text(line.empty() ? "" : ", ", text_of(t.kernels), " ", t.microseconds ? fixed(*t.microseconds, 1) + " us" : "-");
    if (t.workspace > 0) line += text(" (workspace ", t.workspace, ")");
  }
  return line;
}

// One of the candidates, by the name that is kept.
std::optional<Kernels> kernels_of(const std::optional<KeptPlan>& kept, const std::vector<Candidate>& candidates) {
  if (!kept) return std::nullopt;
  for (const Candidate& c : candidates) {
    if (text_of(c.kernels) == kept->choice) return c.kernels;
  }
  return std::nullopt;
}

Kernels chosen_by_time(const std::string& name, const std::vector<Candidate>& trials) {
  std::optional<KeptPlan> kept = plan_store().find(name);
  std::optional<Kernels> choice = kernels_of(kept, trials);
  if (!choice) {
    const std::optional<KeptPlan> unusable = kept;
    const std::vector<TimedCandidate> timed = time_candidates(trials);
    const auto best = std::ranges::min_element(timed, {}, [](const auto& t) { return t.microseconds.value_or(HUGE_VAL); });
    if (best == timed.end() || !best->microseconds)
      throw DeviceMemoryError(text(current().text(), " is out of memory: there is no room for any kernel of ", name));
    kept = {text_of(best->kernels), best->workspace, text_of(timed), *best->microseconds};
    choice = best->kernels;
    const KeptPlan now = plan_store().keep(name, *kept, unusable);
    if (const std::optional<Kernels> theirs = kernels_of(now, trials)) {  // another process chose meanwhile
      choice = theirs;
      kept = now;
    }
  }
  of_current_gpu<Choices>().made.push_back({name, text_of(*choice), kept->microseconds, kept->notes});
  return *choice;
}

}  // namespace

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

Kernels kept_choice(const std::string& name, const std::vector<Candidate>& trials) {
  auto& known = of_current_gpu<Choices>().of_name;
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  if (is_capturing()) return trials.front().kernels;
  return known.emplace(name, chosen_by_time(name, trials)).first->second;
}

std::vector<Choice> choices() { return current().is_gpu() ? of_current_gpu<Choices>().made : std::vector<Choice>{}; }

std::vector<std::string> candidate_plans() {
  std::vector<std::string> lines;
  for (const Choice& c : choices()) lines.push_back(text(c.what, "  ", c.kernels, "  of ", c.candidates));
  return lines;
}

}  // namespace vitrine::cuda

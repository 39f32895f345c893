#include "base/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "base/terminal.h"

namespace vitrine {
namespace {

constexpr std::size_t kMostBytes = 400;
constexpr std::chrono::milliseconds kBetweenSteps{100};  // of the steps that JSON tells

const std::vector<std::pair<std::string, ProgressMode>>& modes() {
  static const std::vector<std::pair<std::string, ProgressMode>> kModes{{"auto", ProgressMode::automatic},
                                                                        {"bar", ProgressMode::bar},
                                                                        {"plain", ProgressMode::plain},
                                                                        {"json", ProgressMode::json},
                                                                        {"none", ProgressMode::none}};
  return kModes;
}

Json json_of(std::string_view text, const ProgressFacts& facts) {
  Json out = Json::object();
  const auto put = [&out](const char* key, const auto& value) {
    if (value) out[key] = *value;
  };
  const auto put_number = [&out](const char* key, const std::optional<double>& value) {
    if (value && std::isfinite(*value)) out[key] = *value;
  };
  out["event"] = std::string(facts.event);
  out["text"] = std::string(text);
  if (!facts.inputs.empty()) out["inputs"] = printable(facts.inputs);
  put("fold", facts.fold);
  put("epoch", facts.epoch);
  put("epochs", facts.epochs);
  put("step", facts.step);
  put("steps", facts.steps);
  put("done", facts.done);
  put("total", facts.total);
  put_number("loss", facts.loss);
  put_number("validation_loss", facts.validation_loss);
  put_number("validation_accuracy", facts.validation_accuracy);
  put_number("images_per_second", facts.images_per_second);
  put_number("eta_seconds", facts.eta_seconds);
  return out;
}

}  // namespace

ProgressMode progress_mode_from_name(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, mode] : modes()) {
    if (known == name) return mode;
    names.push_back(known);
  }
  const std::string near = nearest_name(name, names);
  throw UsageError(text("--progress is '", printable(name, 40), "', expected auto, bar, plain, json or none",
                        near.empty() ? "" : text("; is it ", near, "?")));
}

Progress::Progress(ProgressMode mode) : mode_(mode), dumb_(is_dumb_terminal()), stage_began_(Clock::now()) {
  if (mode_ == ProgressMode::automatic) mode_ = is_terminal(STDERR_FILENO) && !dumb_ ? ProgressMode::bar : ProgressMode::plain;
}

Progress::~Progress() {
  if (drawn_columns_ > 0) std::fputc('\n', stderr);
}

// A window that was made narrower has broken the line into several.
void Progress::clear() {
  if (drawn_columns_ == 0) return;
  if (dumb_) {
    std::fputs(text("\r", std::string(drawn_columns_, ' '), "\r").c_str(), stderr);
  } else {
    const std::size_t rows = (drawn_columns_ - 1) / static_cast<std::size_t>(terminal_size(STDERR_FILENO).columns);
    std::fputs(rows == 0 ? "\r\033[K" : text("\r\033[", rows, "A\033[J").c_str(), stderr);
  }
  drawn_columns_ = 0;
}

void Progress::draw(const std::string& whole) {
  const auto columns = static_cast<std::size_t>(terminal_size(STDERR_FILENO).columns);
  const std::string shown = cut_to_columns(whole, columns - 1);  // the last column would begin another row
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
  drawn_columns_ = columns_of(shown);
}

void Progress::update(std::string_view text, const ProgressFacts& facts) {
  if (mode_ == ProgressMode::json) return put_json(text, facts);
  if (mode_ != ProgressMode::bar) return;
  const std::string shown = one_line(text, kMostBytes);
  const std::scoped_lock lock(mutex_);
  clear();
  draw(shown);
}

void Progress::line(std::string_view text, const ProgressFacts& facts) {
  if (mode_ == ProgressMode::json) return put_json(text, facts);
  if (mode_ != ProgressMode::none) put(text);
}

void Progress::warn(std::string_view text) {
  if (mode_ == ProgressMode::json) return put_json(text, {.event = "warning"});
  put(std::string("vitrine: note: ").append(text));
}

void Progress::put(std::string_view text) {
  const std::string shown = one_line(text, kMostBytes) + "\n";
  const std::scoped_lock lock(mutex_);
  clear();
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
}

// Steps may come by the thousand a second: they are told ten times in one.
void Progress::put_json(std::string_view text, ProgressFacts facts) {
  const std::scoped_lock lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (facts.event == "step" || facts.event == "refit-step") {
    if (now - last_step_ < kBetweenSteps) return;
    last_step_ = now;
  }
  if (facts.event == "stage") stage_began_ = now;
  if (facts.event == "item" && !facts.eta_seconds && facts.done.value_or(0) > 0 && facts.total) {
    const double each = std::chrono::duration<double>(now - stage_began_).count() / static_cast<double>(*facts.done);
    facts.eta_seconds = each * static_cast<double>(*facts.total - *facts.done);
  }
  const std::string shown = json_of(one_line(text, kMostBytes), facts).dump() + "\n";
  std::fwrite(shown.data(), 1, shown.size(), stderr);
  std::fflush(stderr);
}

}  // namespace vitrine

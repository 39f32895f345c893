// Progress on stderr, in one of four forms. Threads may share one.
//
//   bar    one line, redrawn in place, cut to the window, above which the lines that stay are printed
//   plain  the lines that stay, one each
//   json   one JSON object a line: `event`, `text` and whatever of ProgressFacts is known (docs/watching.md)
//   none   warnings alone
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace vitrine {

enum class ProgressMode { automatic, bar, plain, json, none };  // automatic: bar on a terminal that can redraw, plain elsewhere

// auto, bar, plain, json, none. UsageError naming the nearest.
ProgressMode progress_mode_from_name(const std::string& name);

// What a line says, for a reader that is a program. Each member that is set becomes a key of the JSON object of its name.
struct ProgressFacts {
  std::string_view event = "note";                                             // stage, item, step, epoch
  std::string_view inputs = {};                                                // of the run: "t1c+flair+t2"
  std::optional<std::int64_t> fold = {};                                       // from 0, as in the folder's name
  std::optional<std::int64_t> epoch = {}, epochs = {}, step = {}, steps = {};  // from 1
  std::optional<std::int64_t> done = {}, total = {};                           // items or stages
  std::optional<double> loss = {}, validation_loss = {}, validation_accuracy = {}, images_per_second = {}, eta_seconds = {};
};

class Progress {
 public:
  explicit Progress(bool quiet = false) : Progress(quiet ? ProgressMode::none : ProgressMode::automatic) {}
  explicit Progress(ProgressMode mode);
  ~Progress();  // ends a redrawn line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::string_view text, const ProgressFacts& facts = {});  // transient: replaces the redrawn line before it
  void line(std::string_view text, const ProgressFacts& facts = {});    // stays
  void warn(std::string_view text);  // stays, and is shown when the rest is quiet too: "vitrine: note: ..."

 private:
  using Clock = std::chrono::steady_clock;

  void clear();
  void draw(const std::string& text);
  void put(std::string_view text);
  void put_json(std::string_view text, ProgressFacts facts);

  std::mutex mutex_;
  ProgressMode mode_;
  bool dumb_ = false;              // the cursor can only go back to the beginning of its line
  std::size_t drawn_columns_ = 0;  // of the redrawn line; 0: there is none
  Clock::time_point stage_began_, last_step_;
};

}  // namespace vitrine

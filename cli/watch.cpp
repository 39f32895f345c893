// `vitrine watch`: a dashboard of a run in the terminal, from its files alone.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/standard_streams.h"
#include "base/terminal.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "train/watch/dashboard.h"

namespace vitrine::cli {
namespace {

struct WatchCommand {
  std::string run;
  double every = 1;  // seconds
  bool once = false, ascii = false;
};

constexpr char kEnter[] = "\033[?1049h\033[?25l";  // the terminal's second screen, without a cursor
constexpr char kLeave[] = "\033[?25h\033[?1049l";

// Only what a signal handler may do.
void put_now(const char* bytes, std::size_t count) {
  const ssize_t written = ::write(STDOUT_FILENO, bytes, count);
  static_cast<void>(written);
}

// Ctrl-Z: the shell gets its screen back until the program goes on.
void on_suspend(int) {
  put_now(kLeave, sizeof kLeave - 1);
  ::raise(SIGSTOP);
  put_now(kEnter, sizeof kEnter - 1);
}

// The second screen as long as it lives.
class WholeScreen {
 public:
  WholeScreen() {
    struct sigaction action {};
    action.sa_handler = on_suspend;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGTSTP, &action, &before_);
    put_now(kEnter, sizeof kEnter - 1);
  }
  ~WholeScreen() {
    put_now(kLeave, sizeof kLeave - 1);
    ::sigaction(SIGTSTP, &before_, nullptr);
  }
  WholeScreen(const WholeScreen&) = delete;
  WholeScreen& operator=(const WholeScreen&) = delete;

  // Line by line over what was there, so that nothing flickers.
  void draw(const std::vector<std::string>& lines) {
    std::string out = "\033[H";
    for (std::size_t i = 0; i < lines.size(); ++i) out += (i > 0 ? "\r\n" : "") + lines[i] + "\033[K";
    write_standard_output(out + "\033[J");
  }

 private:
  struct sigaction before_ {};
};

FrameOptions frame_options(const WatchCommand& command, bool whole_screen) {
  const TerminalSize size = terminal_size(STDOUT_FILENO);
  FrameOptions o;
  o.columns = static_cast<std::size_t>(size.columns);
  o.rows = whole_screen ? static_cast<std::size_t>(size.rows) : 0;
  o.utf8 = !command.ascii && environment_says_utf8();
  o.colour = is_terminal(STDOUT_FILENO) && wants_colour();
  return o;
}

void print(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  write_standard_output(out);
}

// Until the time has passed, a signal came, or the window changed.
void wait(double seconds) {
  constexpr double kSlice = 0.1;
  const TerminalSize before = terminal_size(STDOUT_FILENO);
  for (double left = seconds; left > 0 && !interrupt_requested(); left -= kSlice) {
    ::poll(nullptr, 0, static_cast<int>(1000 * std::min(left, kSlice)));
    const TerminalSize now = terminal_size(STDOUT_FILENO);
    if (now.columns != before.columns || now.rows != before.rows) return;
  }
}

// The last view: of a run that is finished, or before a signal came.
WatchView watch_on_screen(const WatchCommand& command, RunReader& reader) {
  WatchView view = reader.read();  // before the screen changes: it may refuse
  WholeScreen screen;
  while (view.state != WorkState::finished && !interrupt_requested()) {
    screen.draw(dashboard(view, frame_options(command, true)));
    wait(command.every);
    if (interrupt_requested()) break;
    view = reader.read();
  }
  return view;
}

void look(const WatchCommand& command) {
  RunReader reader(command.run);
  const bool whole_screen = !command.once && is_terminal(STDOUT_FILENO) && !is_dumb_terminal();
  const WatchView view = whole_screen ? watch_on_screen(command, reader) : reader.read();
  print(dashboard(view, frame_options(command, false)));
  check_interrupt();
}

void run_watch(const WatchCommand& command) {
  try {
    look(command);
  } catch (const Interrupted& stop) {
    throw Interrupted("watching was stopped; the run was not touched", static_cast<int>(stop.code()) - 128);
  }
}

}  // namespace

void add_watch(Command app, Chosen& chosen) {
  const auto watch = std::make_shared<WatchCommand>();
  const auto w = app.add_subcommand("watch", "a dashboard in the terminal of a run, a study or a fold, from its files alone");
  w.add_option("run", watch->run, "folder of a run, of a study, or of a fold in a run").required();
  w.add_option("--every", watch->every, "seconds between two looks").range(0.1, 3600.0).capture_default_str();
  w.add_flag("--once", watch->once, "print one frame and end; so it is where standard output is no terminal");
  w.add_flag("--ascii", watch->ascii, "no blocks, no Braille; so it is where the locale is not UTF-8");
  w.footer("Ends when the run is finished, or by Ctrl-C, which the run does not notice.\nExample: vitrine watch runs/all");
  w.callback([=, &chosen] { chosen = [=] { run_watch(*watch); }; });
}

}  // namespace vitrine::cli

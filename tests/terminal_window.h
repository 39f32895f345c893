// A program in a terminal window of its own, for the tests of what is drawn there.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace vitrine::testing {

class TerminalWindow {
 public:
  // `work` runs in a child whose three standard streams are the window; the child ends when it returns.
  TerminalWindow(int columns, int rows, const std::function<void()>& work) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    child_ = ::forkpty(&master_, nullptr, nullptr, &size);
    if (child_ != 0) return;
    work();
    std::fflush(nullptr);
    ::_exit(0);
  }
  // The same with a program: words, and environment variables to set.
  TerminalWindow(int columns, int rows, std::vector<std::string> words,
                 const std::vector<std::pair<std::string, std::string>>& environment)
      : TerminalWindow(columns, rows, [&] {
          for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
          std::vector<char*> argv;
          for (std::string& word : words) argv.push_back(word.data());
          argv.push_back(nullptr);
          ::execv(argv.front(), argv.data());
          ::_exit(127);
        }) {}
  TerminalWindow(const TerminalWindow&) = delete;
  TerminalWindow& operator=(const TerminalWindow&) = delete;
  ~TerminalWindow() {
    if (child_ > 0 && !ended_) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(master_);
  }

  // Reads what is drawn until it holds `what`; false when the program ends, or `seconds` pass, before.
  bool shows(const std::string& what, double seconds = 60) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (output_.find(what) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end || !read_some()) return output_.find(what) != std::string::npos;
    }
    return true;
  }
  // Reads to the end; the exit code, or 1000 and the signal's number.
  int ends() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

  // Waits until the program has stopped, as by Ctrl-Z: a SIGCONT before that would be lost. False when it ended instead.
  bool stops() {
    int status = 0;
    if (::waitpid(child_, &status, WUNTRACED) != child_) return false;
    ended_ = !WIFSTOPPED(status);
    return !ended_;
  }

  void type(const std::string& keys) {
    const ssize_t written = ::write(master_, keys.data(), keys.size());
    static_cast<void>(written);
  }
  void resize(int columns, int rows) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  void signal(int number) { ::kill(child_, number); }
  const std::string& output() const { return output_; }
  void forget() { output_.clear(); }

 private:
  bool read_some() {
    pollfd wanted{master_, POLLIN, 0};
    if (::poll(&wanted, 1, 100) == 0) return true;
    char bytes[4096];
    const ssize_t n = ::read(master_, bytes, sizeof bytes);
    if (n <= 0) return false;  // the other end is closed
    output_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  pid_t child_ = -1;
  int master_ = -1;
  bool ended_ = false;
  std::string output_;
};

}  // namespace vitrine::testing

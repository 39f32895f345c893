// What is worth saying about a subject whose preparation goes on: shown in the log, kept in its record and on the page of quality control.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vitrine::imaging {

struct Note {
  bool warning = false;  // something is probably wrong; otherwise: something was decided
  std::string text;      // one sentence, without the subject's name
  bool operator==(const Note&) const = default;
};
using Notes = std::vector<Note>;

inline void note(Notes& notes, std::string text) { notes.push_back({false, std::move(text)}); }
inline void warn(Notes& notes, std::string text) { notes.push_back({true, std::move(text)}); }

}  // namespace vitrine::imaging

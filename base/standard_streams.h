// Standard input, output and error: open from the start, and checked at the end.
#pragma once

#include <string_view>

namespace vitrine {

// Called by main first. A program may be started with some of the three closed; the next file that it opened would take the number, and
// messages would land in it. A closed one is opened so that writing to it fails.
void open_standard_streams();

// Bytes for standard output as they are, in order with what was printed before. FileError when they cannot be written.
void write_standard_output(std::string_view bytes);

// Everything printed has been taken by whatever reads it, or FileError: a full disk and a closed pipe are told, not passed over.
void finish_standard_output();

// One line on standard error, made safe to show: "vitrine: note: ...".
void note(std::string_view message);

}  // namespace vitrine

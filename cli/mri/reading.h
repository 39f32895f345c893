// Options that every command shares which reads volumes.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/command.h"
#include "imaging/formats/volume_file.h"

namespace vitrine::cli {

inline void add_reading_options(Command command, imaging::ReadOptions& options) {
  using Form = imaging::ReadOptions::Form;
  command.add_option("--series", options.series,
                     "of a DICOM folder: the series' number in the list of 'mri info', or the beginning of its UID");
  command.add_option("--assume-orientation", options.assume_orientation,
                     "where the axes of a file without an orientation grow to, e.g. RAS; such a file is refused otherwise");
  command
      .add_option_function(
          "--prefer",
          [&options](const std::string& form) {
            if (form != "sform" && form != "qform")
              throw UsageError(text("--prefer is '", printable(form, 40), "', expected sform or qform"));
            options.prefer = form == "sform" ? Form::sform : Form::qform;
          },
          "which form of a NIfTI header counts where both are there and conflict")
      .option_text("sform|qform");
}

}  // namespace vitrine::cli

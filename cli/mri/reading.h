// Options that every command shares which reads volumes.
#pragma once

#include <CLI/CLI.hpp>
#include <map>

#include "imaging/formats/volume_file.h"

namespace vitrine::cli {

inline void add_reading_options(CLI::App& command, imaging::ReadOptions& options) {
  using Form = imaging::ReadOptions::Form;
  command.add_option("--series", options.series,
                     "of a DICOM folder: the series' number in the list of 'mri info', or the beginning of its UID");
  command.add_option("--assume-orientation", options.assume_orientation,
                     "where the axes of a file without an orientation grow to, e.g. RAS; such a file is refused otherwise");
  command
      .add_option("--prefer", options.prefer,
                  "which form of a NIfTI header counts where both are there and conflict: sform or qform")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Form>{{"sform", Form::sform}, {"qform", Form::qform}}));
}

}  // namespace vitrine::cli

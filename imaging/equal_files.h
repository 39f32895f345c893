// Files that are one file, or copies of one, in two places of a cohort: one of the two is the wrong file, and nobody can say which.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "imaging/cohort.h"

namespace vitrine::imaging {

using ColumnHashes = std::map<std::string, std::string>;  // column to SHA-256

// Of the bytes of each of the subject's files. DataError when one cannot be read; Interrupted.
ColumnHashes file_hashes(const Subject& subject);

// One place of several that hold the same; `what` is the sentence, with the first of the other places.
struct EqualFile {
  std::size_t subject = 0;  // its place in the table
  std::string column, what;
};

// Every place of a file that occurs twice, in the order of the table. `hashes` are those of the files' bytes or voxels; a subject without any
// takes no part. `what` they are of, for the message: "bytes" or "voxels".
std::vector<EqualFile> equal_files(const std::vector<Subject>& subjects, const std::vector<ColumnHashes>& hashes,
                                   const std::string& what);

// For each subject the first of its sentences, why it is refused; empty where no file of it occurs twice.
std::vector<std::string> equal_file_flaws(const std::vector<Subject>& subjects, const std::vector<ColumnHashes>& hashes,
                                          const std::string& what);

}  // namespace vitrine::imaging

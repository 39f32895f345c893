// Files that may be gzip, read and written in pieces: memory does not grow with what they hold or announce.
//
// Members    a gzip file is one member or several behind each other (bgzip, pigz, `cat a.gz b.gz`); all are read as one stream, and the
//            CRC and the length of each are compared
// zlib       the same for a stream of RFC 1950, as MetaImage holds it: one stream, with its Adler-32
// Behind     zero bytes behind the last member are passed over, as gzip does (blocks of tapes are padded so); anything else is refused
// Reference  RFC 1952 (sections 2.2 and 2.3.1)
#pragma once

#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::imaging {

enum class Compression { by_content, none, gzip, zlib };

// The bytes of a file from `offset` on, inflated: by content when they begin as gzip does, whatever the name of the file.
class InflatingFile {
 public:
  // DataError when the file cannot be read, is larger than `max_bytes`, or is not compressed as it should.
  InflatingFile(const std::filesystem::path& path, std::uint64_t max_bytes, std::uint64_t offset = 0,
                Compression compression = Compression::by_content);

  // Fills `out`; fewer bytes only at the end of the stream. DataError for a stream that is cut or damaged, or has other bytes behind it;
  // Interrupted.
  std::size_t read(std::span<char> out);

  std::uint64_t file_bytes() const { return file_.size(); }
  bool is_compressed() const { return gzip_ || zlib_; }
  // More than this cannot come out: deflate makes at most 1032 bytes of one.
  std::uint64_t most_bytes() const { return is_compressed() ? 1032 * file_.size() : file_.size(); }
  std::string sha256();  // of the file's own bytes; call once, when everything was read

 private:
  struct Inflater {
    z_stream stream{};
    ~Inflater() { inflateEnd(&stream); }
  };

  bool fill();         // false when no byte of the file is left
  bool next_member();  // false at the end of the stream
  std::size_t inflate_some(std::span<char> out);
  [[noreturn]] void refuse(const std::string& what) const;
  std::string member_name() const;

  std::filesystem::path path_;
  InputFile file_;
  std::string piece_;         // of the file
  std::string_view left_;     // of the piece
  std::uint64_t offset_ = 0;  // of the file's byte behind the piece
  Sha256 digest_;
  Inflater inflater_;
  bool gzip_ = false, zlib_ = false;
  bool inside_ = false;  // a member
  int member_ = 0;
  std::uint64_t member_bytes_ = 0;  // inflated so far
};

// Writes a file that is deflated when its name ends in .gz. The bytes depend on what is written alone: no time, no name.
class DeflatingFile {
 public:
  explicit DeflatingFile(const std::filesystem::path& path);  // FileError, as for OutputFile
  void write(std::string_view bytes);
  void commit();  // call once

 private:
  struct Deflater {
    z_stream stream{};
    ~Deflater() { deflateEnd(&stream); }
  };
  void deflate_all(int flush);

  OutputFile file_;
  bool gzip_;
  Deflater deflater_;
  std::string buffer_;
};

}  // namespace vitrine::imaging

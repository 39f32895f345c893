// Hostile checkpoints through the program: exit code 4, one sentence that names the file, bounded memory and time.
//
// The rows are those of the bad-input catalogue: S1 to S15 safetensors, P1 to P15 PyTorch files. What each refusal says in detail
// is tested beside the readers (tests/weights); S12 is in weights_test.cpp, S13 there and in cli_test.cpp, S15 in
// byte_source_test.cpp, P15 (truncation at every byte) in checkpoint_golden_test.cpp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/file.h"
#include "base/output.h"
#include "tests/cli/program.h"
#include "tests/weights/torch_bytes.h"

namespace vitrine::testing {
namespace {

struct Measured {
  int code = -1;
  std::string errors;
  long peak_kib = 0;
  double seconds = 0;
};

// The arguments of a command before the file's name; what it would write goes into `folder`.
std::vector<std::string> command(const std::string& name, const fs::path& folder) {
  const std::string out = (folder / "out").string();
  if (name == "predict") return {"predict", "--from", "timm", "--images", (folder / "none.png").string(), "--weights"};
  if (name == "export") return {"export", "--from", "timm", "-o", out, "--weights"};
  if (name == "convert") return {"weights", "convert", "--from", "timm", "-o", out};
  return {"weights", name};
}

Measured measured(const fs::path& file, const fs::path& folder, const std::string& name = "info") {
  const std::string errors = (folder / "errors").string();
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY), log = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(null, 1);
    ::dup2(log, 2);
    std::vector<std::string> words = command(name, folder);
    words.insert(words.begin(), "vitrine");
    words.push_back(file.string());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(VITRINE_PROGRAM, arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  Measured run;
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  run.errors = read_file(errors, 1u << 20);
  run.peak_kib = usage.ru_maxrss;
  return run;
}

struct Hostile {
  std::string row, bytes, part;
};

std::string header(const std::string& json, const std::string& data = "") {
  return little_endian(json.size(), 8) + json + data;
}
std::string tensor(const std::string& shape, const std::string& offsets, const std::string& dtype = "F32") {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
std::string one(const std::string& entry, const std::string& data = "1234") { return header("{\"a\":" + entry + "}", data); }

std::string many(int count) {
  std::string json = "{";
  for (int i = 0; i < count; ++i) json += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + "\":" + tensor("[0]", "[0,0]");
  return header(json + "}");
}

std::vector<Hostile> safetensors_rows() {
  const std::string good = tensor("[1]", "[0,4]");
  return {{"S1 empty", "", "empty"},
          {"S1 short", "1234567", "7 bytes"},
          {"S2 zero", little_endian(0, 8) + "{}", "header of 0 bytes"},
          {"S2 one", little_endian(1, 8) + "{}", "header of 1 bytes"},
          {"S2 limit", little_endian(100'000'001, 8) + "{}", "100000001"},
          {"S2 beyond the file", little_endian(1000, 8) + "{}", "the file has only 2"},
          {"S2 2^63", little_endian(std::uint64_t{1} << 63, 8) + "{}", "9223372036854775808"},
          {"S2 2^64-1", little_endian(~std::uint64_t{0}, 8) + "{}", "18446744073709551615"},
          {"S3 leading space", header(" {}"), "starts with '{'"},
          {"S3 trailing newline", header("{}\n"), "without '}'"},
          {"S4 invalid UTF-8", header("{\"\xff\":" + good + "}", "1234"), "JSON"},
          {"S4 lone surrogate", header(R"({"\ud800":)" + good + "}", "1234"), "JSON"},
          {"S4 NUL", header(R"({"a\u0000":)" + good + "}", "1234"), "control character"},
          {"S4 BOM", header("\xef\xbb\xbf{}"), "starts with '{'"},
          {"S5 duplicate", header("{\"a\":" + good + ",\"\\u0061\":" + good + "}", "1234"), "duplicate key 'a'"},
          {"S5 duplicate field", one(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "duplicate"},
          {"S5 duplicate metadata", header(R"({"__metadata__":{},"__metadata__":{}})"), "duplicate"},
          {"S6 depth", header("{\"a\":" + std::string(100'000, '[') + "}"), "list"},
          {"S6 keys", many(70'000), "65536"},
          {"S6 name", header("{\"" + std::string(600, 'x') + "\":" + good + "}", "1234"), "longer than 512"},
          {"S7 negative", one(tensor("[-1]", "[0,4]")), "-1"},
          {"S7 real", one(tensor("[1.0]", "[0,4]")), "1.0"},
          {"S7 exponent", one(tensor("[1e0]", "[0,4]")), "1e0"},
          {"S7 hexadecimal", one(tensor("[0x1]", "[0,4]")), "JSON"},
          {"S7 2^64", one(tensor("[18446744073709551616]", "[0,4]")), "18446744073709551616"},
          {"S7 leading zero", one(tensor("[01]", "[0,4]")), "JSON"},
          {"S8 reversed", one(tensor("[1]", "[4,0]")), "end before"},
          {"S8 hole", one(tensor("[1]", "[1,5]"), "12345"), "begin at 1"},
          {"S8 overlap", header("{\"a\":" + good + ",\"b\":" + tensor("[1]", "[2,6]") + "}", "123456"), "inside"},
          {"S8 tail", one(good, "1234tail"), "nothing may follow"},
          {"S9 overflow", one(tensor("[4294967296,4294967296]", "[0,4]")), "64 bits"},
          {"S9 rank", one(tensor("[1,1,1,1,1,1,1,1,1]", "[0,4]")), "8 axes"},
          {"S10 size", one(tensor("[2]", "[0,4]")), "needs 8"},
          {"S10 dtype", one(tensor("[4]", "[0,4]", "F8_E4M3")), "F8_E4M3"},
          {"S10 unknown", one(tensor("[1]", "[0,4]", "float32")), "float32"},
          {"S11 number", header(R"({"__metadata__":{"a":1}})"), "string is expected"},
          {"S11 large", header(R"({"__metadata__":{"a":")" + std::string(50u << 20, 'x') + "\"}}"), "16777216 bytes"},
          {"S14 LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"},
          {"S14 HTML", "<!DOCTYPE html><html>404</html>", "HTML"},
          {"S14 gzip", "\x1f\x8b\x08 0123456789", "gzip"},
          {"S14 pickle", "\x80\x04\x95 0123456789", "pickle"}};
}

std::vector<Hostile> name_rows() {
  std::vector<Hostile> rows;
  for (const auto& [module, name] : std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                                                     {"builtins", "eval"},
                                                                                     {"posix", "system"},
                                                                                     {"nt", "system"},
                                                                                     {"torch", "load"},
                                                                                     {"torch.hub", "load"}}) {
    const std::string call = global(module, name) + tuple({unicode("true")}) + "R";
    rows.push_back({"P1 " + module, zip_file(call), module + " " + name});
    rows.push_back({"P1 legacy " + module, legacy_file(call), "nothing was executed"});
  }
  return rows;
}

std::vector<Hostile> pickle_rows() {
  const std::string deep(100'000, '(');
  std::string opcodes;
  for (int i = 0; i < 1'000'100; ++i) opcodes += "N";
  return {{"P3 INST", zip_file("(ios\nsystem\n"), "INST"},
          {"P3 OBJ", zip_file("(o"), "OBJ"},
          {"P3 EXT1", zip_file("\x82\x01"), "EXT1"},
          {"P3 NEWOBJ_EX", zip_file("\x92"), "stack"},
          {"P3 protocol 0", zip_bytes(zip_entries("(dp0\n.")), "PROTO"},
          {"P3 protocol 6", zip_bytes(zip_entries("\x80\x06}.")), "protocol 6"},
          {"P3 frame", zip_bytes(zip_entries(std::string("\x80\x04\x95\xff\xff\xff\xff\0\0\0\0}.", 13))), "frame"},
          {"P4 SETITEM", zip_file("](" + unicode("a") + "Nu"), "dict is expected"},
          {"P4 APPEND", zip_file("}Na"), "list is expected"},
          {"P4 odd", zip_file("}(" + unicode("a") + "u"), "without a value"},
          {"P4 BUILD", zip_file("]}b"), "dict is expected"},
          {"P5 memo", zip_file("j\xff\xff\xff\xff"), "memo"},
          {"P5 underflow", zip_file("\x85"), "stack"},
          {"P5 no mark", zip_file("t"), "mark"},
          {"P5 no STOP", zip_bytes(zip_entries("\x80\x02}")), "cut off"},
          {"P5 after STOP", zip_bytes(zip_entries("\x80\x02}.x")), "follow"},
          {"P6 opcodes", zip_file(opcodes), "400000 opcodes"},
          {"P6 depth", zip_file(deep), "marks"},
          {"P6 text", zip_file("X" + little_endian(2u << 20, 4) + std::string(2u << 20, 'a')), "no dict"},
          {"P6 pickle", zip_bytes(zip_entries(std::string((64u << 20) + 1, '\x80'))), "67108864"}};
}

std::vector<Hostile> tensor_rows() {
  const auto zip = [](const TensorText& t) { return zip_file(dict_text(t)); };
  return {
      {"P7 count", zip({.count = 7}), "7 elements"},
      {"P7 huge count", zip({.count = std::int64_t{1} << 62}), "whole file"},
      {"P7 type", zip({.storage = "DoubleStorage"}), "F64"},
      {"P7 outside", zip({.offset = 1}), "outside"},
      {"P7 negative offset", zip({.offset = -1}), "outside"},
      {"P7 negative stride", zip({.strides = {-3, 1}}), "outside"},
      {"P7 huge stride", zip({.strides = {std::int64_t{1} << 62, 1}}), "outside"},
      {"P7 view bomb", zip({.sizes = {100'000, 100'000}, .strides = {0, 0}}), "far more bytes than the file"},
      {"P8 kind",
       zip_file("}" + unicode("w") + tuple({unicode("module"), unicode("x"), unicode("0"), unicode("cpu"), integer(1)}) + "Qs"),
       "not a storage"},
      {"P8 key", zip({.key = "../0"}), "not a number"},
      {"P8 slash", zip({.key = "a/b"}), "not a number"},
      {"P13 optimizer", zip_file("}" + unicode("lr") + integer(1) + "s"), "no state dict"}};
}

std::vector<Hostile> zip_rows() {
  const auto with = [](auto change) {
    std::vector<ZipText> entries = zip_entries(program(dict_text({})));
    change(entries);
    return zip_bytes(entries);
  };
  using Entries = std::vector<ZipText>&;
  const std::string good = zip_file(dict_text({}));
  return {{"P9 compressed", with([](Entries e) { e[0].method = e[0].local_method = 8; }), "compressed"},
          {"P9 encrypted", with([](Entries e) { e[0].flags = e[0].local_flags = 1; }), "encrypted"},
          {"P9 comment", zip_bytes(zip_entries(program("}")), "", "a comment"), "comment"},
          {"P9 tail", good + "tail", "end record"},
          {"P10 local name", with([](Entries e) { e[0].local_name = "x/data.pk2"; }), "another name"},
          {"P10 local flags", with([](Entries e) { e[0].local_flags = 8; }), "another set of flags"},
          {"P10 local method", with([](Entries e) { e[0].local_method = 8; }), "another compression method"},
          {"P10 size", with([](Entries e) { e[2].size_error = 1; }), "another size"},
          {"P10 duplicate", with([](Entries e) { e.push_back(e[0]); }), "two entries"},
          {"P10 overlap", with([](Entries e) {
             e[1] = e[0];
             e[1].name = "x/b";
             e[1].local_name = "x/b";
             e[1].moved_to = 0;
           }),
           "another name"},
          {"P10 path", with([](Entries e) { e[0].name = "x/../../data.pkl"; }), "leaves the archive"},
          {"P10 absolute", with([](Entries e) { e[0].name = "/x/data.pkl"; }), "leaves the archive"},
          {"P10 link", with([](Entries e) { e[0].attributes = 0xa1ff0000u; }), "symbolic link"},
          {"P11 CRC", with([](Entries e) { e[2].crc_error = 1; }), "CRC-32"},
          {"P12 byte order", with([](Entries e) { e.push_back({.name = "x/byteorder", .bytes = "big"}); }), "little-endian"},
          {"P12 no version", with([](Entries e) { e.erase(e.begin() + 1); }), "version"},
          {"P12 version", with([](Entries e) { e[1].bytes = "11\n"; }), "version"},
          {"P13 TorchScript", with([](Entries e) { e.push_back({.name = "x/constants.pkl", .bytes = ""}); }), "TorchScript"},
          {"P14 magic", std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x18.", 15) + good, "magic number"},
          {"P14 big-endian", legacy_head(false) + program(dict_text({.legacy = true})), "little-endian"},
          {"P14 keys", legacy_file(dict_text({.legacy = true}), "]" + unicode("9") + "a"), "storage keys"},
          {"P14 count", legacy_file(dict_text({.legacy = true}), "]" + unicode("0") + "a", 5), "declares 6"},
          {"P14 cut", legacy_file(dict_text({.legacy = true}), "]" + unicode("0") + "a", 6, floats(5)), "cut off"}};
}

// Headers as long as the format allows, and lists as long as the limits do: what is kept of them is bounded by the file.
std::vector<Hostile> large_rows() {
  const auto filled = [](const std::string& before, char fill, std::size_t count, const std::string& behind) {
    return header(before + std::string(count, fill) + behind);
  };
  constexpr std::size_t kMost = 99'999'900, kMany = 20'000'000;
  std::string names = "{";
  for (int i = 0; i < 65'536; ++i)
    names += (i > 0 ? ",\"" : "\"") + std::string(500, 'n') + std::to_string(i) + "\":" + tensor("[0,1,1,1,1,1,1,1]", "[0,0]");
  return {{"R9 metadata of 100 MB", filled(R"({"__metadata__":{"a":")", 'x', kMost, "\"}}"), "16777216 bytes"},
          {"R9 metadata of escapes", filled(R"({"__metadata__":{"a":")", '\\', 2 * kMany, "\"}}"), "16777216 bytes"},
          {"R9 name of 20 MB", filled("{\"", 'x', kMany, "\":1}"), "longer than 512"},
          {"R11 number of 20 MB", filled(R"({"a":{"shape":[)", '7', kMany, "]}}"), "7777777..."},
          {"R11 number of 10 MB", filled("{\"a\":", '7', 10'000'000, "}"), "7777777..."},
          {"R9 spaces of 20 MB", filled("{", ' ', kMany, "x}"), "JSON"},
          {"R9 metadata of 16 MiB", filled(R"({"__metadata__":{"a":")", 'x', (16u << 20) - 1, R"("},"a":1})"), "the number 1"},
          {"R9 65,536 long names", header(names + ",\"a\":1}"), "65536"},
          {"R12 NUL behind the header's end", header("{}" + std::string(1, '\0') + "}"), "control character 0"},
          {"R12 NUL within", one(tensor("[1]" + std::string(1, '\0'), "[0,4]")), "control character 0"},
          {"R12 newline within", one(tensor("[1]\n", "[0,4]")), "control character 10"},
          {"R12 escape sequence", one(tensor("[1]\x1b[2J", "[0,4]")), "control character 27"}};
}

// Views that announce more than there is, and programs of many small values.
std::vector<Hostile> announcing_rows() {
  const auto repeated = [](const std::string& piece, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += piece;
    return out;
  };
  std::string storages = "(" + unicode("storage") + "q\1" + global("torch", "FloatStorage") + "q\2" + unicode("cpu") + "q\3](";
  std::string memo, tensors = "(" + tensor_text({.sizes = {1}, .strides = {1}}) + "q\2}(";
  for (int i = 0; i < 49'000; ++i) storages += "(h\1h\2" + unicode(std::to_string(i)) + std::string("h\3K\0tQ", 6);
  for (int i = 0; i < 199'000; ++i) memo += "Nr" + little_endian(static_cast<std::uint64_t>(i), 4);
  for (int i = 0; i < 66'000; ++i) tensors += unicode(std::string(400, 'k') + std::to_string(i)) + "h\2";
  return {
      {"R9 one byte as many",
       zip_file(dict_text({.storage = "ByteStorage", .count = 1, .sizes = {1'000'000'000}, .strides = {0}}), "1"), "far more"},
      {"R9 one number as many", zip_file(dict_text({.sizes = {16'000'000}, .strides = {0}})), "far more"},
      {"R9 values", zip_file(repeated("N", 399'900)), "399900 values"},
      {"R9 tuples", zip_file(repeated(std::string("K\0\x85", 3), 199'900)), "199900 values"},
      {"R9 classes", zip_file(repeated("ca\nb\n", 199'900)), "199900 values"},
      {"R9 texts", zip_file(repeated("U\1a", 399'900)), "399900 values"},
      {"R9 memo", zip_file(memo), "199000 values"},
      {"R9 storages", zip_file(storages + "et"), "data/0"},
      {"R9 tensors", zip_file(tensors + "ut"), "65536 tensors"},
      {"R9 a list in itself", zip_file("]q\1" + repeated("h\1a", 199'000)), "no dict"}};
}

// Entries that share their bytes: hours of checksums, if they were computed.
std::string overlapping_entries(int count, std::size_t size) {
  std::vector<std::pair<std::uint32_t, std::size_t>> entries;  // checksum and size, from the innermost
  std::string body(size, '\0'), directory;
  for (int i = 0; i < count; ++i) {
    entries.emplace_back(i, body.size());  // a checksum that is wrong: it is never reached
    body = "PK\x03\x04" + little_endian(20, 2) + little_endian(0, 8) + little_endian(entries.back().first, 4) +
           little_endian(body.size(), 4) + little_endian(body.size(), 4) + little_endian(6, 2) + little_endian(0, 2) + "x/" +
           std::to_string(1000 + i) + body;
  }
  for (int i = count; i-- > 0;) {
    const auto& [crc, bytes] = entries[static_cast<std::size_t>(i)];
    directory += "PK\x01\x02" + little_endian(20, 2) + little_endian(20, 2) + little_endian(0, 8) + little_endian(crc, 4) +
                 little_endian(bytes, 4) + little_endian(bytes, 4) + little_endian(6, 2) + little_endian(0, 8) +
                 little_endian(0, 4) + little_endian(static_cast<std::uint64_t>(count - 1 - i) * 36, 4) + "x/" +
                 std::to_string(1000 + i);
  }
  const std::size_t start = body.size();
  return body + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(static_cast<std::uint64_t>(count), 2) +
         little_endian(static_cast<std::uint64_t>(count), 2) + little_endian(directory.size(), 4) + little_endian(start, 4) +
         little_endian(0, 2);
}

class HostileCheckpoints : public Program {
 protected:
  // All files are written first: a child starts with the memory of its parent, which must not hold them then.
  void refuse_all(std::vector<Hostile> rows, const std::vector<std::string>& commands = {"info"}) {
    std::vector<long> kib;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      write_file(file(i), rows[i].bytes);
      kib.push_back(static_cast<long>(rows[i].bytes.size() >> 10));
      std::string().swap(rows[i].bytes);
    }
    ::malloc_trim(0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Hostile& h = rows[i];
      for (const std::string& name : commands) expect_refused(h, name, i, kib[i]);
    }
  }
  void expect_refused(const Hostile& h, const std::string& name, std::size_t i, long kib) {
    SCOPED_TRACE(name);
    const Measured run = measured(file(i), folder, name);
    {
      EXPECT_LE(run.errors.size(), 300u) << h.row << ": " << run.errors;
      EXPECT_EQ(run.code, 4) << h.row << ": " << run.errors;
      EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << h.row << ": " << run.errors;
      EXPECT_NE(run.errors.find(file(i).string()), std::string::npos) << h.row << ": " << run.errors;
      EXPECT_NE(run.errors.find(h.part), std::string::npos) << h.row << ": " << h.part << " is not in: " << run.errors;
      EXPECT_LE(run.peak_kib, (64 << 10) + 2 * kib) << h.row;
      EXPECT_LE(run.seconds, 1.0) << h.row;
    }
  }
  fs::path file(std::size_t i) const { return folder / ("hostile-" + std::to_string(i) + ".pth"); }
};

TEST_F(HostileCheckpoints, SafetensorsCatalogue) { refuse_all(safetensors_rows()); }
TEST_F(HostileCheckpoints, NamesOfCallables) { refuse_all(name_rows()); }
TEST_F(HostileCheckpoints, PicklePrograms) { refuse_all(pickle_rows()); }
TEST_F(HostileCheckpoints, TensorsAndStorages) { refuse_all(tensor_rows()); }
TEST_F(HostileCheckpoints, ZipArchivesAndLegacyStreams) { refuse_all(zip_rows()); }

const std::vector<std::string> kReaders{"info", "verify", "predict", "export", "convert"};

TEST_F(HostileCheckpoints, HeadersAsLargeAsTheyMayBe) { refuse_all(large_rows()); }
TEST_F(HostileCheckpoints, WhatAFileAnnounces) { refuse_all(announcing_rows(), {"info", "predict"}); }
TEST_F(HostileCheckpoints, WorkComesAfterTheCheck) {
  refuse_all({{"R8 overlap", overlapping_entries(2000, 4u << 20), "two entries overlap"}}, kReaders);
}

// A few bytes that announce a whole network: by metadata, by views of one number, by --arch.
TEST_F(HostileCheckpoints, NetworksThatAreOnlyAnnounced) {
  std::string views = "}(";
  for (const auto& [name, shape] :
       std::vector<std::pair<std::string, std::vector<std::int64_t>>>{{"conv_stem.weight", {32, 3, 3, 3}},
                                                                      {"blocks.0.0.conv_dw.weight", {32, 1, 3, 3}},
                                                                      {"classifier.weight", {1'000'000, 1280}},
                                                                      {"classifier.bias", {1'000'000}}})
    views += unicode(name) + tensor_text({.sizes = shape, .strides = std::vector<std::int64_t>(shape.size(), 0)});
  refuse_all({{"R9 own b7",
               header(R"({"__metadata__":{"format":"vitrine.1","vitrine.arch":"b7","vitrine.classes":"1000000",)"
                      R"("vitrine.channels":"3","vitrine.padding":"symmetric","vitrine.bn_eps":"0.001",)"
                      R"("vitrine.bn_momentum":"0.1","vitrine.mean":"0.5,0.5,0.5","vitrine.std":"0.5,0.5,0.5",)"
                      R"("vitrine.interpolation":"bicubic","vitrine.resize":"600","vitrine.input_size":"600"},)"
                      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                      "1234"),
               ""},
              {"R9 views", zip_file(views + "u"), ""}},
             {"verify", "predict", "export", "convert"});
  const Measured run = measured(file(0), folder, "predict");
  EXPECT_NE(run.errors.find("do not fit b7"), std::string::npos) << run.errors;
}

TEST_F(HostileCheckpoints, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const std::string& name : {path("fifo"), folder.string(), std::string("/dev/zero"), path("none")}) {
    const Measured run = measured(name, folder);
    EXPECT_EQ(run.code, 4) << run.errors;
    EXPECT_NE(run.errors.find(name), std::string::npos) << run.errors;
    EXPECT_LE(run.seconds, 1.0);
  }
}

}  // namespace
}  // namespace vitrine::testing

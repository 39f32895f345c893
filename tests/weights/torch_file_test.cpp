#include "weights/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "tests/weights/torch_bytes.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

using namespace vitrine::testing;
using ::testing::HasSubstr;

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

std::string refusal(const std::string& bytes) {
  try {
    parse_checkpoint(bytes, "x.pth");
  } catch (const WeightsError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.pth"));
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

std::vector<double> values_of(const std::string& bytes) { return parse_checkpoint(bytes, "x.pth").at("w").to_double(); }

TEST(Crc32, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
}

TEST(TorchFile, BothContainersReadTheSameTensor) {
  const std::vector<double> expected{0, 1, 2, 3, 4, 5};
  EXPECT_EQ(values_of(zip_file(dict_text({}))), expected);
  EXPECT_EQ(values_of(legacy_file(dict_text({.legacy = true}))), expected);
}

TEST(TorchFile, ViewsAreMadeContiguous) {
  EXPECT_EQ(values_of(zip_file(dict_text({.sizes = {3, 2}, .strides = {1, 3}}))), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values_of(zip_file(dict_text({.offset = 1, .sizes = {3}, .strides = {2}}))), (std::vector<double>{1, 3, 5}));
  EXPECT_EQ(values_of(zip_file(dict_text({.offset = 5, .sizes = {2, 2}, .strides = {0, 0}}))),
            (std::vector<double>{5, 5, 5, 5}));
  EXPECT_EQ(values_of(zip_file(dict_text({.offset = 4, .sizes = {1, 2, 1}, .strides = {kHuge, 1, kHuge}}))),
            (std::vector<double>{4, 5}));
  EXPECT_EQ(values_of(zip_file(dict_text({.sizes = {}, .strides = {}}))), (std::vector<double>{0}));
  EXPECT_EQ(values_of(zip_file(dict_text({.sizes = {0, 3}, .strides = {3, 1}}))), (std::vector<double>{}));
  EXPECT_EQ(values_of(zip_file(dict_text({.sizes = {2, 1, 3}, .strides = {3, 3, 1}}))),
            (std::vector<double>{0, 1, 2, 3, 4, 5}));
}

TEST(TorchFile, UnwrapsStripsAndNotes) {
  const std::string inner = "}" + unicode("module.w") + tensor_text({}) + "s";
  const TensorFile file = parse_checkpoint(zip_file("}" + unicode("epoch") + integer(3) + "s" + unicode("state_dict_ema") +
                                                    inner + "s" + unicode("model") + inner + "s"),
                                           "x.pth");
  EXPECT_EQ(file.metadata.at("unwrapped"), "model (state_dict_ema is there too and was not read)");
  EXPECT_EQ(file.metadata.at("stripped"), "module.");
  EXPECT_EQ(file.at("w").shape.text(), "[2, 3]");
  // One name without the prefix: all stay as they are.
  const TensorFile mixed = parse_checkpoint(
      zip_file("}" + unicode("module.w") + tensor_text({}) + "s" + unicode("v") + tensor_text({}) + "s" + unicode("n") + "Ns"),
      "x.pth");
  EXPECT_EQ(mixed.tensors[0].name, "module.w");
  EXPECT_EQ(mixed.metadata.at("left_out"), "n");
}

TEST(TorchFile, ParametersSizesAndMetadataOfAStateDictAreUnderstood) {
  const std::string hooks = global("collections", "OrderedDict") + ")R";
  const std::string parameter = global("torch._utils", "_rebuild_parameter") + tuple({tensor_text({}), "\x88", hooks}) + "R";
  EXPECT_EQ(values_of(zip_file("}" + unicode("w") + parameter + "s")).size(), 6u);
  // An OrderedDict with BUILD, as nn.Module.state_dict() gives it.
  const std::string built = hooks + "(" + unicode("w") + tensor_text({}) + "u}" + unicode("_metadata") + hooks + "sb";
  EXPECT_EQ(values_of(zip_file(built)).size(), 6u);
  const std::string size = global("torch", "Size") + "(" + integers({6}) + "tR";
  const std::string sized = global("torch._utils", "_rebuild_tensor_v2") +
                            tuple({storage_text({}), integer(0), size, integers({1}), "\x89", hooks}) + "R";
  EXPECT_EQ(values_of(zip_file("}" + unicode("w") + sized + "s")).size(), 6u);
}

TEST(TorchFile, OtherRootsAreExplained) {
  EXPECT_THAT(refusal(zip_file("]")), HasSubstr("holds no dict of tensors"));
  EXPECT_THAT(refusal(zip_file(tensor_text({}))), HasSubstr("holds no dict of tensors"));
  EXPECT_THAT(refusal(zip_file("}" + unicode("epoch") + integer(1) + "s")), HasSubstr("top-level keys: epoch"));
  EXPECT_THAT(refusal(zip_file("}")), HasSubstr("top-level keys: none"));
}

TEST(TorchFileHostile, OpcodesOutsideTheListAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> opcodes{
      {"(ios\nsystem\n", "INST"}, {"(o", "OBJ"},      {"\x82\x01", "EXT1"}, {"}2", "DUP"},           {"}0", "POP"},
      {"(1", "POP_MARK"},         {"P0\n", "PERSID"}, {"I1\n", "INT"},      {"\x97", "NEXT_BUFFER"}, {"\x98", "(152)"},
      {"\xff", "(255)"}};
  for (const auto& [body, name] : opcodes) {
    EXPECT_THAT(refusal(zip_file(body)), HasSubstr(name));
    EXPECT_THAT(refusal(legacy_file(body)), HasSubstr(name));
  }
}

TEST(TorchFileHostile, AMalformedProgramIsRefused) {
  const std::string ordered = global("collections", "OrderedDict");
  const std::vector<std::pair<std::string, std::string>> programs{
      {"", "0 values"},
      {"}}", "2 values"},
      {"(}", "1 marks"},
      {"a", "it is empty"},
      {"s", "it is empty"},
      {"Q", "it is empty"},
      {"t", "a mark is expected"},
      {"}u", "a mark is expected"},
      {"](a", "it is empty"},
      {"](\x85", "it is empty"},
      {"h\x05", "no value 5"},
      {"j\xff\xff\xff\xff", "no value 4294967295"},
      {"q\x01", "it is empty"},
      {"\x94", "it is empty"},
      {"]" + unicode("k") + "Ns", "is a list, a dict is expected"},
      {"}Na", "is a dict, a list is expected"},
      {"}(Nu", "a key without a value"},
      {"}(Ne", "is a dict, a list is expected"},
      {"](N\x90", "is a list, a set is expected"},
      {"})R", "is a dict, a class is expected"},
      {ordered + "]R", "is a list, a tuple is expected"},
      {ordered + "N\x85R", "is None, a list is expected"},
      {ordered + "NN\x86R", "OrderedDict with 2"},
      {ordered + "]Na\x85R", "is no pair"},
      {"}}b", "not an OrderedDict"},
      {"]}b", "is a list, a dict is expected"},
      {global("torch", "FloatStorage") + ")R", "a storage class is called"},
      {"\x8a\x09" + std::string(9, '\x7f'), "no dict"},
      {"\x8b" + little_endian(0xffffffff, 4), "cut off"},
      {"B" + little_endian(0xffffffff, 4), "cut off"},
      {"\x8e" + little_endian(~0ull, 8), "cut off"},
      {"\x96" + little_endian(~0ull, 8), "cut off"},
      {"\x8d" + little_endian(~0ull, 8), "cut off"},
      {"N\x91", "a mark is expected"},
      {"\x92", "it is empty"},
      {"N" + std::string("r\xff\xff\xff\xff", 5), "the memo index 4294967295"},
      {"X" + little_endian(0x7fffffff, 4), "cut off"},
      {"X" + little_endian(1000, 4), "cut off"},
      {"c" + std::string(300, 'x'), "256 bytes"},
      {"\x95" + little_endian(~0ull, 8), "a frame of"},
      {"NQ", "is None, a tuple is expected"},
      {")Q", "0 items"},
      {std::string(1'000'001, '('), "opcodes"}};
  for (const auto& [body, expected] : programs) EXPECT_THAT(refusal(zip_file(body)), HasSubstr(expected)) << body.substr(0, 40);
  EXPECT_THAT(refusal(zip_bytes(zip_entries("}."))), HasSubstr("starts with the opcode PROTO"));
  EXPECT_THAT(refusal(zip_bytes(zip_entries("\x80\x01}."))), HasSubstr("protocol 1"));
  EXPECT_THAT(refusal(zip_bytes(zip_entries("\x80\x06}."))), HasSubstr("protocol 6"));
  EXPECT_THAT(refusal(zip_bytes(zip_entries(program(dict_text({})) + "N."))), HasSubstr("2 bytes follow the pickle"));
  // A list that holds itself is no state dict, and no endless loop either.
  EXPECT_THAT(refusal(zip_file("]q\x01h\x01"
                               "a")),
              HasSubstr("holds no dict"));
  EXPECT_THAT(refusal(zip_file("}q\x01" + unicode("state_dict") + "h\x01s")), HasSubstr("no state dict"));
}

TEST(TorchFileHostile, StoragesMustBeWhatThePickleSays) {
  for (const std::string& key :
       std::vector<std::string>{"", "../0", "a/b", "0\n", std::string("0\0", 2), std::string(65, '0')}) {
    EXPECT_THAT(refusal(zip_file(dict_text({.key = key}))), HasSubstr("storage key"));
  }
  EXPECT_THAT(refusal(zip_file(dict_text({.key = "1"}))), HasSubstr("data/1 is missing"));
  EXPECT_THAT(refusal(zip_file(dict_text({.count = 5}))), HasSubstr("has 24 bytes, 5 elements of F32 need 20"));
  EXPECT_THAT(refusal(zip_file(dict_text({.storage = "DoubleStorage"}))), HasSubstr("need 48"));
  EXPECT_THAT(refusal(zip_file(dict_text({.count = -1}))), HasSubstr("-1 elements"));
  EXPECT_THAT(refusal(zip_file(dict_text({.count = kHuge}))), HasSubstr("the whole file has"));
  EXPECT_THAT(refusal(zip_file("}" + unicode("w") + storage_text({}) + "s")), HasSubstr("no state dict"));
  const std::string other = unicode("v") + tensor_text({.storage = "IntStorage"}) + "s";
  EXPECT_THAT(refusal(zip_file(dict_text({}) + other)), HasSubstr("declared twice"));
  const std::string not_storage =
      tuple({unicode("module"), global("torch", "FloatStorage"), unicode("0"), unicode("cpu"), integer(6)}) + "Q";
  EXPECT_THAT(refusal(zip_file(not_storage)), HasSubstr("not a storage"));
}

TEST(TorchFileHostile, ViewsMustLieInsideTheirStorage) {
  const std::vector<TensorText> views{{.offset = 1},
                                      {.offset = -1},
                                      {.offset = 6, .sizes = {}, .strides = {}},
                                      {.sizes = {2, 3}, .strides = {4, 1}},
                                      {.sizes = {2, 3}, .strides = {-3, 1}},
                                      {.offset = 5, .sizes = {6}, .strides = {-1}},
                                      {.offset = kHuge, .sizes = {2}, .strides = {kHuge}},
                                      {.sizes = {kHuge}, .strides = {1}},
                                      {.sizes = {3}, .strides = {kHuge}}};
  for (const TensorText& view : views) EXPECT_THAT(refusal(zip_file(dict_text(view))), HasSubstr("the tensor 'w' is refused"));
  EXPECT_THAT(refusal(zip_file(dict_text({.sizes = {-1}, .strides = {1}}))), HasSubstr("negative size"));
  EXPECT_THAT(refusal(zip_file(dict_text({.sizes = {kHuge, 4}, .strides = {0, 0}}))), HasSubstr("64 bits"));
  EXPECT_THAT(refusal(zip_file(dict_text({.sizes = {1, 6}, .strides = {1}}))), HasSubstr("2 sizes and 1 strides"));
  EXPECT_THAT(
      refusal(zip_file(dict_text({.sizes = std::vector<std::int64_t>(9, 1), .strides = std::vector<std::int64_t>(9, 1)}))),
      HasSubstr("9 axes"));
  // A view of stride 0 must not make a small file large.
  EXPECT_THAT(refusal(zip_file(dict_text({.sizes = {1'000'000'000'000}, .strides = {0}}))),
              HasSubstr("far more bytes than the file has"));
  EXPECT_THAT(refusal(zip_file("}" + unicode("w") + tensor_text({.sizes = {16'000'000}, .strides = {0}}) + "s" + unicode("v") +
                               tensor_text({.sizes = {16'000'000}, .strides = {0}}) + "s")),
              HasSubstr("far more bytes than the file has"));
}

TEST(TorchFileHostile, NamesOfTensorsAreChecked) {
  const auto named = [](const std::string& name) { return zip_file("}" + unicode(name) + tensor_text({}) + "s"); };
  EXPECT_THAT(refusal(zip_file(dict_text({}) + unicode("w") + tensor_text({}) + "s")), HasSubstr("'w' is there twice"));
  EXPECT_THAT(refusal(named("")), HasSubstr("is empty"));
  EXPECT_THAT(refusal(named(std::string("a\0b", 3))), HasSubstr("control character"));
  EXPECT_THAT(refusal(named("\xc0\x80")), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(named("\xed\xa0\x80")), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(named(std::string(513, 'n'))), HasSubstr("512"));
  EXPECT_THAT(refusal(zip_file("}" + integer(1) + tensor_text({}) + "s")), HasSubstr("no state dict (top-level keys: ?)"));
  EXPECT_THAT(refusal(zip_file("}" + integer(1) + tensor_text({}) + "s" + unicode("w") + tensor_text({}) + "s")),
              HasSubstr("not a text"));
}

TEST(TorchFileHostile, ALegacyFileMustBeConsistent) {
  const std::string body = dict_text({.legacy = true});
  const std::string good = legacy_file(body);
  EXPECT_THAT(refusal(good + "x"), HasSubstr("1 bytes follow"));
  std::string magic = good;
  magic[5] = 'x';
  EXPECT_THAT(refusal(magic), HasSubstr("magic number"));
  std::string version = good;
  version[18] = 'x';
  EXPECT_THAT(refusal(version), HasSubstr("version 1001"));
  EXPECT_THAT(refusal(legacy_head(false) + program(body)), HasSubstr("little-endian"));
  EXPECT_THAT(refusal(legacy_file(body, "]")), HasSubstr("tensors use 1 storages"));
  EXPECT_THAT(refusal(legacy_file(body, "}")), HasSubstr("list of storage keys"));
  EXPECT_THAT(refusal(legacy_file(body, "]" + unicode("1") + "a")), HasSubstr("no tensor uses"));
  EXPECT_THAT(refusal(legacy_file(body, "]" + integer(0) + "a")), HasSubstr("no tensor uses"));
  EXPECT_THAT(refusal(legacy_file(body, "](" + unicode("0") + unicode("0") + "e")), HasSubstr("has one twice"));
  EXPECT_THAT(refusal(legacy_file(body, "]" + unicode("0") + "a", 7)), HasSubstr("has 7 elements, the pickle declares 6"));
  EXPECT_THAT(refusal(legacy_file(body, "]" + unicode("0") + "a", 6, floats(5))), HasSubstr("cut off"));
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_THROW(parse_checkpoint(good.substr(0, length), "x"), WeightsError);
}

}  // namespace
}  // namespace vitrine

// The pickle opcodes that describe data, under the names of Python's pickletools.
//
// Reference  CPython Lib/pickletools.py
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace vitrine {

enum PickleOpcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kEmptyTuple = ')',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kNone = 'N',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kLong4 = 0x8b,
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kBinBytes8 = 0x8e,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kFrozenSet = 0x91,
  kNewObjEx = 0x92,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
  kByteArray8 = 0x96,
};

// The opcodes most often met in files that are refused; others are shown by their number alone.
inline constexpr std::array<std::pair<unsigned char, std::string_view>, 11> kRefusedOpcodes{{{'i', "INST"},
                                                                                             {'o', "OBJ"},
                                                                                             {0x82, "EXT1"},
                                                                                             {0x83, "EXT2"},
                                                                                             {0x84, "EXT4"},
                                                                                             {'0', "POP"},
                                                                                             {'1', "POP_MARK"},
                                                                                             {'2', "DUP"},
                                                                                             {'P', "PERSID"},
                                                                                             {'I', "INT"},
                                                                                             {0x97, "NEXT_BUFFER"}}};

}  // namespace vitrine

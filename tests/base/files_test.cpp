// Opening what is untrusted, publishing an output, locking a folder.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/output.h"
#include "base/sha256.h"

namespace vitrine::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileRules : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("vitrine-files-" + std::to_string(::getpid()) + "-" +
                                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }
  std::string content(const std::string& name) const { return read_file(folder / name, 1u << 20); }
  std::size_t entries() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {})); }

  template <class Work>
  std::string refusal(const Work& work) const {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

  fs::path folder;
};

TEST_F(FileRules, APathIsCalledWhatItIs) {
  EXPECT_EQ(path_flaw(folder / "none"), "does not exist");
  EXPECT_THAT(path_flaw(folder), HasSubstr("is a folder"));
  fs::create_symlink("gone", folder / "dangling");
  EXPECT_THAT(path_flaw(folder / "dangling"), HasSubstr("is a link to 'gone', which does not exist"));
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  EXPECT_THAT(path_flaw(folder / "a"), HasSubstr("loop of links"));
  EXPECT_THAT(path_flaw(folder / std::string(300, 'x')), HasSubstr("longer than the system allows"));
  write_file(folder / "file", "x");
  EXPECT_EQ(path_flaw(folder / "file"), "");
  EXPECT_THAT(path_flaw(folder / "file" / "below"), HasSubstr("a part of its path is a file"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(path_flaw(folder / "fifo"), HasSubstr("is a pipe"));
  EXPECT_THAT(path_flaw("/dev/null"), HasSubstr("is a device"));
  for (const char* name : {"dangling", "a", "fifo", "."})
    EXPECT_THAT(refusal([&] { read_file(folder / name, 9); }), HasSubstr(path_flaw(folder / name))) << name;
}

TEST_F(FileRules, AFileThatChangesWhileItIsReadIsRefused) {
  write_file(folder / "f", "0123456789");
  const InputFile file(folder / "f", 100);
  std::string bytes(10, ' ');
  file.read(0, std::span<char>(bytes));
  EXPECT_EQ(bytes, "0123456789");
  ASSERT_EQ(::truncate((folder / "f").c_str(), 4), 0);
  EXPECT_THAT(refusal([&] { file.read(0, std::span<char>(bytes)); }), HasSubstr("changed while it was read"));
}

TEST_F(FileRules, ALinkIsFollowedAndStays) {
  fs::create_directories(folder / "elsewhere");
  write_file(folder / "elsewhere" / "real", "old");
  fs::create_symlink("elsewhere/real", folder / "link");
  fs::create_symlink("link", folder / "second");
  write_file(folder / "second", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(fs::is_symlink(folder / "second"));
  EXPECT_EQ(content("elsewhere/real"), "new");
  fs::create_symlink("elsewhere/fresh", folder / "dangling");
  write_file(folder / "dangling", "made");
  EXPECT_TRUE(fs::is_symlink(folder / "dangling"));
  EXPECT_EQ(content("elsewhere/fresh"), "made");
  fs::create_symlink("loop", folder / "loop");
  EXPECT_THAT(refusal([&] { write_file(folder / "loop", "x"); }), HasSubstr("loop of links"));
}

TEST_F(FileRules, WhatIsNoFileIsWrittenInto) {
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  std::string seen;
  std::thread reader([&] {
    const int in = ::open((folder / "fifo").c_str(), O_RDONLY);
    char buffer[65536];
    for (ssize_t n = 0; (n = ::read(in, buffer, sizeof buffer)) > 0;) seen.append(buffer, static_cast<std::size_t>(n));
    ::close(in);
  });
  const std::string large(1u << 20, 'y');  // more than a pipe holds
  write_file(folder / "fifo", large);
  reader.join();
  EXPECT_EQ(seen, large);
  EXPECT_TRUE(fs::is_fifo(folder / "fifo"));
  write_file("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_THAT(refusal([&] { write_file(folder, "x"); }), HasSubstr("is a folder"));
}

TEST_F(FileRules, TheModeOfAnExistingFileStaysAndANewOneFollowsTheUmask) {
  write_file(folder / "old", "1");
  ASSERT_EQ(::chmod((folder / "old").c_str(), 0640), 0);
  write_file(folder / "old", "2");
  EXPECT_EQ(fs::status(folder / "old").permissions(), static_cast<fs::perms>(0640));
  const mode_t before = ::umask(0027);
  write_file(folder / "new", "1");
  ::umask(before);
  EXPECT_EQ(fs::status(folder / "new").permissions(), static_cast<fs::perms>(0640));
}

TEST_F(FileRules, ATemporaryCannotBeGuessedNorIsOneLeft) {
  write_file(folder / "victim", "precious");
  fs::create_symlink("victim", folder / ("out.tmp-" + std::to_string(::getpid())));
  write_file(folder / "out", "x");
  EXPECT_EQ(content("victim"), "precious");
  EXPECT_EQ(entries(), 3u);
  {
    OutputFile unfinished(folder / "out");
    unfinished.write("y");
  }
  EXPECT_EQ(content("out"), "x");
  EXPECT_EQ(entries(), 3u);
}

TEST_F(FileRules, WhatAKilledWriterLeftIsRemovedAndALivingOneKept) {
  const pid_t child = ::fork();
  if (child == 0) {
    OutputFile out(folder / "out");
    out.write("half");
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  ASSERT_EQ(entries(), 1u);  // the temporary file
  OutputFile living(folder / "living");
  living.write("whole");
  remove_stale_temporaries(folder);
  EXPECT_EQ(entries(), 1u);
  living.commit();
  EXPECT_EQ(content("living"), "whole");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileRules, CreatingClaims) {
  EXPECT_TRUE(create_file(folder / "claim", "first"));
  EXPECT_FALSE(create_file(folder / "claim", "second"));
  EXPECT_EQ(content("claim"), "first");
  fs::create_symlink("nowhere", folder / "link");
  EXPECT_FALSE(create_file(folder / "link", "x"));
  EXPECT_EQ(entries(), 2u);
}

TEST_F(FileRules, OneOfManyCreatorsWins) {
  std::vector<int> won(8, 0);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < won.size(); ++i)
    threads.emplace_back([&, i] { won[i] = create_file(folder / "claim", std::to_string(i)) ? 1 : 0; });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(std::count(won.begin(), won.end(), 1), 1);
  EXPECT_EQ(content("claim"), std::to_string(std::find(won.begin(), won.end(), 1) - won.begin()));
}

TEST_F(FileRules, AnInputIsNoOutputByWhateverName) {
  write_file(folder / "in", "x");
  fs::create_symlink("in", folder / "link");
  fs::create_hard_link(folder / "in", folder / "hard");
  const std::string in = (folder / "in").string();
  for (const char* name : {"in", "link", "hard", "../"}) {
    const fs::path path = std::string(name) == "../" ? folder / ".." / folder.filename() / "in" : folder / name;
    EXPECT_THROW(check_output(path.string(), {"", "missing", in}), UsageError) << path;
  }
  check_output((folder / "other").string(), {in});
  check_output("-", {in});
  EXPECT_THROW(check_output(folder.string(), {}), FileError);
  EXPECT_THROW(check_output((folder / "none" / "f").string(), {}), FileError);
  EXPECT_THAT(refusal([&] { check_output(in + "/f", {}); }), HasSubstr("is not a folder"));
  EXPECT_THROW(check_output("", {}), UsageError);
}

TEST_F(FileRules, AFullDiskIsToldAndTheOldContentStays) {
  write_file(folder / "f", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);  // as base/interrupt.h does
    const rlimit limit{1u << 16, 1u << 16};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(folder / "f", std::string(1u << 20, 'x'));
    } catch (const FileError&) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(content("f"), "old");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(FileRules, ALockNamesItsHolderAndEndsWithIt) {
  {
    const FolderLock mine(folder);
    const std::string why = refusal([&] { FolderLock other(folder); });
    EXPECT_THAT(why, HasSubstr("is in use by process " + std::to_string(::getpid())));
    EXPECT_THAT(why, HasSubstr("choose another folder"));
  }
  EXPECT_EQ(entries(), 0u);
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock held(folder);
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const FolderLock again(folder);  // the file is still there, its lock is not
}

// Between the lock and its line there is a moment in which the file is empty.
TEST_F(FileRules, ALockWhoseHolderHasNotYetWrittenIsReadAgain) {
  const int file = ::open((folder / ".vitrine-lock").c_str(), O_RDWR | O_CREAT, 0666);
  ASSERT_EQ(::flock(file, LOCK_EX), 0);
  std::thread late([file] {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    EXPECT_EQ(::pwrite(file, "process 12", 10, 0), 10);
  });
  EXPECT_THAT(refusal([&] { FolderLock other(folder); }), HasSubstr("is in use by process 12;"));
  late.join();
  ASSERT_EQ(::ftruncate(file, 0), 0);
  EXPECT_THAT(refusal([&] { FolderLock other(folder); }), HasSubstr("is in use by a process that did not write its name;"));
  ::close(file);
}

TEST(Sha256, TheProcessorsInstructionsGiveTheSameDigest) {
  // FIPS 180-4's examples, and every length around a block against the digest of the pieces.
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    Sha256 pieces;
    for (const char c : bytes) pieces.update({&c, 1});
    EXPECT_EQ(pieces.hex(), sha256(bytes)) << i;
    bytes += static_cast<char>(i * 37);
  }
}

}  // namespace
}  // namespace vitrine::testing

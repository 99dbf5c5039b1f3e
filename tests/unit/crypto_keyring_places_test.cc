// SPDX-License-Identifier: Apache-2.0
// A keyring in more than one place: what each place may be when it is opened, and what is refused.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "crypto/keyring.h"
#include "tests/fakes/memory_file_system.h"

namespace kluis::crypto::keyring_places_test {
namespace {

using absl::StatusCode;

const std::vector<KeyringPaths> kTwo = {{"a/ring", "ra/key"}, {"b/ring", "rb/key"}};

absl::StatusOr<std::unique_ptr<Keyring>> Create(MemoryFileSystem& files) {
  return Keyring::Create(PlacesOf(kTwo, files), files);
}

absl::StatusOr<std::unique_ptr<Keyring>> Open(MemoryFileSystem& files) {
  return Keyring::Open(PlacesOf(kTwo, files), files);
}

absl::Status OpenStatus(MemoryFileSystem files) { return Open(files).status(); }

std::string KeyText(const Keyring& keyring, uint32_t slot) {
  const auto key = keyring.Key(slot);
  if (!key.ok()) return "";
  const auto bytes = key->Expose();
  return {bytes.begin(), bytes.end()};
}

// What `place` (0, 1) has in `from`, and nothing else, is put in its place in `to`.
void CopyPlace(size_t place, MemoryFileSystem& from, MemoryFileSystem& to) {
  const auto here = [&](const std::string& path) {
    return path.starts_with(kTwo[place].state_path) || path.starts_with(kTwo[place].root_key_path);
  };
  for (const std::string& path : to.Paths()) {
    if (!here(path)) continue;
    ASSERT_TRUE(to.Remove(path).ok());
  }
  for (const char* const directory : {"a", "b", "ra", "rb"}) {
    ASSERT_TRUE(to.SyncDirectory(directory).ok());
  }
  for (const std::string& path : from.Paths()) {
    if (here(path)) to.Put(path, from.BytesOf(path));
  }
}

// Opens `files` and refuses: one line that names the place; not a byte is changed or lost.
void ExpectRefused(MemoryFileSystem files, StatusCode code, const std::string& place,
                   const std::string& says) {
  std::vector<std::string> before;
  for (const std::string& path : files.Paths()) before.push_back(path + files.BytesOf(path));
  const absl::Status refused = Open(files).status();
  EXPECT_EQ(refused.code(), code) << refused;
  const std::string message(refused.message());
  EXPECT_TRUE(message.starts_with("keyring " + place + ": ")) << message;
  EXPECT_NE(message.find(says), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  std::vector<std::string> after;
  for (const std::string& path : files.Paths()) after.push_back(path + files.BytesOf(path));
  EXPECT_TRUE(after == before);
}

TEST(KeyringPlaces, AreAllPuncturedAndEachOpensByItself) {
  MemoryFileSystem files;
  const auto keyring = Create(files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  const std::string kept = KeyText(**keyring, 6);
  ASSERT_TRUE((*keyring)->Puncture({{5, 70'000}}).ok());
  EXPECT_EQ(files.Paths().size(), 6u);
  EXPECT_NE(files.BytesOf("ra/key"), files.BytesOf("rb/key"));
  for (const KeyringPaths& place : kTwo) {
    MemoryFileSystem copy = files.AfterCrash(0);
    const auto alone = Keyring::Open(place, copy);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_TRUE((*alone)->IsPunctured(5));
    EXPECT_TRUE((*alone)->IsPunctured(70'000));
    EXPECT_EQ(KeyText(**alone, 6), kept);
    EXPECT_EQ((*alone)->Commitment(), (*keyring)->Commitment());
  }
  const auto opened = Open(files);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE((*opened)->repairs().empty());
}

TEST(KeyringPlaces, OneThatIsBehindIsCaughtUpFromTheNewest) {
  for (const size_t behind : {0u, 1u}) {
    MemoryFileSystem files;
    const auto keyring = Create(files);
    ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
    MemoryFileSystem old = files.AfterCrash(0);
    ASSERT_TRUE((*keyring)->Puncture({{6, 9000}}).ok());
    ASSERT_TRUE((*keyring)->Puncture({{7}}).ok());
    const std::string kept = KeyText(**keyring, 8);
    CopyPlace(behind, old, files);
    const auto opened = Open(files);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_EQ((*opened)->repairs().size(), 1u);
    EXPECT_NE((*opened)->repairs()[0].find("was of generation 2"), std::string::npos);
    for (const uint32_t slot : {5, 6, 7, 9000}) EXPECT_TRUE((*opened)->IsPunctured(slot));
    EXPECT_EQ(KeyText(**opened, 8), kept);
    EXPECT_EQ(files.Paths().size(), 6u) << "leftovers";
    // By itself the place is now as new as the other, and goes on with it.
    ASSERT_TRUE((*opened)->Puncture({{8}}).ok());
    const auto alone = Keyring::Open(kTwo[behind], files);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_EQ((*alone)->Commitment(), (*opened)->Commitment());
  }
}

TEST(KeyringPlaces, OneThatIsMissingIsMadeAgain) {
  for (const bool only_its_root_key : {false, true}) {
    MemoryFileSystem files;
    const auto keyring = Create(files);
    ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
    const std::string kept = KeyText(**keyring, 8);
    if (only_its_root_key) {
      ASSERT_TRUE(files.Remove("ra/key").ok());
    } else {
      MemoryFileSystem nothing;
      CopyPlace(0, nothing, files);
      EXPECT_EQ(files.Paths().size(), 3u);
    }
    const auto opened = Open(files);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ASSERT_EQ((*opened)->repairs().size(), 1u);
    EXPECT_TRUE((*opened)->repairs()[0].starts_with("keyring a/ring: was missing"));
    EXPECT_EQ(files.Paths().size(), 6u);
    const auto alone = Keyring::Open(kTwo[0], files);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_TRUE((*alone)->IsPunctured(5));
    EXPECT_EQ(KeyText(**alone, 8), kept);
  }
}

TEST(KeyringPlaces, AllMissingIsNotFound) {
  MemoryFileSystem files;
  EXPECT_EQ(OpenStatus(files).code(), StatusCode::kNotFound);
}

TEST(KeyringPlaces, OneWhoseDirectoryIsMissingIsRefusedAndNamed) {
  MemoryFileSystem files;
  files.RequireDirectories();
  for (const char* const directory : {"a", "ra", "b", "rb"}) {
    ASSERT_TRUE(files.MakeDirectory(directory).ok());
  }
  ASSERT_TRUE(files.SyncDirectory(".").ok());
  ASSERT_TRUE(Create(files).ok());
  MemoryFileSystem nothing;
  CopyPlace(1, nothing, files);
  ASSERT_TRUE(files.RemoveDirectory("b").ok());
  ExpectRefused(files, StatusCode::kFailedPrecondition, "b/ring", "its directory is missing");
}

TEST(KeyringPlaces, OneThatIsDamagedIsRefusedAndNamedWithWhatToDo) {
  MemoryFileSystem files;
  const auto keyring = Create(files);
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  for (const char* const path : {"b/ring.2", "b/ring.pages.1"}) {
    MemoryFileSystem altered = files.AfterCrash(0);
    altered.BytesOf(path)[100] ^= 1;
    ExpectRefused(altered, StatusCode::kDataLoss, "b/ring",
                  "remove b/ring.* and rb/key to have it made again from a/ring");
    altered.BytesOf(path).resize(50);
    ExpectRefused(altered, StatusCode::kDataLoss, "b/ring", "made again from a/ring");
    ASSERT_TRUE(altered.Remove(path).ok());
    ExpectRefused(altered.AfterCrash(9), StatusCode::kDataLoss, "b/ring", path);
  }
  MemoryFileSystem cut = files.AfterCrash(0);
  cut.BytesOf("rb/key").resize(50);
  ExpectRefused(cut, StatusCode::kDataLoss, "b/ring", "not a kluis-root-key-1 file");
  // And that is what to do.
  MemoryFileSystem nothing;
  CopyPlace(1, nothing, cut);
  EXPECT_TRUE(OpenStatus(cut).ok());
}

TEST(KeyringPlaces, OneThatIsDamagedAndNewerIsNeverToBeRemoved) {
  MemoryFileSystem files;
  const auto keyring = Create(files);
  MemoryFileSystem old = files.AfterCrash(0);
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  CopyPlace(0, old, files);
  files.BytesOf("b/ring.2")[100] ^= 1;
  ExpectRefused(files, StatusCode::kDataLoss, "b/ring",
                "put its files back: it is of generation 2");
  EXPECT_EQ(std::string(OpenStatus(files).message()).find("remove"), std::string::npos);
  // Also when the root key itself cannot tell.
  files.BytesOf("rb/key").resize(9);
  ExpectRefused(files, StatusCode::kDataLoss, "b/ring",
                "put its files back: it is of generation 2");
}

TEST(KeyringPlaces, OfTwoKeyringsAreRefused) {
  MemoryFileSystem one;
  MemoryFileSystem two;
  ASSERT_TRUE(Create(one).ok());
  const auto keyring = Create(two);
  CopyPlace(1, two, one);
  ExpectRefused(one, StatusCode::kDataLoss, "b/ring", "is another keyring than a/ring");
  // Also when one looks newer.
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  CopyPlace(1, two, one);
  ExpectRefused(one, StatusCode::kDataLoss, "a/ring", "is another keyring than b/ring");
}

// Each place was punctured by itself: neither may be overwritten by the other.
TEST(KeyringPlaces, ThatForgotDifferentSlotsAreRefused) {
  for (const int punctures : {1, 2}) {
    MemoryFileSystem one;
    {
      const auto keyring = Create(one);
      ASSERT_TRUE((*keyring)->Puncture({{1}}).ok());
    }
    MemoryFileSystem two = one.AfterCrash(0);
    ASSERT_TRUE((*Keyring::Open(kTwo[0], one))->Puncture({{5}}).ok());
    const auto other = Keyring::Open(kTwo[1], two);
    ASSERT_TRUE((*other)->Puncture({{6}}).ok());
    if (punctures == 2) {
      ASSERT_TRUE((*other)->Puncture({{7}}).ok());
    }
    CopyPlace(1, two, one);
    const std::string named = punctures == 1 ? "b/ring" : "a/ring";
    ExpectRefused(one, StatusCode::kDataLoss, named, "whose commitment the log has");
  }
}

TEST(KeyringPlaces, WithExchangedFilesAreRefused) {
  MemoryFileSystem files;
  const auto keyring = Create(files);
  ASSERT_TRUE((*keyring)->Puncture({{5}}).ok());
  std::swap(files.BytesOf("ra/key"), files.BytesOf("rb/key"));
  EXPECT_EQ(OpenStatus(files.AfterCrash(0)).code(), StatusCode::kDataLoss);
  std::swap(files.BytesOf("a/ring.2"), files.BytesOf("b/ring.2"));
  EXPECT_EQ(OpenStatus(files.AfterCrash(0)).code(), StatusCode::kDataLoss);
  std::swap(files.BytesOf("a/ring.pages.1"), files.BytesOf("b/ring.pages.1"));
  EXPECT_TRUE(OpenStatus(files.AfterCrash(0)).ok()) << "all three: the places changed names";
}

TEST(KeyringPlaces, MustBeThereAndDiffer) {
  MemoryFileSystem files;
  EXPECT_EQ(Keyring::Create(std::vector<KeyringPlace>{}, files).status().code(),
            StatusCode::kInvalidArgument);
  for (const KeyringPaths& second :
       {KeyringPaths{"a/ring", "rb/key"}, KeyringPaths{"b/ring", "ra/key"},
        KeyringPaths{"", "rb/key"}}) {
    const std::vector<KeyringPaths> paths = {kTwo[0], second};
    EXPECT_EQ(Keyring::Create(PlacesOf(paths, files), files).status().code(),
              StatusCode::kInvalidArgument);
    EXPECT_EQ(Keyring::Open(PlacesOf(paths, files), files).status().code(),
              StatusCode::kInvalidArgument);
  }
}

TEST(KeyringPlaces, APlaceThatIsGoneWhilePuncturingIsNamedAndTheRetryResumes) {
  MemoryFileSystem files;
  files.RequireDirectories();
  for (const char* const directory : {"a", "ra", "b", "rb"}) {
    ASSERT_TRUE(files.MakeDirectory(directory).ok());
  }
  ASSERT_TRUE(files.SyncDirectory(".").ok());
  const auto keyring = Create(files);
  ASSERT_TRUE(keyring.ok()) << keyring.status();
  MemoryFileSystem kept = files.AfterCrash(0);
  MemoryFileSystem nothing;
  CopyPlace(1, nothing, files);
  ASSERT_TRUE(files.RemoveDirectory("b").ok());
  const absl::Status refused = (*keyring)->Puncture({{5}});
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_TRUE(std::string(refused.message()).starts_with("keyring b/ring: not punctured"));
  EXPECT_TRUE((*keyring)->IsPunctured(5));
  ASSERT_TRUE(files.MakeDirectory("b").ok());
  ASSERT_TRUE(files.SyncDirectory(".").ok());
  CopyPlace(1, kept, files);  // it is mounted again
  ASSERT_TRUE((*keyring)->Puncture({}).ok());
  const auto alone = Keyring::Open(kTwo[1], files);
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_TRUE((*alone)->IsPunctured(5));
  EXPECT_EQ((*alone)->Commitment(), (*keyring)->Commitment());
}

}  // namespace
}  // namespace kluis::crypto::keyring_places_test

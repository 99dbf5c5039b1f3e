// SPDX-License-Identifier: Apache-2.0
// A file system in memory that loses what was not synced, as a machine without power does.
// Names become durable only by SyncDirectory; until then each change of a name is pending, and a
// crash keeps a prefix of the pending changes (a journal writes them in order). Bytes become
// durable when CreateSynced, CreateReadable, WriteSynced and Wipe return; a failing one leaves half
// of its bytes, or nothing. Not thread-safe.
#ifndef KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_
#define KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "crypto/file_system.h"

namespace kluis::crypto {

class MemoryFileSystem final : public FileSystem {
 public:
  enum class Failure { kOnce, kFromThenOn };
  enum class Leaves { kHalf, kNothing };  // of a file whose writing fails: as ENOSPC, as EIO

  // The n-th operation from now on (1 is the next one) fails with kUnavailable, and with
  // kFromThenOn so do all after it. 0: none fails.
  void FailAt(int n, Failure failure, Leaves leaves = Leaves::kHalf) {
    fail_at_ = n;
    failure_ = failure;
    leaves_ = leaves;
    operations_ = 0;
  }

  // From now on a file needs its directory, which needs the one above; "." is there. Else every
  // directory is there. A directory that a crash takes away takes what is in it.
  void RequireDirectories() { directories_required_ = true; }

  // Whether the operation that FailAt named was reached.
  bool Failed() const { return fail_at_ != 0 && operations_ >= fail_at_; }

  size_t pending() const { return pending_.size(); }

  // The state after a crash that kept the first `kept` pending changes; no operation fails in it.
  MemoryFileSystem AfterCrash(size_t kept) const {
    MemoryFileSystem after;
    Names names = durable_;
    for (size_t i = 0; i < kept && i < pending_.size(); ++i) pending_[i].change(names);
    after.directories_required_ = directories_required_;
    after.durable_.directories = names.directories;
    for (const auto& [path, bytes] : names.files) {
      if (!after.HasDirectory(path, names)) continue;
      after.durable_.files[path] = std::make_shared<std::string>(*bytes);
    }
    after.now_ = after.durable_;
    return after;
  }

  bool Has(const std::string& path) const { return now_.files.contains(path); }
  std::string& BytesOf(const std::string& path) { return *now_.files.at(path); }
  void Put(const std::string& path, std::string bytes) {
    now_.files[path] = durable_.files[path] = std::make_shared<std::string>(std::move(bytes));
  }
  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : now_.files) paths.push_back(path);
    return paths;
  }

  // The bytes of files as they were when their name was removed or taken over: what the disk still
  // holds of them.
  const std::vector<std::string>& removed_bytes() const { return removed_bytes_; }

  absl::StatusOr<SecretBytes> ReadPrivate(const std::string& path, size_t max_bytes) override {
    if (Fails()) return Refused();
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return absl::NotFoundError(path);
    if (found->second->size() > max_bytes) return absl::FailedPreconditionError(path);
    return SecretBytes::CopyOf(*found->second);
  }

  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    if (Fails()) return Refused();
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return absl::NotFoundError(path);
    if (found->second->size() > max_bytes) return absl::FailedPreconditionError(path);
    return *found->second;
  }

  absl::Status CreateSynced(const std::string& path, std::span<const uint8_t> bytes) override {
    return Create(path, std::string(bytes.begin(), bytes.end()));
  }

  absl::Status CreateReadable(const std::string& path, std::string_view bytes) override {
    return Create(path, std::string(bytes));
  }

  absl::Status WriteSynced(const std::string& path, std::span<const FilePiece> pieces) override {
    const bool fails = Fails();
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return absl::NotFoundError(path);
    std::string& bytes = *found->second;
    for (const FilePiece& piece : pieces) {
      const size_t size = fails ? piece.bytes.size() / 2 : piece.bytes.size();
      if (bytes.size() < piece.offset + size) bytes.resize(piece.offset + size);
      std::copy_n(piece.bytes.begin(), size,
                  bytes.begin() + static_cast<std::ptrdiff_t>(piece.offset));
    }
    return fails ? Refused() : absl::OkStatus();
  }

  absl::Status Wipe(const std::string& path) override {
    const bool fails = Fails();
    const auto found = now_.files.find(path);
    if (found == now_.files.end()) return absl::NotFoundError(path);
    std::string& bytes = *found->second;
    bytes.replace(0, fails ? bytes.size() / 2 : bytes.size(),
                  std::string(fails ? bytes.size() / 2 : bytes.size(), '\0'));
    return fails ? Refused() : absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (Fails()) return Refused();
    if (!now_.files.contains(from)) return absl::NotFoundError(from);
    if (!HasDirectory(to, now_)) return absl::NotFoundError(to);
    if (Has(to)) removed_bytes_.push_back(BytesOf(to));
    const std::shared_ptr<std::string> file = now_.files.at(from);
    if (DirectoryOf(from) == DirectoryOf(to)) {
      Change(from, [from, to, file](Names& names) {
        names.files[to] = file;
        names.files.erase(from);
      });
    } else {
      Change(to, [to, file](Names& names) { names.files[to] = file; });
      Change(from, [from](Names& names) { names.files.erase(from); });
    }
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (Fails()) return Refused();
    if (!Has(path)) return absl::NotFoundError(path);
    removed_bytes_.push_back(BytesOf(path));
    Change(path, [path](Names& names) { names.files.erase(path); });
    return absl::OkStatus();
  }

  absl::Status MakeDirectory(const std::string& path) override {
    if (Fails()) return Refused();
    if (!HasDirectory(path, now_)) return absl::NotFoundError(path);
    if (Has(path) || now_.directories.contains(path)) return absl::AlreadyExistsError(path);
    Change(path, [path](Names& names) { names.directories.insert(path); });
    return absl::OkStatus();
  }

  absl::Status RemoveDirectory(const std::string& path) override {
    if (Fails()) return Refused();
    if (!now_.directories.contains(path)) return absl::NotFoundError(path);
    if (!NamesIn(path).empty()) return absl::UnavailableError(path + ": not empty");
    Change(path, [path](Names& names) { names.directories.erase(path); });
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& directory) override {
    if (Fails()) return Refused();
    std::vector<Pending> others;
    for (Pending& pending : pending_) {
      if (pending.directory == directory) {
        pending.change(durable_);
      } else {
        others.push_back(std::move(pending));
      }
    }
    pending_ = std::move(others);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    if (Fails()) return Refused();
    if (!HasDirectory(directory + "/.", now_)) return absl::NotFoundError(directory);
    return NamesIn(directory);
  }

 private:
  struct Names {
    std::map<std::string, std::shared_ptr<std::string>> files;
    std::set<std::string> directories;
  };
  struct Pending {
    std::string directory;
    std::function<void(Names&)> change;
  };

  static absl::Status Refused() {
    return absl::UnavailableError("memory file system: told to fail");
  }

  bool Fails() {
    ++operations_;
    if (fail_at_ == 0) return false;
    return failure_ == Failure::kOnce ? operations_ == fail_at_ : operations_ >= fail_at_;
  }

  absl::Status Create(const std::string& path, std::string bytes) {
    const bool fails = Fails();
    if (!HasDirectory(path, now_)) return absl::NotFoundError(path);
    if (Has(path)) return absl::AlreadyExistsError(path);
    if (fails && leaves_ == Leaves::kNothing) return Refused();
    if (fails) bytes.resize(bytes.size() / 2);
    const auto file = std::make_shared<std::string>(std::move(bytes));
    Change(path, [path, file](Names& names) { names.files[path] = file; });
    return fails ? Refused() : absl::OkStatus();
  }

  // Whether all directories above `path` are among `names`.
  bool HasDirectory(const std::string& path, const Names& names) const {
    const std::string above = DirectoryOf(path);
    if (!directories_required_ || above == ".") return true;
    return names.directories.contains(above) && HasDirectory(above, names);
  }

  std::vector<std::string> NamesIn(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : now_.files) {
      if (DirectoryOf(path) == directory) names.push_back(FileNameOf(path));
    }
    for (const std::string& path : now_.directories) {
      if (DirectoryOf(path) == directory) names.push_back(FileNameOf(path));
    }
    return names;
  }

  void Change(const std::string& path, std::function<void(Names&)> change) {
    change(now_);
    pending_.push_back({DirectoryOf(path), std::move(change)});
  }

  Names now_;
  Names durable_;
  std::vector<Pending> pending_;
  std::vector<std::string> removed_bytes_;
  int operations_ = 0;
  int fail_at_ = 0;
  Failure failure_ = Failure::kOnce;
  Leaves leaves_ = Leaves::kHalf;
  bool directories_required_ = false;
};

}  // namespace kluis::crypto

#endif  // KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_

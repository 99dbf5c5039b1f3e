// A file system in memory that loses what was not synced, as a machine without power does.
// Names become durable only by SyncDirectory; until then each change of a name is pending, and a
// crash keeps a prefix of the pending changes (a journal writes them in order). Bytes become
// durable when CreateSynced and Wipe return; a failing one leaves half of its bytes. Not
// thread-safe.
#ifndef KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_
#define KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "crypto/file_system.h"

namespace kluis::crypto {

class MemoryFileSystem final : public FileSystem {
 public:
  enum class Failure { kOnce, kFromThenOn };

  // The n-th operation from now on (1 is the next one) fails with kUnavailable, and with
  // kFromThenOn so do all after it. 0: none fails.
  void FailAt(int n, Failure failure) {
    fail_at_ = n;
    failure_ = failure;
    operations_ = 0;
  }

  // Whether the operation that FailAt named was reached.
  bool Failed() const { return fail_at_ != 0 && operations_ >= fail_at_; }

  size_t pending() const { return pending_.size(); }

  // The state after a crash that kept the first `kept` pending changes; no operation fails in it.
  MemoryFileSystem AfterCrash(size_t kept) const {
    MemoryFileSystem after;
    Names names = durable_;
    for (size_t i = 0; i < kept && i < pending_.size(); ++i) pending_[i].change(names);
    for (const auto& [path, bytes] : names) {
      after.durable_[path] = std::make_shared<std::string>(*bytes);
    }
    after.now_ = after.durable_;
    return after;
  }

  bool Has(const std::string& path) const { return now_.contains(path); }
  std::string& BytesOf(const std::string& path) { return *now_.at(path); }
  void Put(const std::string& path, std::string bytes) {
    now_[path] = durable_[path] = std::make_shared<std::string>(std::move(bytes));
  }
  std::vector<std::string> Paths() const {
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : now_) paths.push_back(path);
    return paths;
  }

  // The bytes of files as they were when their name was removed or taken over: what the disk still
  // holds of them.
  const std::vector<std::string>& removed_bytes() const { return removed_bytes_; }

  absl::StatusOr<SecretBytes> ReadPrivate(const std::string& path, size_t max_bytes) override {
    if (Fails()) return Refused();
    const auto found = now_.find(path);
    if (found == now_.end()) return absl::NotFoundError(path);
    if (found->second->size() > max_bytes) return absl::FailedPreconditionError(path);
    return SecretBytes::CopyOf(*found->second);
  }

  absl::Status CreateSynced(const std::string& path, std::span<const uint8_t> bytes) override {
    const bool fails = Fails();
    if (now_.contains(path)) return absl::AlreadyExistsError(path);
    if (fails) bytes = bytes.first(bytes.size() / 2);
    const auto file = std::make_shared<std::string>(bytes.begin(), bytes.end());
    Change(path, [path, file](Names& names) { names[path] = file; });
    return fails ? Refused() : absl::OkStatus();
  }

  absl::Status Wipe(const std::string& path) override {
    const bool fails = Fails();
    const auto found = now_.find(path);
    if (found == now_.end()) return absl::NotFoundError(path);
    std::string& bytes = *found->second;
    bytes.replace(0, fails ? bytes.size() / 2 : bytes.size(),
                  std::string(fails ? bytes.size() / 2 : bytes.size(), '\0'));
    return fails ? Refused() : absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (Fails()) return Refused();
    if (!now_.contains(from)) return absl::NotFoundError(from);
    if (now_.contains(to)) removed_bytes_.push_back(*now_.at(to));
    Change(from, [from, to](Names& names) {
      names[to] = names.at(from);
      names.erase(from);
    });
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (Fails()) return Refused();
    if (!now_.contains(path)) return absl::NotFoundError(path);
    removed_bytes_.push_back(*now_.at(path));
    Change(path, [path](Names& names) { names.erase(path); });
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
    std::vector<std::string> names;
    for (const auto& [path, bytes] : now_) {
      if (DirectoryOf(path) == directory) names.push_back(FileNameOf(path));
    }
    return names;
  }

 private:
  using Names = std::map<std::string, std::shared_ptr<std::string>>;
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
};

}  // namespace kluis::crypto

#endif  // KLUIS_TESTS_FAKES_MEMORY_FILE_SYSTEM_H_

// SPDX-License-Identifier: Apache-2.0
#include "storage/obsolete_files.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace kluis::storage {
namespace {

std::set<std::string> LiveTables(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> files;
  db.GetLiveFilesMetaData(&files);
  std::set<std::string> live;
  for (const rocksdb::LiveFileMetaData& file : files) live.insert(file.relative_filename);
  return live;
}

}  // namespace

rocksdb::Status ObsoleteFiles::List(std::string_view suffix, std::set<std::string>& names) const {
  std::vector<std::string> children;
  const rocksdb::Status listed = env_->GetChildren(directory_, &children);
  for (std::string& name : children) {
    if (name.ends_with(suffix)) names.insert(std::move(name));
  }
  return listed;
}

// An empty file holds nothing, and may stay.
bool ObsoleteFiles::Leaves(const std::string& name, const std::set<std::string>& live) const {
  std::uint64_t bytes = 0;
  return !live.contains(name) && env_->GetFileSize(directory_ + "/" + name, &bytes).ok() &&
         bytes > 0;
}

rocksdb::Status ObsoleteFiles::Gather(rocksdb::DB& db, const std::set<std::string>& logs) {
  std::set<std::string> found = logs;
  const rocksdb::Status listed =
      List(".sst", found);  // before the live ones: new ones do not count
  if (!listed.ok()) return listed;
  const std::set<std::string> live = LiveTables(db);
  std::erase_if(found, [&](const std::string& name) { return !Leaves(name, live); });
  const std::lock_guard lock(mutex_);
  gathered_.merge(found);
  return listed;
}

bool ObsoleteFiles::AllGone(rocksdb::DB& db) {
  const std::lock_guard lock(mutex_);
  if (gathered_.empty()) return true;
  const std::set<std::string> live = LiveTables(db);
  std::erase_if(gathered_, [&](const std::string& name) { return !Leaves(name, live); });
  return gathered_.empty();
}

}  // namespace kluis::storage

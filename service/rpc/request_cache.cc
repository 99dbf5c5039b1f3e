// SPDX-License-Identifier: Apache-2.0
#include "service/rpc/request_cache.h"

#include <utility>

namespace kluis::service {
namespace {

constexpr int64_t kKeptSeconds = 600;
constexpr size_t kKeepingTakes = 512;  // bytes, of lists, maps and their keys

}  // namespace

absl::StatusOr<std::shared_ptr<const RequestCache::Answer>> RequestCache::Begin(
    const std::string& key, const crypto::Hash& request) {
  std::unique_lock lock(mutex_);
  DropOld(clock_.BootSeconds());
  while (true) {
    const auto [slot, first] = slots_.try_emplace(key);
    if (first) {
      slot->second.request = request;
      return nullptr;
    }
    if (slot->second.request != request) {
      return absl::InvalidArgumentError("request_id: was used for another request");
    }
    if (slot->second.answer != nullptr) return slot->second.answer;
    answered_.wait(lock);
  }
}

void RequestCache::Finish(const std::string& key, const std::string& owner,
                          std::shared_ptr<const Answer> answer, bool remember) {
  {
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(key);
    if (slot == slots_.end()) return;
    const size_t bytes = kKeepingTakes + 4 * key.size() + answer->response.size() +
                         answer->status.error_message().size() +
                         answer->status.error_details().size();
    if (remember && bytes <= bounds_.of_owner && bytes <= bounds_.bytes) {
      Owner& of = owners_[owner];
      slot->second.answer = std::move(answer);
      slot->second.expires_at = clock_.BootSeconds() + kKeptSeconds;
      slot->second.owner = owner;
      slot->second.bytes = bytes;
      slot->second.of_all = order_.insert(order_.end(), key);
      slot->second.of_owner = of.keys.insert(of.keys.end(), key);
      of.bytes += bytes;
      bytes_ += bytes;
      while (owners_.at(owner).bytes > bounds_.of_owner) {
        Drop(std::string(owners_.at(owner).keys.front()));
      }
      while (bytes_ > bounds_.bytes) Drop(std::string(order_.front()));
    } else {
      slots_.erase(slot);
    }
  }
  answered_.notify_all();
}

void RequestCache::Forget() {
  const std::lock_guard lock(mutex_);
  while (!order_.empty()) Drop(std::string(order_.front()));
}

size_t RequestCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void RequestCache::DropOld(int64_t now) {
  while (!order_.empty() && slots_.at(order_.front()).expires_at <= now) {
    Drop(std::string(order_.front()));
  }
}

// Of a finished one.
void RequestCache::Drop(const std::string& key) {
  const auto slot = slots_.find(key);
  const auto owner = owners_.find(slot->second.owner);
  bytes_ -= slot->second.bytes;
  owner->second.bytes -= slot->second.bytes;
  owner->second.keys.erase(slot->second.of_owner);
  if (owner->second.keys.empty()) owners_.erase(owner);
  order_.erase(slot->second.of_all);
  slots_.erase(slot);
}

}  // namespace kluis::service

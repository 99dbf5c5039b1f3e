#include "service/request_cache.h"

#include <utility>

namespace kluis::service {
namespace {

constexpr int64_t kKeptSeconds = 600;
constexpr size_t kMaxKept = 20'000;

}  // namespace

absl::StatusOr<std::shared_ptr<const RequestCache::Answer>> RequestCache::Begin(
    const std::string& key, const crypto::Hash& request) {
  std::unique_lock lock(mutex_);
  DropOld(clock_.NowUnix());
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

void RequestCache::Finish(const std::string& key, std::shared_ptr<const Answer> answer,
                          bool remember) {
  {
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(key);
    if (slot == slots_.end()) return;
    if (remember) {
      slot->second.answer = std::move(answer);
      slot->second.expires_at = clock_.NowUnix() + kKeptSeconds;
      order_.push_back(key);
    } else {
      slots_.erase(slot);
    }
  }
  answered_.notify_all();
}

void RequestCache::Forget() {
  const std::lock_guard lock(mutex_);
  for (const std::string& key : order_) slots_.erase(key);
  order_.clear();
}

void RequestCache::DropOld(int64_t now) {
  while (!order_.empty()) {
    const auto slot = slots_.find(order_.front());
    const bool old = slot == slots_.end() || slot->second.expires_at <= now;
    if (!old && order_.size() <= kMaxKept) return;
    if (slot != slots_.end()) slots_.erase(slot);
    order_.pop_front();
  }
}

}  // namespace kluis::service

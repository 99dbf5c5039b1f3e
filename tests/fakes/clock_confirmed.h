// SPDX-License-Identifier: Apache-2.0
// For vaults that were down for longer than their clock is believed. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_
#define KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_

#include <functional>
#include <vector>

#include "client/draft.h"
#include "gtest/gtest.h"
#include "tests/fakes/test_vault.h"

namespace kluis {

// Down while `seconds` pass, then up again.
inline void StayDown(TestVault& vault, int64_t seconds) {
  vault.ShutDown();
  vault.Advance(seconds);
  const absl::Status started = vault.TryStart();
  ASSERT_TRUE(started.ok()) << started;
}

// A ClockOrder or ClockSetBackOrder: for the log as it is, and the time that the machine shows.
template <class Order>
v1::Envelope ClockOrderOf(TestVault& vault, const std::vector<const crypto::SigningKey*>& keys,
                          const std::function<void(Order&)>& change = {}) {
  const v1::ClockStatus clock = vault.Status().clock();
  Order order;
  *order.mutable_time() = client::ToTimestamp(vault.now());
  order.set_size(static_cast<uint32_t>(clock.head_size()));
  order.set_root(clock.head_root());
  order.set_reasons("The machine was moved.");
  if (change) change(order);
  return vault.Sign(order, keys);
}

inline Reply<v1::ConfirmClockResponse> SendConfirm(TestVault& vault, const v1::Envelope& order) {
  v1::ConfirmClockRequest request;
  *request.mutable_order() = order;
  return vault.Call("operator/one", &v1::VaultService::Stub::ConfirmClock, request);
}

// Two operators say that it is what the machine's clock shows.
inline void ConfirmClock(TestVault& vault) {
  const v1::Envelope order = ClockOrderOf<v1::ClockOrder>(
      vault, {&vault.KeyOf("operator/one"), &vault.KeyOf("operator/two")});
  Must(SendConfirm(vault, order), "confirm");
}

inline void SleepFor(TestVault& vault, int64_t seconds) {
  StayDown(vault, seconds);
  ConfirmClock(vault);
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_

// For vaults that were down for longer than their clock is believed. Functions of their arguments.
#ifndef KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_
#define KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_

#include "client/draft.h"
#include "tests/fakes/test_vault.h"

namespace kluis {

// Two operators say that it is what the machine's clock shows.
inline void ConfirmClock(TestVault& vault) {
  const v1::ClockStatus clock = vault.Status().clock();
  v1::ClockOrder order;
  *order.mutable_time() = client::ToTimestamp(vault.now());
  order.set_size(static_cast<uint32_t>(clock.head_size()));
  order.set_root(clock.head_root());
  order.set_reasons("The vault was down for long.");
  v1::ConfirmClockRequest request;
  *request.mutable_order() =
      vault.Sign(order, {&vault.KeyOf("operator/one"), &vault.KeyOf("operator/two")});
  Must(vault.Call("operator/one", &v1::VaultService::Stub::ConfirmClock, request), "confirm");
}

// Down while `seconds` pass, then up again, with its clock confirmed.
inline void SleepFor(TestVault& vault, int64_t seconds) {
  vault.ShutDown();
  vault.Advance(seconds);
  const absl::Status started = vault.TryStart();
  ASSERT_TRUE(started.ok()) << started;
  ConfirmClock(vault);
}

}  // namespace kluis

#endif  // KLUIS_TESTS_FAKES_CLOCK_CONFIRMED_H_
